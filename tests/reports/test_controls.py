"""What a report says of controls, and that none of them is claimed as an improvement."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.store.paths import RunPaths
from reports import write_report
from reports.claims import switched_off
from reports.controls import TITLE, Controls, controls
from reports.leaderboard import cells, leaderboard
from reports.read import Run, read_run
from reports.summary import plain_answer

if TYPE_CHECKING:
    from tests.reports.conftest import RunSpec, WriteRun

NOISE = "noise_novelty(g2rl)"
LEFT_OUT = {"name": NOISE, "control_of": ["g2rl"]}
OFF = "Controls are switched off in this plan"
BASELINE, G2RL = (2, 3, 4), (7, 9, 10)
"""Right answers of 10 at the last checkpoint, by seed."""


def marked(root: Path, of: Mapping[str, list[str]], left_out: list[dict[str, Any]] | None = None) -> Path:
    """Mark arms of a synthetic run as controls; with `left_out`, the plan has switched its own controls off."""
    path = RunPaths(root).resolved
    resolved = json.loads(path.read_text())
    for arm in resolved["arms"]:
        kind = arm["name"].split("(")[0]
        arm |= {"control_of": of.get(arm["name"], []), "added": arm["name"] in of, "strategy": {kind: {}}}
        arm["family"] = "controls" if kind in ("base", "grpo", "random_reward", "noise_novelty") else kind
    resolved["controls"] = {"on": left_out is None, "left_out": left_out or []}
    path.write_text(json.dumps(resolved))
    return root


def correct(**arms: tuple[int, ...]) -> dict[tuple[str, int, int], int]:
    """Return right answers at the last checkpoint; `noise` is short for the control of g2rl."""
    found = {"grpo": BASELINE, "g2rl": G2RL} | {
        NOISE if arm == "noise" else arm: values for arm, values in arms.items()
    }
    return {(arm, seed, 2): value for arm, values in found.items() for seed, value in enumerate(values)}


@pytest.fixture
def noisy(write_run: WriteRun, spec: type[RunSpec]) -> Run:
    """Return a run whose g2rl scores as much as its control, both far above the baseline."""
    return read_run(
        marked(write_run(spec(arms=("grpo", "g2rl", NOISE), correct=correct(noise=G2RL))), {NOISE: ["g2rl"]})
    )


def answer(run: Run) -> list[str]:
    return plain_answer(run, leaderboard(run))


def compared(run: Run) -> Controls:
    return controls(run, leaderboard(run).at)


def test_an_arm_less_its_control_by_hand(write_run: WriteRun, spec: type[RunSpec]) -> None:
    root = write_run(spec(arms=("grpo", "g2rl", NOISE), correct=correct(noise=(7, 8, 8))))
    found = compared(read_run(marked(root, {NOISE: ["g2rl"]})))
    # 0, 10 and 20 points: sd 10 over 3 seeds, 4.3027 * 10 / sqrt(3) = 24.8.
    assert [row.texts for row in found.rows] == [
        ("g2rl", NOISE, "+10.0 [\N{MINUS SIGN}14.8, +34.8]", "3/3", "can't tell")
    ]
    assert (found.joint, found.uncounted) == ("95% interval", "")


def test_the_intervals_of_all_pairs_hold_together(write_run: WriteRun, spec: type[RunSpec]) -> None:
    arms = {"noise": (7, 8, 8), "greso": (9, 9, 10), "accuracy_band": (0, 0, 1), "random_subset": (3, 3, 3)}
    root = write_run(
        spec(arms=("grpo", "g2rl", "greso", "accuracy_band", "random_subset", NOISE), correct=correct(**arms))
    )
    found = compared(read_run(marked(root, {NOISE: ["g2rl"], "random_subset": ["greso", "accuracy_band"]})))
    # Three pairs: t at 98.33% with 2 degrees of freedom is 7.6488, times 5.774 / sqrt(3) 25.5 for the surest; Holm
    # leaves 97.5% (6.2053: 20.7) for the next, and 95% for the last (4.3027 * 10 / sqrt(3) = 24.8).
    assert {row.arm: row.texts[2:] for row in found.rows} == {
        "g2rl": ("+10.0 [\N{MINUS SIGN}14.8, +34.8]", "3/3", "can't tell"),
        "greso": ("+63.3 [+37.8, +88.8]", "3/3", "more than its control"),
        "accuracy_band": ("\N{MINUS SIGN}26.7 [\N{MINUS SIGN}47.4, \N{MINUS SIGN}6.0]", "3/3", "less than its control"),
    }
    assert found.joint == "joint 95% interval over 3 pairs"


def test_a_gain_that_its_control_has_too_is_told_with_it(noisy: Run) -> None:
    first, second, third = answer(noisy)[:3]
    assert first == (
        "On countdown, g2rl scores 56.7 points (joint 95% interval over 2 arms 36.0 to 77.4) higher than the baseline "
        "grpo."
    )
    assert second == (
        f"But g2rl gains no more than its control {NOISE}: its gain need not come from what its bonus says."
    ), "answer for answer the same"
    assert third == (
        f"Of the controls: {NOISE} scores 56.7 points (joint 95% interval over 2 arms 42.3 to 71.0) higher than the "
        "baseline grpo, which is no improvement but a warning: noise does as much, so a gain of g2rl need not come "
        "from what its bonus says."
    )


@pytest.mark.parametrize(
    ("g2rl", "noise", "told"),
    [
        (G2RL, BASELINE, f"g2rl also scores 56.7 points (95% interval 42.3 to 71.0) higher than its control {NOISE}."),
        (
            (4, 5, 7),
            (7, 8, 9),
            f"But g2rl scores 26.7 points (95% interval 12.3 to 41.0) lower than its control {NOISE}: "
            "its gain need not come from what its bonus says.",
        ),
    ],
)
def test_a_gain_beyond_its_control_or_short_of_it(
    g2rl: tuple[int, ...], noise: tuple[int, ...], told: str, write_run: WriteRun, spec: type[RunSpec]
) -> None:
    root = write_run(spec(arms=("grpo", "g2rl", NOISE), correct=correct(g2rl=g2rl, noise=noise)))
    assert answer(read_run(marked(root, {NOISE: ["g2rl"]})))[1] == told


def test_an_arm_without_a_gain_needs_no_control(write_run: WriteRun, spec: type[RunSpec]) -> None:
    root = write_run(spec(arms=("grpo", "g2rl", NOISE), correct=correct(g2rl=(4, 3, 2), noise=(4, 3, 2))))
    first, second = answer(read_run(marked(root, {NOISE: ["g2rl"]})))[:2]
    assert NOISE not in first
    assert second == f"Of the controls: this run can't tell {NOISE} from the baseline grpo."


def test_rewards_that_mean_nothing_are_no_improvement(write_run: WriteRun, spec: type[RunSpec]) -> None:
    root = write_run(spec(arms=("grpo", "random_reward"), correct=correct(random_reward=(5, 6, 8))))
    run = read_run(marked(root, {}))
    first, second = answer(run)[:2]
    assert first == "Every arm that is compared with the baseline grpo is a control: no improvement to report."
    assert second.startswith("Of the controls: random_reward scores 33.3 points")
    assert "rewards that mean nothing did it, so a gain in this run need not come from what is rewarded." in second
    assert compared(run).rows == (), "it belongs to no arm"


def test_a_control_that_is_lower_is_told_so(write_run: WriteRun, spec: type[RunSpec]) -> None:
    root = write_run(spec(arms=("grpo", "g2rl", "random_reward"), correct=correct(random_reward=(0, 0, 1))))
    assert answer(read_run(marked(root, {})))[1] == (
        "Of the controls: random_reward scores 26.7 points (joint 95% interval over 2 arms 12.3 to 41.0) lower than "
        "the baseline grpo."
    )


def test_controls_are_marked_and_ranked(noisy: Run) -> None:
    board = leaderboard(noisy)
    assert [row.arm for row in board.ranked] == ["g2rl", NOISE, "grpo", "base"]
    assert [cells(row, board)[0] for row in board.ranked] == [
        "g2rl", f"{NOISE} (control of g2rl)", "grpo (baseline)", "base (untrained)",
    ]  # fmt: skip
    assert {row.arm: row.verdict for row in board.rows}[NOISE] == "improved"
    assert [row.arm for row in board.candidates] == ["g2rl"]


def test_a_baseline_can_be_a_control(write_run: WriteRun, spec: type[RunSpec]) -> None:
    root = write_run(spec(arms=("random_subset", "greso"), baseline="random_subset"))
    run = read_run(marked(root, {"random_subset": ["greso"]}))
    board = leaderboard(run)
    assert {row.arm: row.role for row in board.rows}["random_subset"] == "baseline, control of greso"
    assert not any(text.startswith("Of the controls") for text in answer(run))
    assert [row.arm for row in compared(run).rows] == ["greso"]


@pytest.mark.parametrize(
    ("failed", "unfinished", "texts", "uncounted", "told"),
    [
        (
            {1: "too big"},
            {},
            ("+10.0 [\N{MINUS SIGN}117.1, +137.1]", "2/3", "can't tell"),  # 0 and 20 points: 12.706 * sd / sqrt(2)
            f"{NOISE}: seed 1 failed",
            "But this run can't tell g2rl",
        ),
        (
            {0: "too big", 1: "too big", 2: "too big"},
            {},
            ("failed", "0/3", "no seed has both"),
            f"{NOISE}: seeds 0, 1 and 2 failed",
            f"Whether g2rl gains more than its control {NOISE} is unknown: in every seed a cell failed.",
        ),
        (
            {0: "too big"},
            {1: 1, 2: 1},
            ("not yet", "0/3", "no seed has both"),
            f"{NOISE}: seed 0 failed, seeds 1 and 2 interrupted",
            f"Whether g2rl gains more than its control {NOISE} is unknown: no seed has a score of both yet.",
        ),
    ],
)
def test_what_is_missing_is_said(
    failed: dict[int, str],
    unfinished: dict[int, int],
    texts: tuple[str, ...],
    uncounted: str,
    told: str,
    write_run: WriteRun,
    spec: type[RunSpec],
    tmp_path: Path,
) -> None:
    root = write_run(
        spec(
            arms=("grpo", "g2rl", NOISE),
            correct=correct(noise=(7, 8, 8)),
            failed={(NOISE, seed): cause for seed, cause in failed.items()},
            unfinished={(NOISE, seed): last for seed, last in unfinished.items()},
        )
    )
    run = read_run(marked(root, {NOISE: ["g2rl"]}))
    found = compared(run)
    assert found.rows[0].texts[2:] == texts
    assert found.uncounted == uncounted
    assert told in answer(run)[1]
    folder = write_report(root, tmp_path / "site").root
    for name in ("index.html", "leaderboard.md"):
        assert f"Not counted: {uncounted}." in unescape((folder / name).read_text())


def test_before_anything_is_trained_no_difference_is_made_up(write_run: WriteRun, spec: type[RunSpec]) -> None:
    arms = ("grpo", "g2rl", NOISE)
    root = write_run(spec(arms=arms, unfinished={(arm, seed): 0 for arm in arms for seed in range(3)}))
    row = compared(read_run(marked(root, {NOISE: ["g2rl"]}))).rows[0]
    assert row.texts[2:] == ("not yet", "0/3", "no seed has both")
    assert OFF in " ".join(answer(read_run(marked(root, {}, [LEFT_OUT]))))


@pytest.mark.parametrize(
    ("left_out", "told"),
    [
        ([], f"{OFF}, and none that belongs to its arms is missing."),
        (
            [LEFT_OUT],
            f"{OFF}: {NOISE}, which would show whether the bonus of g2rl says more than noise of its size, was not "
            "trained.",
        ),
        (
            [
                {"name": "grpo", "control_of": []},
                LEFT_OUT,
                {"name": "noise_novelty(rnd)", "control_of": ["rnd"]},
                {"name": "dice (control)", "control_of": ["oracle"]},
            ],
            f"{OFF}: grpo, which would show what plain training does, and {NOISE} and noise_novelty(rnd), which would "
            "show whether the bonus of g2rl and rnd says more than noise of its size, and dice (control), which would "
            "show whether the idea of oracle matters, were not trained.",
        ),
    ],
)
def test_controls_that_are_switched_off_are_told(
    left_out: list[dict[str, Any]], told: str, write_run: WriteRun, spec: type[RunSpec], tmp_path: Path
) -> None:
    root = marked(write_run(spec(correct=correct())), {}, left_out)
    assert switched_off(read_run(root)) == told
    folder = write_report(root, tmp_path / "site").root
    page, table = (unescape((folder / name).read_text()) for name in ("index.html", "leaderboard.md"))
    assert told in table
    assert told in page[: page.index("<main>")]
    assert TITLE not in page + table


@pytest.mark.parametrize("old", [True, False])
def test_where_no_control_belongs_to_an_arm_nothing_is_said(
    old: bool, write_run: WriteRun, spec: type[RunSpec], tmp_path: Path
) -> None:
    """A plan written before there were controls counts as one without."""
    root = write_run(spec(correct=correct()))
    folder = write_report(root if old else marked(root, {}), tmp_path / "site").root
    for name in ("index.html", "leaderboard.md"):
        text = (folder / name).read_text()
        assert not any(mark in text for mark in ('id="controls"', "## Controls", "control of", "its control"))


def test_page_and_markdown_have_the_same_rows(write_run: WriteRun, spec: type[RunSpec], tmp_path: Path) -> None:
    arm = "<b>g2rl</b> | `x`"
    nasty = f"noise_novelty({arm})"
    root = marked(write_run(spec(arms=("grpo", arm, nasty), seed_noise=0.05)), {nasty: [arm]})
    folder = write_report(root, tmp_path / "site").root
    page, table = ((folder / name).read_text() for name in ("index.html", "leaderboard.md"))
    row = compared(read_run(root)).rows[0]
    section = page[page.index('<section id="controls"') : page.index('<section id="scores"')]
    assert 'href="#controls"' in page
    assert "<b>" not in page + table
    assert f"## {TITLE}" in table
    for text in row.texts:
        assert text in unescape(section)
        assert text in unescape(table)
    under = table[table.index(TITLE) :].split("\n## ")[0].splitlines()
    assert len({line.count("|") for line in under if line.startswith("|")}) == 1
    assert '<tr class="control">' in page
