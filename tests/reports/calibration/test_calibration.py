"""The simulations in small, and that they would find a wrong interval."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner

from harness.cli import main
from reports.calibration.experiments import LEVEL, families, null, powers, true_variance
from reports.calibration.many import effects
from reports.calibration.tables import calibration_markdown, standard_error
from reports.calibration.truth import Truth, draw
from reports.statistics import LIKE_THESE, THESE, effect

COMPARISONS = 600
FEW = Truth(seeds=3, items=50, samples=8, seed_sd=0.03)


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def test_many_effects_are_each_of_them() -> None:
    drawn = draw(Truth(seeds=4, items=30, samples=2, seed_sd=0.02, arms=3, difference=0.05), 5, rng())
    found = effects(drawn.differences)
    for place in np.ndindex(5, 3):
        one = effect([drawn.differences[place]])
        assert found.mean[place] == pytest.approx(one.mean, abs=1e-9)
        for target in (THESE, LIKE_THESE):
            assert found.half_width(LEVEL, target)[place] == pytest.approx(
                one.interval(LEVEL, target).half_width, abs=1e-9
            )


@pytest.mark.parametrize("kind", ["normal", "skewed"])
def test_the_truth_is_what_it_says(kind: str) -> None:
    truth = Truth(seeds=4, items=40, samples=2, seed_sd=0.03, kind=kind, difference=0.1)  # type: ignore[arg-type]
    drawn = draw(truth, 4000, rng())
    means = drawn.differences[:, 0].mean(axis=(1, 2))
    assert means.mean() == pytest.approx(0.1, abs=4 * means.std() / np.sqrt(4000))
    assert means.var() == pytest.approx(true_variance(truth, LIKE_THESE), rel=0.1)
    on_these = means - drawn.on_these[:, 0]
    assert on_these.mean() == pytest.approx(0.0, abs=4 * on_these.std() / np.sqrt(4000))
    assert on_these.var() == pytest.approx(true_variance(truth, THESE), rel=0.1)


@pytest.mark.parametrize(
    "truth",
    [
        FEW,
        Truth(seeds=3, items=500, samples=1, seed_sd=0.0),
        Truth(seeds=10, items=50, samples=1, seed_sd=0.01),
        Truth(seeds=5, items=50, samples=8, seed_sd=0.03, kind="skewed"),
    ],
)
def test_intervals_cover_and_verdicts_are_rarely_false(truth: Truth) -> None:
    found = null(truth, "as given", COMPARISONS, rng())
    error = standard_error(LEVEL, COMPARISONS)
    assert found.these.coverage > 0.94 - 3 * error
    assert found.like.coverage > 0.94 - 3 * error
    assert found.false < 0.05 + 3 * error
    assert found.verdicts <= found.false


def test_stacking_answers_in_the_place_of_seeds_would_be_found() -> None:
    """The commonest error: every answer counts as if it were a training run."""
    wrong = []
    for drawn in (draw(FEW, COMPARISONS, rng()),):
        values = drawn.differences[:, 0].reshape(COMPARISONS, -1)
        half = 1.96 * values.std(axis=1, ddof=1) / np.sqrt(values.shape[1])
        wrong.append((np.abs(values.mean(axis=1)) > half).mean())
    assert wrong[0] > 0.05 + 3 * standard_error(LEVEL, COMPARISONS)


def test_a_normal_quantile_for_three_seeds_would_be_found() -> None:
    found = effects(draw(FEW, COMPARISONS, rng()).differences[:, 0])
    covered = (np.abs(found.mean) <= 1.96 * np.sqrt(found.over_seeds + found.over_items)).mean()
    assert covered < 0.94 - 3 * standard_error(LEVEL, COMPARISONS)


def test_power_is_as_printed() -> None:
    for row in powers(COMPARISONS, rng()):
        assert row.found == pytest.approx(row.printed, abs=0.03 + 3 * standard_error(0.8, COMPARISONS))


def test_ten_arms_are_rarely_told_apart_by_chance() -> None:
    for row in families(COMPARISONS, rng()):
        assert row.any_false < 0.05 + 3 * standard_error(0.05, COMPARISONS)


def test_a_target_that_is_missed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    from reports.calibration import tables

    rows = [null(FEW, "3 points", 200, rng())], list(powers(100, rng())), list(families(100, rng()))
    assert "| coverage for these items at least 94% |" in calibration_markdown(*rows, "a command")
    monkeypatch.setattr(tables, "COVERED", 1.01)
    assert "% | no |" in calibration_markdown(*rows, "a command")


def test_the_command_writes_the_page(tmp_path: pytest.TempPathFactory) -> None:
    path = f"{tmp_path}/calibration.md"
    done = CliRunner().invoke(main, ["calibrate", "--comparisons", "100", "--write", path])
    assert done.exit_code == 0, done.output
    with open(path, encoding="utf-8") as stream:
        text = stream.read()
    assert text in done.output
    assert text.count("\n| none | ") == 12
