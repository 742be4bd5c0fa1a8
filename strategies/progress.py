"""Where a run stands after a step, and what a strategy may want done then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from torch import Generator


def no_drift() -> float:
    """Return 0: a run that is made by hand has no base policy to drift from."""
    return 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """Where a run stands after an optimizer step."""

    step: int
    share: float
    """Of the budget spent, 0..1."""
    reward: float
    """Mean verifier reward of the step's rollouts."""
    entropy: float
    """Mean token entropy in nats."""
    generator: Generator
    """The strategy's own source of randomness, on the CPU."""
    zero_variance: float = 0.0
    """Share of the step's groups whose rewards were all the same, 0..1."""
    rollouts: int = 1
    """That `reward` is the mean of."""
    flops: float = 0.0
    """Spent on training so far, selection and signals included."""
    suite_samples: int | None = None
    """Answers that the plan's primary suite draws at a checkpoint (items × K); None outside a plan."""
    drift: Callable[[], float] = no_drift
    """() → the forward KL from the base policy, in nats a token, on answers that the base policy gave; costs a pass."""


EventKind = Literal["reference", "optimizer", "shrink", "lora", "dormant", "state", "novelty", "note"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """Something a strategy wants done between two steps; logged with its cause, step, cost and what it touched."""

    kind: EventKind
    """reference: the reference policy becomes the current one. optimizer: moments and step counts are cleared. shrink:
    weights move to those that training started from, by the share `eta`. lora: adapters are merged into the weights and
    start anew. dormant: neurons of the MLPs whose relative activity is at most `tau` start anew, moments included.
    state, novelty: the strategy lets rollouts go on from prefixes from now on (nothing is done to the model). note:
    nothing is done at all; the log says why."""
    cause: str
    amounts: Mapping[str, float] = field(default_factory=dict)
    """Of the action: `eta`, `tau`; `batches`, for how many rollouts go on from prefixes."""
