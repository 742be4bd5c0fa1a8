"""Hybrid: mostly one strategy, with a small share of another as a hedge.

By advantages, plain GRPO is moved by (1 − share) of what the primary would move it and share of what the hedge would:
in advantages, in token weights and in numeric trainer settings alike. By rollouts, groups or steps, each rollout gets
what one of the parts alone would give it, and the share says how many are the hedge's. The share is fixed, falls or
rises over the run, or grows while a watch alarms.

Formula:
    advantages: A = A_grpo + (1 − s)(A_primary − A_grpo) + s (A_hedge − A_grpo); a setting that one part sets departs
    from its default by that part's weight.
    rollouts: in each group ⌊sG + ½⌋ random rollouts have A_hedge, the others A_primary. groups: all rollouts of
    ⌊sP + ½⌋ random groups. steps: batch t, from 0, is the hedge's if ⌊(t + 1) s⌋ > ⌊t s⌋.
    annealed: s = share + (share_end − share) · budget spent. watch: s rises by share_step a step while the watch
    alarms, up to share_most, and falls by it while the watch is quiet, down to share. A batch has one share, that of
    the step before it.

Source:
    None: the usual hedge of practitioners, given a definition.

Defaults:
    s = 0.2 of the hedge, by advantages, fixed; s = 0 is the primary and s = 1 is the hedge.

Known defects:
    Mixing the advantages of two strategies is not mixing their rewards: where both standardise, the mixture is not
    standardised again. By rollouts, a group's advantages come from two standardisations, so they need not add up to 0.
    Prompts are picked by the primary, or by the hedge if the primary leaves them as they come, and prefixes to go on
    from likewise; a group is kept if both keep it; both may react. By steps, only the part whose batch it is picks,
    shapes and reacts, where it counts steps of its own, and the other's state stands still; but both must sample as
    often, for that holds for a whole run. So do trainer settings: two parts that set one to different values are
    refused, and so is, other than by advantages with a fixed share, one part alone that sets any.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal

from torch import Tensor

from strategies.combinators.assignment import Assignment, By
from strategies.combinators.mixture import HEDGE, PRIMARY, charged_to, mixture, rejoined, rows_of
from strategies.combinators.shares import Share, ShareBy, WatchName
from strategies.contract import SettingValue, State, Strategy
from strategies.parameters import Range
from strategies.pool import PromptPool
from strategies.progress import Event, Progress
from strategies.rollouts import Rollouts, Shaped, TokenBatch
from strategies.run import RunSettings
from strategies.settings import agreed, mixed
from strategies.signals import SignalName


@dataclass(frozen=True, kw_only=True)
class Hybrid(Strategy):
    """(1 − share) of `primary` and share of `hedge`; the module says the rest."""

    family: ClassVar[str] = "hybrid"
    summary: ClassVar[str] = "mostly one strategy, with a small share of another as a hedge"

    primary: Strategy
    """The strategy that mostly decides."""
    hedge: Strategy
    """The strategy that is mixed in."""
    share: Annotated[float, Range(least=0, most=1)] = 0.2
    """Of the hedge; at the start, if it moves."""
    by: By = "advantages"
    """What is shared out: each advantage, the rollouts of a group, the groups of a batch, or whole batches."""
    share_by: ShareBy = "fixed"
    """What moves the share: nothing, the budget spent, or a watch's alarm."""
    share_end: Annotated[float, Range(least=0, most=1)] = 0.0
    """Share of the hedge when the budget is spent (share_by annealed)."""
    watch: WatchName = "diversity"
    """The watch, with its defaults, that moves the share (share_by watch)."""
    share_step: Annotated[float, Range(above=0, most=1)] = 0.05
    """How far the share moves in one step (share_by watch)."""
    share_most: Annotated[float, Range(least=0, most=1)] = 0.5
    """The share that a lasting alarm ends at (share_by watch); at least `share`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.share_by == "watch" and self.share_most < self.share:
            raise ValueError(
                f"share_most must be at least share, from which an alarm lets it grow; got share_most "
                f"{self.share_most} and share {self.share}"
            )
        self.trainer_settings()
        rounds = [part.rounds() for part in self.parts]
        if self._assignment.by == "steps" and min(rounds) != max(rounds):
            raise ValueError(
                f"the primary {type(self.primary).__name__} samples a batch up to {rounds[0]} times and the hedge "
                f"{type(self.hedge).__name__} up to {rounds[1]}, and that holds for a whole run: it can't go by steps. "
                "Use by: rollouts, groups or advantages, where a group is kept if both keep it"
            )

    @property
    def _assignment(self) -> Assignment:
        """Whose what is; a share that stays at 0 or 1 gives everything to one part, in the same way by all."""
        end = {"fixed": self.share, "annealed": self.share_end, "watch": self.share_most}[self.share_by]
        share = Share(start=self.share, by=self.share_by, end=end, step=self.share_step, watch=self.watch)
        return Assignment(by="advantages" if share.reach in ((0, 0), (1, 1)) else self.by, share=share)

    @property
    def _named(self) -> dict[str, Strategy]:
        """The parts that can have a share, the primary first."""
        return {name: {PRIMARY: self.primary, HEDGE: self.hedge}[name] for name in self._assignment.names}

    @property
    def parts(self) -> tuple[Strategy, ...]:
        """The parts that can have a share, the primary first."""
        return tuple(self._named.values())

    def controls(self) -> tuple[Strategy, ...]:
        """Return the whole, shuffled, if a part has a bonus to shuffle."""
        from strategies.controls.noise_novelty import shuffled

        return shuffled(self, self.parts)

    def needs(self) -> frozenset[SignalName]:
        """Ask for what the parts and the watch ask for."""
        return frozenset[SignalName]().union(*self.asked().values())

    def asked(self) -> dict[str, frozenset[SignalName]]:
        """Charge each part, and the watch, for what it asks for."""
        wanted = {
            f"{name}/{inner}".strip("/"): signals
            for name, part in self._named.items()
            for inner, signals in part.asked().items()
        }
        return {**wanted, **self._assignment.share.asked()}

    def trainer_settings(self) -> dict[str, SettingValue]:
        """Mix the parts' settings; where they can't be mixed, require that both want the same."""
        owners = (f"the primary {type(self.primary).__name__}", f"the hedge {type(self.hedge).__name__}")
        primary, hedge = self.primary.trainer_settings(), self.hedge.trainer_settings()
        if self._assignment.by == "advantages" and not self._assignment.share.moves:
            return mixed(primary, hedge, self.share, owners)
        return agreed(primary, hedge, owners)

    def check(self, run: RunSettings) -> None:
        """Check both parts and the watch, and that neither part would get nothing."""
        for part in self.parts:
            part.check(run)
        self._assignment.share.check(run)
        self._assignment.check(run, int(self.trainer_settings().get("rollouts_factor", 1)))

    def init(self) -> State:
        """Hold both parts' states; by steps, how often each reacted; and where the share and the assignment stand."""
        steps = {"steps": {PRIMARY: 0, HEDGE: 0}} if self._assignment.by == "steps" else {}
        return {PRIMARY: self.primary.init(), HEDGE: self.hedge.init(), **steps, **self._assignment.init()}

    def pick_prompts(self, pool: PromptPool, state: State) -> tuple[list[int] | None, State]:
        """Let `primary` pick, or `hedge` if it does not; by steps, the part whose batch it is."""
        state = self._assignment.begun(state)
        for name, part in self._acting(state).items():
            picked, inner = part.pick_prompts(pool.of(name), state[name])
            state = {**state, name: inner}
            if picked is not None:
                return list(picked), state
        return None, state

    def rounds(self) -> int:
        """Sample as often as the more patient part."""
        return max(part.rounds() for part in self.parts)

    def keep(self, rewards: Tensor) -> Tensor:
        """Keep the groups that both parts keep."""
        kept = super().keep(rewards)
        for part in self.parts:
            kept = kept & part.keep(rewards)
        return kept

    def continued(self, group_size: int, state: State) -> int:
        """Continue as many as `primary`, or as `hedge` if it continues none."""
        counts = (part.continued(group_size, state[name]) for name, part in self._acting(state).items())
        return next((count for count in counts if count), 0)

    def restart(self, fresh: Rollouts, state: State) -> tuple[Tensor, State]:
        """Restart where the part does that said how many go on."""
        for name, part in self._acting(state).items():
            # Of G rollouts c go on, and G − c are here. With one rollout less at most one less goes on, so the part
            # that said c still says at least 1 of G − c + 1; a part that said none of G says none of fewer.
            if part.continued(fresh.group_size + 1, state[name]):
                with fresh.charge(name):
                    where, inner = part.restart(charged_to(name, fresh), state[name])
                return where, {**state, name: inner}
        raise ValueError("hybrid: no part continues rollouts of these groups; `continued` says how many go on")

    def exhausted(self) -> Literal["fill", "error"]:
        """End the run if either part does."""
        return "error" if any(part.exhausted() == "error" for part in self.parts) else "fill"

    def shape(self, rollouts: Rollouts, state: State) -> tuple[Shaped | None, State]:
        """Let the parts shape the whole batch, and mix what they make or give each rollout to its part."""
        whose = self._assignment
        state = whose.share.looked(rollouts, whose.drawn(rollouts, state))
        made: dict[str, Shaped | None] = {}
        for name, part in self._acting(state).items():
            with rollouts.charge(name):
                made[name], inner = part.shape(charged_to(name, rollouts), state[name])
            state = {**state, name: inner}
        shaped, told = mixture(made, rollouts.advantages, whose.weight(state)), whose.told(state)
        if not told or (shaped is None and whose.is_still):
            return shaped, state
        shaped = shaped or Shaped(advantages=rollouts.advantages)
        columns = {**shaped.columns, **whose.columns(rollouts, state)}
        return replace(shaped, diagnostics={**shaped.diagnostics, **told}, columns=columns), state

    def weigh(self, tokens: TokenBatch, state: State) -> Shaped | None:
        """Mix the parts' departures from the advantages as they come, or let each part weigh its own rollouts."""
        parts, weight = self._acting(state), self._assignment.weight(state)
        if not isinstance(weight, Tensor):
            whole = {name: part.weigh(tokens, state[name]) for name, part in parts.items()}
            mixed, told = mixture(whole, tokens.advantages, weight), self._assignment.told(state)
            return mixed and replace(mixed, diagnostics={**mixed.diagnostics, **told})
        hedge = weight.to(tokens.rows.device)[tokens.rows]
        own = {PRIMARY: ~hedge, HEDGE: hedge}
        made = {
            name: part.weigh(rows_of(tokens, own[name]), state[name]) for name, part in parts.items() if own[name].any()
        }
        return rejoined(made, tokens, hedge)

    def react(self, progress: Progress, state: State) -> tuple[list[Event], State]:
        """Let the parts react, then move the share of the next batch."""
        events: list[Event] = []
        for name, part in self._acting(state).items():
            own = progress
            if "steps" in state:
                state = {**state, "steps": {**state["steps"], name: state["steps"][name] + 1}}
                own = replace(progress, step=state["steps"][name])
            reactions, inner = part.react(own, state[name])
            events, state = [*events, *reactions], {**state, name: inner}
        noted, state = self._assignment.share.moved(progress, state)
        return [*events, *noted], state

    def _acting(self, state: State) -> dict[str, Strategy]:
        """Return the parts that have a share of this batch, the primary first."""
        return {name: part for name, part in self._named.items() if name in self._assignment.acting(state)}
