"""Resets: a strategy that lets go of something now and then, when a trigger says so.

A trigger says when: every so many steps, at random, or when a watch raises its alarm. An action says what is let go of:
the reference policy, the optimizer's memory, a part of what was learned, or the place that rollouts start from.

Formula:
    every: at steps that `every_steps` divides. random: with probability 1 / mean_steps after each step. plateau,
    diversity, drift, collapse: when the watch of that name raises its alarm. After a reset none comes for
    `cool_down_steps`, and never more than `most` in a run. A watch goes on in the cool-down and is not listened to.
    reference: π_ref ← π. optimizer: m, v, t ← 0. shrink: θ ← (1 − η) θ + η θ_0. lora: adapters are merged into the
    weights and start anew. dormant: neurons of the MLPs with E|h_i| / mean_k E|h_k| ≤ τ get new incoming and zero
    outgoing weights, moments included. state, novelty: for the next `lasting_batches` batches, `share` of each group
    goes on from a prefix of one of the others; prefix tokens are masked, and the two parts are standardised apart.
    state: a random prefix of a random failure. novelty: the prefix whose cell in an archive was passed least, of the
    groups that have right and wrong answers; cells are SimHash codes of mean hidden states, centred by the first batch.
    Where no prefix is fit (no failure; all alike), the part starts at the prompt. `trigger: every` with `every_steps`
    no more than `lasting_batches` keeps restarts on throughout.

Source:
    reference: Liu et al. 2025 (ProRL), arXiv 2505.24864, section 3. optimizer: its first text. shrink: Ash and Adams
    2020, arXiv 1910.08475, with θ_0 in the place of noise, as base-anchored fusion in arXiv 2606.09932. lora: Lialin et
    al. 2023 (ReLoRA), arXiv 2307.05695. dormant: Sokar et al. 2023 (ReDo), arXiv 2302.12902. state: "Credit Assignment
    with Resets", arXiv 2605.25507 (RRPO). novelty: ours, after Go-Explore, arXiv 2004.12919. Resets at large: Nikishin
    et al. 2022, arXiv 2205.07802.

Defaults:
    reference on a plateau, as ProRL does by hand; its second version resets every 200 to 500 steps. τ = 0.025 is
    ReDo's; half of a group is RRPO's. η, the window, bits and cuts are ours. The cool-down is the watch's window, so
    that what a watch says is about the steps since the last reset; with every and random there is none.

Known defects:
    reference: without a KL penalty a no-op, so it is refused. optimizer: ProRL's first text re-initialises the
    optimizer too and its second does not, so the actions are kept apart; the first steps after it are Adam's largest.
    shrink: undoes learning in proportion, good and bad alike. lora: the merge rounds in the weights'
    precision, and with a KL penalty the reference, which is the model without adapters, moves along.
    dormant: gated MLPs are seldom exactly zero, so τ must be tuned; at the default it may find nothing. state: RRPO is
    about as good as GRPO in its paper, whose prefixes end at thoughts and ours at tokens. novelty: the policy moves its
    hidden states, so old counts fade in meaning; a rare cell may be rare because it is bad; prompts stay as they come.
    Restarts make the two parts of a group smaller, and standardising noisier. A watch that compares with where training
    started (drift) goes on alarming after a reset that doesn't take the model back: set `most`. The random control of
    novelty takes its prefixes at random too, of failures, so it does not tell timing from choice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, get_args

from torch import Tensor

from strategies.contract import State, Strategy
from strategies.parameters import Range
from strategies.progress import Event, Progress
from strategies.resets.actions import Action, Restart, require_possible
from strategies.resets.archive import Archive
from strategies.resets.prefixes import continued_count, of_failures
from strategies.resets.triggers import Timer, Trigger, watch_of
from strategies.rollouts import Rollouts, Shaped
from strategies.run import RunSettings
from strategies.signals import SignalName
from strategies.watches.watch import Watch
from strategies.wrapper import Wrapper


@dataclass(frozen=True, kw_only=True)
class WithResets(Wrapper):
    """Run `strategy`, and reset when `trigger` fires; the module says the rest."""

    family: ClassVar[str] = "resets"
    summary: ClassVar[str] = "another strategy that now and then lets go of something, for a cause"

    strategy: Strategy
    """The strategy that is reset."""
    trigger: Trigger = "plateau"
    """What a reset waits for: a number of steps, chance, or the alarm of a watch."""
    action: Action = "reference"
    """What is let go of."""
    every_steps: Annotated[int, Range(least=1)] = 50
    """Optimizer steps between resets (trigger every)."""
    mean_steps: Annotated[float, Range(least=1)] = 50.0
    """Mean number of steps until the next reset, once the cool-down is over (trigger random)."""
    threshold: float | None = None
    """Where the watch raises its alarm, in its own units; the watch's own default if it is left out."""
    window_steps: Annotated[int, Range(least=1)] = 20
    """Steps that the watch looks back over."""
    cool_down_steps: Annotated[int, Range(least=0)] | None = None
    """Steps after a reset in which no other comes; if it is left out, window_steps with a watch and 0 without."""
    most: Annotated[int, Range(least=0)] | None = None
    """Resets in a run; as many as come if it is left out, and 0 is the strategy alone."""
    eta: Annotated[float, Range(above=0, most=1)] = 0.1
    """η, the share of the way back to where training started (action shrink)."""
    tau: Annotated[float, Range(least=0)] = 0.025
    """τ, the relative activity at which a neuron counts as dormant (action dormant)."""
    lasting_batches: Annotated[int, Range(least=1)] = 10
    """Batches in which rollouts go on from prefixes (actions state and novelty)."""
    share: Annotated[float, Range(above=0, below=1)] = 0.5
    """Of each group that goes on from a prefix, at least 2 and all but 2 (actions state and novelty)."""
    bits: Annotated[int, Range(least=1, most=16)] = 10
    """Length of a cell's code: the archive holds 2^bits cells at most (action novelty)."""
    cuts: Annotated[int, Range(least=1)] = 4
    """Places in each rollout that may be gone on from (action novelty)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        watch_of(self.trigger, self.threshold, self.window_steps)  # which has bounds of its own

    @property
    def inner(self) -> Strategy:
        """The strategy that is reset."""
        return self.strategy

    @property
    def _watch(self) -> Watch | None:
        return None if self.most == 0 else watch_of(self.trigger, self.threshold, self.window_steps)

    @property
    def _timer(self) -> Timer:
        watch = self._watch
        cool_down = self.cool_down_steps
        if cool_down is None:
            cool_down = 0 if watch is None else self.window_steps
        return Timer(
            trigger=self.trigger,
            every_steps=self.every_steps,
            mean_steps=self.mean_steps,
            watch=watch,
            cool_down_steps=cool_down,
            most=self.most,
        )

    @property
    def _archives(self) -> bool:
        return self.action == "novelty" and self.most != 0

    @property
    def _archive(self) -> Archive:
        return Archive(bits=self.bits, cuts=self.cuts)

    def controls(self) -> tuple[Strategy, ...]:
        """Return the whole, shuffled, and resets at random times about as often; none, if it is random itself.

        The strategy without resets is none of them, since a control is never claimed as an improvement and that one may
        be: name it as an arm to see what its resets bring.
        """
        from strategies.controls.noise_novelty import shuffled

        if self.trigger == "random":
            return ()
        return *shuffled(self, (self.strategy,)), self._at_random()

    def _at_random(self) -> WithResets:
        """Return the same with resets by lot, with the same cool-down and the same mean gap.

        That gap is known of trigger every; a watch is taken to alarm when its window has passed once more.
        """
        timer = self._timer
        waiting = self.window_steps if timer.watch else timer.every_gap_steps - timer.cool_down_steps
        return replace(
            self,
            trigger="random",
            action="state" if self.action == "novelty" else self.action,
            mean_steps=float(waiting),
            cool_down_steps=timer.cool_down_steps or None,
            every_steps=WithResets.every_steps,
            threshold=None,
            window_steps=WithResets.window_steps,
        )

    def needs(self) -> frozenset[SignalName]:
        """Ask for what the strategy, the watch and the archive read."""
        return super().needs().union(*self._own_signals().values())

    def asked(self) -> Mapping[str, frozenset[SignalName]]:
        """Charge the watch and the archive each for its own."""
        inner = super().asked()
        own = {part: inner.get(part, frozenset()) | names for part, names in self._own_signals().items()}
        return {**inner, **own}

    def _own_signals(self) -> dict[str, frozenset[SignalName]]:
        watch, parts = self._watch, dict[str, frozenset[SignalName]]()
        if watch is not None:
            parts["watch"] = watch.needs()
        if self._archives:
            parts["archive"] = frozenset({"hidden"})
        return parts

    def check(self, run: RunSettings) -> None:
        """Refuse a reset that could do nothing, and a watch that could see nothing."""
        require_possible(self.action, run)
        if self._watch is not None:
            self._watch.check(run)
        super().check(run)

    def init(self) -> State:
        """Hold the inner state, the timer's, what the watch measured last, and the restarts that are under way."""
        return {**super().init(), "timer": self._timer.init(), "measured": {}, "batches_left": 0, "archive": {}}

    def continued(self, group_size: int, state: State) -> int:
        """Let a share of each group go on while that lasts; else as the inner strategy says."""
        if state["batches_left"] > 0:
            return continued_count(self.share, group_size)
        return super().continued(group_size, state)

    def restart(self, fresh: Rollouts, state: State) -> tuple[Tensor, State]:
        """Choose prefixes while that lasts; else as the inner strategy says."""
        if state["batches_left"] == 0:
            return super().restart(fresh, state)
        if self.action == "state":
            return of_failures(fresh), state
        with fresh.charge("archive"):
            where, archive = self._archive.choose(fresh, state["archive"])
        return where, {**state, "archive": archive}

    def shape(self, rollouts: Rollouts, state: State) -> tuple[Shaped | None, State]:
        """Shape as the inner strategy does, after which the watch looks at the batch."""
        shaped, state = super().shape(rollouts, state)
        watch = self._watch
        if watch is not None:
            with rollouts.charge("watch"):
                state = {**state, "measured": dict(watch.measure(rollouts))}
        if state["batches_left"] == 0:
            return shaped, state
        return self._told(rollouts, shaped, state), {**state, "batches_left": state["batches_left"] - 1}

    def react(self, progress: Progress, state: State) -> tuple[list[Event], State]:
        """Reset if the trigger fires, after the inner strategy's own reactions."""
        events, state = super().react(progress, state)
        cause, timer = self._timer.ask(state["measured"], progress, state["timer"])
        state = {**state, "timer": timer}
        if cause is None:
            return events, state
        if self.action in get_args(Restart):
            state = {**state, "batches_left": self.lasting_batches}
        return [*events, Event(kind=self.action, cause=cause, amounts=self._amounts())], state

    def _amounts(self) -> dict[str, float]:
        if self.action == "shrink":
            return {"eta": self.eta}
        if self.action == "dormant":
            return {"tau": self.tau}
        return {"batches": float(self.lasting_batches)} if self.action in get_args(Restart) else {}

    def _told(self, rollouts: Rollouts, shaped: Shaped | None, state: State) -> Shaped | None:
        """Return `shaped` with numbers about the two parts of the batch; as it is, if all started at their prompts."""
        if rollouts.fresh is None:
            return shaped
        rewards = rollouts.grouped(rollouts.rewards)
        told = shaped or Shaped(advantages=rollouts.advantages)
        numbers = {
            "restarts/reward_fresh": rewards[:, : rollouts.fresh].mean().item(),
            "restarts/reward_continued": rewards[:, rollouts.fresh :].mean().item(),
            "restarts/prefix_tokens": sum(rollouts.prefix_tokens) / max(rewards[:, rollouts.fresh :].numel(), 1),
        }
        if self._archives:
            numbers["restarts/cells"] = float(len(state["archive"].get("counts", {})))
        return replace(told, diagnostics={**told.diagnostics, **numbers})
