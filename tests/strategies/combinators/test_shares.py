"""How the hedge's share moves, and what a whole number of things makes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from math import floor
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from strategies import Progress, Rollouts, RunSettings, SignalName, State, build
from strategies.combinators.shares import Share, annealed, require_counts, rounded, turned, watched
from strategies.watches import WATCHES
from strategies.watches.watch import Verdict, Watch

RolloutFactory = Callable[..., Rollouts]
HUNDREDTHS = st.integers(0, 100)


@dataclass(frozen=True, kw_only=True)
class Poor(Watch):
    """Alarms where the mean reward of the batch is below 0.8."""

    name = "poor"

    def needs(self) -> frozenset[SignalName]:
        return frozenset({"entropy"})

    def check(self, run: RunSettings) -> None:
        if run.group_size < 2:
            raise ValueError("poor sees nothing in a group of one")

    def init(self) -> State:
        return {"judged": 0}

    def measure(self, rollouts: Rollouts) -> Mapping[str, float]:
        return {"reward": rollouts.rewards.mean().item()}

    def judge(self, measured: Mapping[str, float], progress: Progress, state: State) -> tuple[Verdict, State]:
        alarm = measured["reward"] < 0.8
        because = f"reward {measured['reward']:g} is below 0.8" if alarm else ""
        return Verdict(alarm=alarm, numbers=measured, because=because), {"judged": state["judged"] + 1}


@pytest.fixture(autouse=True)
def _poor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(WATCHES, "diversity", Poor)


def watching(**other: Any) -> Share:
    return Share(**{"start": 0.2, "by": "watch", "end": 0.5, "step": 0.125, "watch": "diversity", **other})


def after(step: int, spent: float = 0.0) -> Progress:
    return Progress(step=step, share=spent, reward=0.0, entropy=1.0, generator=torch.Generator())


@given(hundredths=HUNDREDTHS, of=st.integers(1, 400))
def test_a_share_is_rounded_to_the_nearest_and_a_half_goes_up(hundredths: int, of: int) -> None:
    assert rounded(hundredths / 100, of) == floor(Fraction(hundredths, 100) * of + Fraction(1, 2))


def test_rounding_by_hand() -> None:
    assert [rounded(0.2, of) for of in (1, 2, 3, 8, 16)] == [0, 0, 1, 2, 3]
    assert rounded(0.29, 50) == 15, "14.5, which floating point makes a little less"


@given(hundredths=HUNDREDTHS)
def test_of_t_batches_the_hedge_has_t_shares_without_the_rest(hundredths: int) -> None:
    owed, had = 0.0, 0
    for batches in range(1, 301):
        hedges, owed = turned(owed, hundredths / 100)
        had += hedges
        assert had == floor(batches * Fraction(hundredths, 100))


def test_a_third_of_the_batches_is_every_third() -> None:
    owed, turns = 0.0, []
    for _ in range(6):
        hedges, owed = turned(owed, 1 / 3)
        turns.append(hedges)
    assert turns == [False, False, True, False, False, True]


def test_an_annealed_share_is_straight_in_the_budget_and_ends_exactly() -> None:
    assert [annealed(0.4, 0.1, spent) for spent in (0, 0.5, 1, 1.2)] == pytest.approx([0.4, 0.25, 0.1, 0.1])
    assert annealed(0.3, 0.1, 1.0) == 0.1


def test_an_alarm_raises_the_share_up_to_its_most_and_quiet_lowers_it_to_its_least() -> None:
    assert [watched(now, True, 0.2, (0.1, 0.5)) for now in (0.1, 0.4, 0.5)] == pytest.approx([0.3, 0.5, 0.5])
    assert [watched(now, False, 0.2, (0.1, 0.5)) for now in (0.5, 0.2, 0.1)] == pytest.approx([0.3, 0.1, 0.1])


def test_a_share_that_stands_still_keeps_nothing_is_told_and_asks_no_watch(make_rollouts: RolloutFactory) -> None:
    for still in (watching(by="fixed", end=0.2), watching(end=0.2), watching(by="annealed", end=0.2)):
        assert (still.init(), still.asked(), still.moves, still.now({})) == ({}, {}, False, 0.2)
        still.check(RunSettings(group_size=1))
        assert still.looked(make_rollouts(), {}) == {}
        assert still.begun({}) == {}
        assert still.moved(after(1), {}) == ([], {})
        assert still.told({}) == {"share": 0.2}


def test_an_annealed_share_holds_for_a_batch_whatever_is_spent_meanwhile() -> None:
    share = watching(by="annealed", start=0.0, end=1.0)
    state = share.begun(share.init())
    for step, spent in ((1, 0.25), (2, 0.5)):
        events, state = share.moved(after(step, spent), state)
        assert (events, share.now(state)) == ([], 0.0)
    state = share.begun(state)
    assert share.now(state) == 0.5
    assert share.told(state) == {"share": 0.5}


def steps(share: Share, state: State, batches: list[Rollouts]) -> tuple[list[float], list[str], State]:
    """Take a share through batches; return the share of each, and the causes of what is noted."""
    shares, causes = [], []
    for number, rollouts in enumerate(batches, start=1):
        state = share.looked(rollouts, share.begun(state))
        shares.append(share.now(state))
        events, state = share.moved(after(number), state)
        assert all(event.kind == "note" for event in events)
        causes += [event.cause for event in events]
    return shares, causes, state


def test_the_share_grows_while_the_watch_alarms_and_falls_while_it_is_quiet(make_rollouts: RolloutFactory) -> None:
    good, poor = make_rollouts(rewards=[1] * 4), make_rollouts(rewards=[0] * 4)
    share = watching()
    shares, causes, state = steps(share, share.init(), [good, poor, poor, poor, poor, good, good, good, good, poor])
    assert shares == pytest.approx([0.2, 0.2, 0.325, 0.45, 0.5, 0.5, 0.375, 0.25, 0.2, 0.2])
    start = "the hedge's share grows from 0.2 by 0.125 a step: diversity watch: reward 0 is below 0.8"
    assert causes == [start, start], "noted where an alarm begins, not while it lasts"
    assert state["share"]["watch"] == {"judged": 10}
    assert share.told(state) == {"share": 0.2, "watch/alarm": 1.0, "watch/reward": 0.0}


def test_a_quiet_watch_never_moves_the_share(make_rollouts: RolloutFactory) -> None:
    share = watching()
    shares, causes, _ = steps(share, share.init(), [make_rollouts(rewards=[1] * 4)] * 5)
    assert (shares, causes) == ([0.2] * 5, [])


def test_the_watch_is_charged_for_what_it_asks_and_for_its_time(make_rollouts: RolloutFactory) -> None:
    share, charged = watching(), []

    @contextmanager
    def charge(part: str) -> Iterator[None]:
        charged.append(part)
        yield

    share.looked(replace(make_rollouts(), charge=charge), share.init())
    assert share.asked() == {"watch": {"entropy"}}
    assert charged == ["watch"]


def test_the_watch_checks_the_run() -> None:
    with pytest.raises(ValueError, match="poor sees nothing"):
        watching().check(RunSettings(group_size=1))
    with pytest.raises(ValueError, match="poor sees nothing"):
        build({"hybrid": {"primary": "grpo", "hedge": "rnd", "share_by": "watch"}}).check(RunSettings(group_size=1))


@pytest.mark.parametrize(
    ("reach", "of", "said"),
    [
        ((0.2, 0.2), 2, r"share 0\.2 of 2 rollouts: the hedge would get 0 of them in every batch\. Whole 2ths"),
        ((0.9, 0.9), 4, r"share 0\.9 of 4 rollouts: the hedge would get 4 of them .* from 0\.25 to 0\.75; or use by"),
        ((0.5, 0.5), 1, r"the hedge would get 1 of them in every batch\. No share works; or use by: advantages"),
        (
            (0.4, 0.6),
            4,
            r"a share between 0\.4 and 0\.6 of 4 rollouts: .* 2 of them all along\. .*, two different ones",
        ),
    ],
)
def test_a_share_that_rounds_away_is_refused(reach: tuple[float, float], of: int, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        require_counts(reach, of, "rollouts")


@pytest.mark.parametrize(("reach", "of"), [((0.25, 0.25), 2), ((0.2, 0.2), 8), ((0.0, 0.2), 4), ((0.0, 1.0), 1)])
def test_a_share_that_makes_a_number_is_allowed(reach: tuple[float, float], of: int) -> None:
    require_counts(reach, of, "rollouts")


def test_a_hybrid_goes_on_as_saved_while_a_watch_moves_its_share(contract: Any) -> None:
    """The rewards of the contract's steps are three quarters on average, so the alarm lasts."""
    parts = {"primary": "g2rl", "hedge": "rnd"}
    for by in ("advantages", "rollouts", "groups", "steps"):
        spec = {"hybrid": {**parts, "share": 0.25, "by": by, "share_by": "watch", "share_step": 0.2}}
        contract.require(partial(build, spec))
        shaped = contract.run(build(spec), contract.steps()).shaped
        assert [one.diagnostics["share"] for one in shaped] == pytest.approx([0.25, 0.45, 0.5, 0.5])
