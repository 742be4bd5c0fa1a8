"""Every watch alarms when its condition is provoked, is silent when it is not, and can be saved in between."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from math import sqrt
from typing import Any

import pytest
import torch

from strategies import Progress, Rollouts, RunSettings
from strategies.watches import WATCHES, Collapse, Diversity, Drift, Plateau, Verdict, Watch
from strategies.watches.plateau import noise_floor

STEPS = 40


def progress(step: int, **changes: Any) -> Progress:
    """Return where a run of `STEPS` steps stands."""
    usual = {
        "share": step / STEPS,
        "reward": 0.5,
        "entropy": 1.0,
        "zero_variance": 0.2,
        "flops": step * 1e9,
        "rollouts": 10**6,
    }
    return Progress(step=step, generator=torch.Generator(), **{**usual, **changes})


def verdicts(watch: Watch, steps: Sequence[tuple[dict[str, float], Progress]]) -> list[Verdict]:
    """Return what `watch` says, its state saved and loaded after every step."""
    state, said = watch.init(), []
    for measured, now in steps:
        verdict, state = watch.judge(measured, now, state)
        said.append(verdict)
        stream = io.BytesIO()
        torch.save(state, stream)
        stream.seek(0)
        state = torch.load(stream, weights_only=True)
    return said


def alarms(watch: Watch, steps: Sequence[tuple[dict[str, float], Progress]]) -> list[int]:
    """Return the steps at which `watch` alarms, each with a reason."""
    said = verdicts(watch, steps)
    assert all(bool(one.because) == one.alarm for one in said)
    return [now.step for one, (_, now) in zip(said, steps, strict=True) if one.alarm]


def diverse(rank: Callable[[int], float]) -> list[tuple[dict[str, float], Progress]]:
    return [({"effective_rank": rank(step)}, progress(step)) for step in range(1, STEPS + 1)]


def test_diversity_alarms_below_half_of_where_it_began() -> None:
    watch = Diversity(window_steps=2)
    assert alarms(watch, diverse(lambda step: 5.0)) == []
    # The first tenth is steps 1 to 4, of rank 5: below 3 is too little. Steps 20 and 21 average 3.5, 21 and 22 2.
    assert alarms(watch, diverse(lambda step: 5.0 if step <= 20 else 2.0)) == list(range(22, STEPS + 1))
    assert alarms(Diversity(window_steps=2, threshold=1.9), diverse(lambda step: 5.0 if step <= 20 else 2.0)) == []
    assert alarms(Diversity(window_steps=1, threshold=4.0), diverse(lambda step: 3.0))[0] == 1  # given: no need to wait


def collapsing(entropy: float, uniform: float) -> list[tuple[dict[str, float], Progress]]:
    def at(step: int) -> Progress:
        return progress(step, entropy=entropy, zero_variance=uniform) if step > 20 else progress(step)

    return [({}, at(step)) for step in range(1, STEPS + 1)]


def test_collapse_of_entropy_and_of_variance() -> None:
    watch = Collapse(window_steps=1)
    assert alarms(watch, collapsing(0.26, 0.59)) == []  # a quarter of 1.0 nats; halfway from 0.2 to 1
    assert alarms(watch, collapsing(0.24, 0.2)) == list(range(21, STEPS + 1))
    assert alarms(watch, collapsing(1.0, 0.61)) == list(range(21, STEPS + 1))
    last = verdicts(watch, collapsing(0.24, 0.61))[-1]
    assert "entropy" in last.because
    assert "groups" in last.because


def drifting(drift: Callable[[int], float], asked: list[int]) -> list[tuple[dict[str, float], Progress]]:
    def at(step: int) -> Callable[[], float]:
        def measure() -> float:
            asked.append(step)
            return drift(step)

        return measure

    return [({}, progress(step, drift=at(step))) for step in range(1, STEPS + 1)]


def test_drift_alarms_beyond_ten_times_its_beginning_and_measures_seldom() -> None:
    asked: list[int] = []
    watch = Drift(window_steps=2)
    # Steps 1 to 4 are the first tenth: its most is 0.016, so 0.16 is too far; step 13 is the first past it.
    assert alarms(watch, drifting(lambda step: step**2 * 0.001, asked)) == list(range(13, STEPS + 1))
    assert asked == [1, 2, 3, 4, *range(5, STEPS + 1, 2)]
    assert alarms(watch, drifting(lambda step: 0.1, [])) == []
    assert (
        alarms(watch, drifting(lambda step: 0.001 * step, [])) == []
    )  # ten times 0.003 is less than the floor, which is 0.05
    assert alarms(Drift(window_steps=2, threshold=0.005), drifting(lambda step: 0.006, []))[0] == 1


def test_drift_of_a_run_whose_first_step_is_past_its_first_tenth() -> None:
    steps: list[tuple[dict[str, float], Progress]] = [
        ({}, progress(step, share=step / 2, drift=lambda: 0.5)) for step in (1, 2)
    ]
    assert [one.alarm for one in verdicts(Drift(), steps)] == [False, False]


def rising(reward: Callable[[int], float], samples: int | None = 1000) -> list[tuple[dict[str, float], Progress]]:
    return [({}, progress(step, reward=reward(step), suite_samples=samples)) for step in range(1, STEPS + 1)]


def test_plateau_when_the_next_tenth_buys_less_than_can_be_seen() -> None:
    watch = Plateau(window_steps=4)
    assert alarms(watch, rising(lambda step: 0.5)) == list(range(5, STEPS + 1))  # not in the first tenth
    assert alarms(watch, rising(lambda step: 0.1 + 0.02 * step)) == []  # 0.08 a tenth; the floor is about 0.04
    assert alarms(watch, rising(lambda step: 0.1 + 0.02 * min(step, 20)))[0] == 23
    flat = verdicts(watch, rising(lambda step: 0.5 + 0.004 * step))[3].numbers
    assert flat["gain"] == pytest.approx(0.008)
    # Two steps in each half, 0.004 apart: variances of 8e-6, an error of √(1.6e-5 / 2). Two steps are 1/20 of the run.
    assert flat["gain_error"] == pytest.approx(sqrt(8e-6))
    assert flat["gain_hoped"] == pytest.approx((0.008 + 1.6449 * sqrt(8e-6)) * 0.1 / 0.05)
    assert flat["gain_per_exaflop"] == pytest.approx(0.008 / 2e9 * 1e18)


def test_a_noisy_window_is_no_plateau_and_more_answers_see_more() -> None:
    noisy = rising(lambda step: 0.5 + 0.2 * (-1) ** step)
    assert alarms(Plateau(window_steps=4), noisy) == []
    # A hundredth of reward for each tenth of the budget.
    few, many = (rising(lambda step: 0.1 + 0.0025 * step, samples) for samples in (1000, 1_000_000))
    assert alarms(Plateau(window_steps=4), few)[0] == 5
    assert alarms(Plateau(window_steps=4), many) == []
    assert alarms(Plateau(window_steps=4, threshold=0.001), few) == []


def test_a_gain_has_at_least_the_error_of_its_rollouts() -> None:
    flat: list[tuple[dict[str, float], Progress]] = [({}, progress(step, rollouts=8)) for step in range(1, STEPS + 1)]
    said = verdicts(Plateau(window_steps=4), flat)
    # Two steps of 8 rollouts at a reward of one half: a variance of 1/64 for each half.
    assert said[-1].numbers["gain_error"] == pytest.approx(sqrt(2 / 64))
    assert not any(one.alarm for one in said)


def test_the_noise_floor_by_hand() -> None:
    assert noise_floor(0.5, 1000) == pytest.approx(1.96 * sqrt(0.5 / 1000))
    assert noise_floor(1.0, 98) == pytest.approx(1.96 * sqrt(2 * 0.99 * 0.01 / 98))


def test_what_diversity_measures(make_rollouts: Callable[..., Rollouts]) -> None:
    rewards = (1, 0, 0, 1)
    same = make_rollouts(rewards=rewards, features=[[1.0, 0]] * 4)
    apart = make_rollouts(rewards=rewards, features=[[1.0, 0], [0, 1], [-1, 0], [0, -1]])
    watch = Diversity()
    before = apart.generator.get_state() if apart.generator else None
    one, two = watch.measure(same), watch.measure(apart)
    assert (one["effective_rank"], one["cosine"], one["negative_pairs"]) == pytest.approx((1, 1, 0))
    assert (two["effective_rank"], two["cosine"], two["negative_pairs"]) == pytest.approx((2, -1 / 3, 1 / 3))
    assert two["answers"] == 2  # "1", "2", None, "1"
    (cosines,) = watch.cosines(apart).values()
    torch.testing.assert_close(cosines, torch.tensor([[0.0, -1.0, 0.0, 0.0, -1.0, 0.0]]))
    assert 1 <= two["vendi"] <= 4
    assert apart.generator is not None
    assert before is not None
    assert torch.equal(before, apart.generator.get_state())


@pytest.mark.parametrize("name", WATCHES)
def test_thresholds_have_ranges(name: str) -> None:
    with pytest.raises(ValueError, match="threshold must be"):
        WATCHES[name](threshold=-1.0)  # type: ignore[call-arg]  # each watch has one


def test_a_rank_that_no_group_reaches_is_refused() -> None:
    with pytest.raises(ValueError, match="above 8, the most directions"):
        Diversity(threshold=9.0).check(RunSettings(group_size=8))
