"""Whose a batch, a group or a rollout is: what a hybrid's share shares out.

Shape suffixes: B rollouts, G rollouts of one prompt, P prompts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Generator, Tensor

from strategies.combinators.mixture import HEDGE, PART, PRIMARY
from strategies.combinators.shares import Share, require_counts, rounded, turned
from strategies.contract import State
from strategies.rollouts import Rollouts
from strategies.run import RunSettings

By = Literal["advantages", "rollouts", "groups", "steps"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Assignment:
    """Who acts in a batch and on what of it; a batch that is drawn is drawn once, and holds in each of its updates."""

    by: By
    share: Share

    @property
    def names(self) -> tuple[str, ...]:
        """The parts that can ever have a share, the primary first."""
        low, high = self.share.reach
        return tuple(name for name, has in ((PRIMARY, low < 1), (HEDGE, high > 0)) if has)

    @property
    def is_still(self) -> bool:
        """Whether nothing differs from batch to batch: both parts act on all of it, with the same weight."""
        return self.by == "advantages" and not self.share.moves

    def check(self, run: RunSettings, factor: int) -> None:
        """Raise ValueError if one of the parts would get no rollouts, or no groups.

        Args:
            run: What is checked against.
            factor: How many times the run's group size is sampled for each prompt.
        """
        if self.by == "rollouts":
            require_counts(self.share.reach, run.group_size * factor, "rollouts in a group")
        if self.by == "groups":
            require_counts(self.share.reach, run.prompts_per_step, "groups in a batch")

    def init(self) -> State:
        """Hold the share if it moves, and whose batch, or whose rollouts, it is."""
        if self.by == "advantages":
            return self.share.init()
        if self.by == "steps":
            return {"hedges": False, "owed": 0.0, **self.share.init()}
        return {"assigned": torch.zeros(0, dtype=torch.bool), **self.share.init()}

    def begun(self, state: State) -> State:
        """Return the state in which a batch begins; by steps, it is known whose it is."""
        state = self.share.begun(state)
        if self.by != "steps":
            return state
        hedges, owed = turned(state["owed"], self.share.now(state))
        return {**state, "hedges": hedges, "owed": owed}

    def drawn(self, rollouts: Rollouts, state: State) -> State:
        """Return the state in which it is known whose each rollout is."""
        if "assigned" not in state:
            return state
        draw = rollouts_of_hedge if self.by == "rollouts" else groups_of_hedge
        return {**state, "assigned": draw(rollouts, self.share.now(state))}

    def acting(self, state: State) -> tuple[str, ...]:
        """Return the parts that have a share of this batch, the primary first."""
        if self.by == "steps":
            return (HEDGE if state["hedges"] else PRIMARY,)
        now = self.share.now(state)
        return tuple(name for name, has in ((PRIMARY, now < 1), (HEDGE, now > 0)) if has)

    def weight(self, state: State) -> float | Tensor:
        """Return the hedge's weight in this batch, or (B,) bool, on the CPU: which rollouts are the hedge's."""
        if self.by == "steps":
            return float(state["hedges"])
        weight: float | Tensor = state.get("assigned", self.share.now(state))
        return weight

    def told(self, state: State) -> dict[str, float]:
        """Return what the log is told: the share, and what it came to of whole things; nothing if one part has all."""
        if self.by == "advantages":
            return self.share.told(state) if len(self.names) > 1 else {}
        return {**self.share.told(state), "assigned": _number(self.weight(state)).mean().item()}

    def columns(self, rollouts: Rollouts, state: State) -> dict[str, Tensor]:
        """Return whose each rollout is, 0 the primary's and 1 the hedge's; nothing where each is both's."""
        if self.by == "advantages":
            return {}
        return {PART: _number(self.weight(state)).to(rollouts.rewards.device).expand(len(rollouts.rewards))}


def rollouts_of_hedge(rollouts: Rollouts, share: float) -> Tensor:
    """Return (B,) bool, on the CPU: a random choice of `share` of each group's rollouts, rounded."""
    shape = len(rollouts.rewards) // rollouts.group_size, rollouts.group_size
    places = torch.rand(shape, generator=_generator(rollouts)).argsort(dim=1).argsort(dim=1)
    return (places < rounded(share, rollouts.group_size)).reshape(-1)


def groups_of_hedge(rollouts: Rollouts, share: float) -> Tensor:
    """Return (B,) bool, on the CPU: all rollouts of a random choice of `share` of the groups, rounded."""
    groups = len(rollouts.rewards) // rollouts.group_size
    chosen = torch.randperm(groups, generator=_generator(rollouts)) < rounded(share, groups)
    return chosen.repeat_interleave(rollouts.group_size)


def _generator(rollouts: Rollouts) -> Generator:
    if rollouts.generator is None:
        raise ValueError("hybrid draws from the rollouts' generator, got None; give Rollouts a generator")
    return rollouts.generator


def _number(weight: float | Tensor) -> Tensor:
    return torch.as_tensor(weight, dtype=torch.float32)
