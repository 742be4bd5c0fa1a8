"""When a reset is due: each trigger fires when its condition holds and not otherwise, and waits for the cool-down."""

from __future__ import annotations

import io
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from strategies import Progress, State
from strategies.resets.triggers import Timer, watch_of


def timer(**changes: Any) -> Timer:
    values: dict[str, Any] = {
        "trigger": "every",
        "every_steps": 3,
        "mean_steps": 10.0,
        "watch": None,
        "cool_down_steps": 0,
        "most": None,
        **changes,
    }
    return Timer(**values)


def fired(
    asked: Timer,
    entropies: list[float],
    state: State | None = None,
    start: int = 0,
    source: torch.Generator | None = None,
) -> tuple[dict[int, str], State]:
    """Return the causes by step, for the steps after `start` with these numbers measured, and the last state."""
    source = source or torch.Generator().manual_seed(0)
    state, causes = asked.init() if state is None else state, {}
    for step, entropy in enumerate(entropies, start=start + 1):
        now = Progress(step=step, share=0.0, reward=0.5, entropy=1.0, generator=source)
        cause, state = asked.ask({"entropy": entropy}, now, state)
        if cause is not None:
            causes[step] = cause
    return causes, state


def steps(asked: Timer, count: int) -> list[int]:
    return list(fired(asked, [1.0] * count)[0])


def test_every_so_many_steps() -> None:
    assert fired(timer(), [1.0] * 10)[0] == dict.fromkeys((3, 6, 9), "every 3 steps")
    assert steps(timer(every_steps=11), 10) == []


@pytest.mark.parametrize(("cool_down", "expected"), [(2, [3, 6, 9, 12, 15]), (3, [3, 9, 15]), (7, [3, 12])])
def test_a_step_that_falls_into_the_cool_down_is_let_pass(cool_down: int, expected: list[int]) -> None:
    asked = timer(cool_down_steps=cool_down)
    assert steps(asked, 17) == expected
    assert asked.every_gap_steps == expected[1] - expected[0]


def test_resets_at_random_come_once_in_the_mean_number_of_steps() -> None:
    found = steps(timer(trigger="random"), 4000)
    # Binomial(4000, 0.1): mean 400, standard deviation 19; four of them.
    assert abs(len(found) - 400) < 76
    # A geometric gap of mean m has standard deviation √(m² − m) = 9.5; a fixed one would have none.
    assert torch.tensor(found).diff().float().std().item() == pytest.approx(9.5, rel=0.25)
    assert steps(timer(trigger="random", mean_steps=1.0), 4) == [1, 2, 3, 4]
    assert steps(timer(trigger="random", mean_steps=1e9), 100) == []


def test_the_mean_gap_at_random_is_the_cool_down_and_the_mean() -> None:
    gaps = torch.tensor(steps(timer(trigger="random", cool_down_steps=5), 6000)).diff()
    assert int(gaps.min()) == 6
    assert gaps.float().mean().item() == pytest.approx(15, rel=0.1)  # 400 gaps of deviation 9.5: 0.48, so three of them


def test_the_global_generator_is_not_read() -> None:
    torch.manual_seed(1)
    first = steps(timer(trigger="random"), 50)
    torch.manual_seed(2)
    assert steps(timer(trigger="random"), 50) == first


@pytest.mark.usefixtures("low")
def test_a_watch_fires_when_it_alarms_and_says_why() -> None:
    asked = timer(trigger="collapse", watch=watch_of("collapse", 0.5, 2))
    assert fired(asked, [0.9, 0.4, 0.4, 0.9, 0.9])[0] == {3: "collapse: 0.40 < 0.50"}
    assert fired(asked, [0.9, 0.6, 0.5, 0.6])[0] == {}


@pytest.mark.usefixtures("low")
def test_a_watch_goes_on_in_the_cool_down_and_is_not_listened_to() -> None:
    asked = timer(trigger="collapse", watch=watch_of("collapse", 0.5, 2), cool_down_steps=3)
    assert list(fired(asked, [0.0] * 12)[0]) == [2, 6, 10]
    # At step 6 its window holds steps 5 and 6, both after the reset: 5 was low and 6 is not low enough.
    assert list(fired(asked, [0.0, 0.0, 0.9, 0.9, 0.0, 1.1])[0]) == [2]


@pytest.mark.parametrize(
    ("trigger", "provoked", "threshold", "quiet"),
    [
        ("diversity", {"effective_rank": 1.5}, 2.0, {"effective_rank": 3.0}),
        ("collapse", {"entropy": 0.1}, 0.5, {"entropy": 0.9}),
        ("drift", {"drift": 0.3}, 0.2, {"drift": 0.1}),
        ("plateau", {"gain": 0.0}, 0.01, {"gain": 0.01}),
    ],
)
def test_a_reset_listens_to_the_watch_itself(
    trigger: Any, provoked: dict[str, float], threshold: float, quiet: dict[str, float]
) -> None:
    """Each trigger resets where its watch's condition holds, and not where it doesn't."""

    def resets(seen: dict[str, float]) -> list[str]:
        asked, causes = timer(trigger=trigger, watch=watch_of(trigger, threshold, 4), cool_down_steps=3), []
        state = asked.init()
        for step in range(1, 21):
            now = Progress(
                step=step,
                share=step / 20,
                reward=0.5 + step * seen.get("gain", 0.0),
                entropy=seen.get("entropy", 1.0),
                rollouts=10**6,
                drift=lambda: seen.get("drift", 0.0),
                generator=torch.Generator(),
            )
            cause, state = asked.ask(seen, now, state)
            causes += [] if cause is None else [cause]
        return causes

    found = resets(provoked)
    assert len(found) >= 3
    assert all(cause.startswith(f"{trigger}: ") for cause in found)
    assert resets(quiet) == []


@pytest.mark.parametrize(("most", "expected"), [(0, []), (2, [3, 6]), (None, [3, 6, 9, 12])])
def test_there_are_never_more_than_the_most(most: int | None, expected: list[int]) -> None:
    assert steps(timer(most=most), 12) == expected


@pytest.mark.usefixtures("low")
@pytest.mark.parametrize("trigger", ["every", "random", "collapse"])
@pytest.mark.parametrize("half", range(1, 12))
def test_resumed_anywhere_in_a_cool_down_it_is_the_same(trigger: Any, half: int) -> None:
    asked = timer(trigger=trigger, watch=watch_of(trigger, 0.5, 2), cool_down_steps=4, mean_steps=2.0)
    entropies = [0.0, 0.3, 0.9, 0.0] * 3
    whole, last = fired(asked, entropies)
    assert whole, "nothing fired, so nothing was resumed"
    source = torch.Generator().manual_seed(0)
    first, state = fired(asked, entropies[:half], source=source)
    stream = io.BytesIO()
    torch.save(state, stream)
    stream.seek(0)
    loaded = torch.load(stream, weights_only=True)
    second, state = fired(asked, entropies[half:], loaded, half, source)
    assert (first | second, state) == (whole, last)


@given(every=st.integers(1, 12), cool_down=st.integers(0, 30), most=st.none() | st.integers(0, 4))
def test_gaps_are_never_shorter_than_the_cool_down(every: int, cool_down: int, most: int | None) -> None:
    asked = timer(every_steps=every, cool_down_steps=cool_down, most=most)
    found = steps(asked, 60)
    assert all(later - earlier == asked.every_gap_steps > cool_down for earlier, later in pairwise(found))
    assert most is None or len(found) <= most
