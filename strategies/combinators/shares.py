"""The hedge's share of a hybrid: how it moves from step to step, and what a whole number of things makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor
from typing import Literal

from strategies.contract import State
from strategies.progress import Event, Progress
from strategies.rollouts import Rollouts
from strategies.run import RunSettings
from strategies.signals import SignalName
from strategies.watches import WATCHES
from strategies.watches.watch import Verdict, Watch

HAIR = 1e-9
"""By which a product or a sum of shares may fall short of a whole number and still be one: 0.1 ten times is below 1."""
ShareBy = Literal["fixed", "annealed", "watch"]
WatchName = Literal["diversity", "plateau", "collapse", "drift"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """A share that may move from batch to batch; of one that doesn't, nothing is kept in the state."""

    start: float
    by: ShareBy
    end: float
    """Of the hedge when the budget is spent, or after a lasting alarm; the start if it is fixed."""
    step: float
    """How far an alarm moves it in one step."""
    watch: WatchName

    @property
    def reach(self) -> tuple[float, float]:
        """The least and the greatest share that there can be."""
        return min(self.start, self.end), max(self.start, self.end)

    @property
    def moves(self) -> bool:
        """Whether it does."""
        return self.start != self.end

    @property
    def watching(self) -> Watch | None:
        """What moves it by its alarms."""
        return WATCHES[self.watch]() if self.by == "watch" and self.moves else None

    def check(self, run: RunSettings) -> None:
        """Check the watch."""
        if self.watching:
            self.watching.check(run)

    def asked(self) -> dict[str, frozenset[SignalName]]:
        """Return what the watch asks for, charged to it."""
        return {"watch": self.watching.needs()} if self.watching else {}

    def init(self) -> State:
        """Hold the share of this batch and of the next, and what the watch has seen."""
        if not self.moves:
            return {}
        share: State = {"now": self.start, "next": self.start}
        if self.watching:
            share |= {"watch": self.watching.init(), "measured": {}, "alarm": False, "numbers": {}}
        return {"share": share}

    def now(self, state: State) -> float:
        """Return the share of this batch."""
        share: float = state["share"]["now"] if self.moves else self.start
        return share

    def begun(self, state: State) -> State:
        """Return the state in which a batch begins."""
        return {**state, "share": {**state["share"], "now": state["share"]["next"]}} if self.moves else state

    def looked(self, rollouts: Rollouts, state: State) -> State:
        """Let the watch measure the batch."""
        if not self.watching:
            return state
        with rollouts.charge("watch"):
            measured = dict(self.watching.measure(rollouts))
        return {**state, "share": {**state["share"], "measured": measured}}

    def moved(self, progress: Progress, state: State) -> tuple[list[Event], State]:
        """Move the share of the next batch; note when an alarm begins to raise it."""
        if not self.moves:
            return [], state
        share: State = state["share"]
        if not self.watching:
            return [], {**state, "share": {**share, "next": annealed(self.start, self.end, progress.share)}}
        verdict, inner = self.watching.judge(share["measured"], progress, share["watch"])
        after = watched(share["next"], verdict.alarm, self.step, self.reach)
        begins = verdict.alarm and not share["alarm"] and after > share["next"]
        events = [self._note(share["next"], verdict)] if begins else []
        seen = {"watch": inner, "alarm": verdict.alarm, "numbers": dict(verdict.numbers), "next": after}
        return events, {**state, "share": {**share, **seen}}

    def told(self, state: State) -> dict[str, float]:
        """Return what the log is told."""
        told = {"share": self.now(state)}
        if self.watching:
            share = state["share"]
            told["watch/alarm"] = float(share["alarm"])
            told |= {f"watch/{name}": value for name, value in share["numbers"].items()}
        return told

    def _note(self, share: float, verdict: Verdict) -> Event:
        cause = (
            f"the hedge's share grows from {share:.4g} by {self.step:.4g} a step: {self.watch} watch: {verdict.because}"
        )
        return Event(kind="note", cause=cause, amounts={"share": share})


def rounded(share: float, of: int) -> int:
    """Return the whole number nearest to `share` of `of`; a half goes up."""
    return floor(share * of + 0.5 + HAIR)


def turned(owed: float, share: float) -> tuple[bool, float]:
    """Return whether the next batch is the hedge's, and the batches owed to it from then on.

    Args:
        owed: Batches owed to the hedge so far, below 1; 0 before the first.
        share: Of the hedge, now. With a fixed one, batch t (from 0) is the hedge's if ⌊(t + 1) s⌋ > ⌊t s⌋.
    """
    owed += share
    return (True, owed - 1) if owed >= 1 - HAIR else (False, owed)


def annealed(start: float, end: float, spent: float) -> float:
    """Return the share where `spent` of the budget, 0..1, has taken it from `start` towards `end`."""
    return end if spent >= 1 else start + (end - start) * spent


def watched(share: float, alarm: bool, step: float, reach: tuple[float, float]) -> float:
    """Return the share after one step: a `step` up while the watch alarms, else one down, within `reach`."""
    low, high = reach
    return min(share + step, high) if alarm else max(share - step, low)


def require_counts(reach: tuple[float, float], of: int, what: str) -> None:
    """Raise ValueError for a share that rounds to nothing, to everything, or, if it moves, to the same all along.

    Args:
        reach: The least and the greatest share; equal if it is fixed.
        of: Number of things that are shared out.
        what: What they are.
    """
    low, high = reach
    fewest, most = rounded(low, of), rounded(high, of)
    if fewest < most or (low == high and 0 < most < of):
        return
    got, when, which = f"share {low:g}", "in every batch", ""
    if low < high:
        got, when, which = f"a share between {low:g} and {high:g}", "all along", ", two different ones"
    work = f"Whole {of}ths work, from {1 / of:.4g} to {1 - 1 / of:.4g}{which}" if of > 1 else "No share works"
    raise ValueError(
        f"hybrid: {got} of {of} {what}: the hedge would get {most} of them {when}. {work}; or use by: advantages, "
        "which takes any share"
    )
