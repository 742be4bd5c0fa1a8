"""What a strategy may check itself against before anything is spent: the run, and the model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelFacts:
    """What is known of a model without its weights."""

    name: str = "the model"
    head: str | None = "Linear"
    """The type of the LM head; None if none can be found."""
    quantised: str | None = None
    """How its layers are quantised, if they are."""
    sharded: str | None = None
    """What spreads its layers over processes, if something does."""
    layers: tuple[tuple[str, int, int], ...] = ()
    """Its linear layers but the LM head: name, inputs, outputs."""
    hidden: int = 0
    """D."""
    vocabulary: int = 0
    """V."""
    mlps: int = 0
    """Blocks whose MLP neurons can be told apart."""
    free_bytes: float = float("inf")
    """Memory that is there now on the device that trains."""


def any_model() -> ModelFacts:
    """Return facts that nothing is refused for: a run that is made by hand has no model."""
    return ModelFacts()


@dataclass(frozen=True, kw_only=True, slots=True)
class RunSettings:
    """What a strategy may check itself against before anything is spent."""

    kl: float = 0.0
    """Weight of the KL penalty to the reference policy."""
    group_size: int = 8
    prompts_per_step: int = 16
    updates_per_batch: int = 1
    """Optimizer steps taken on one generation batch; with 1, every importance ratio is exactly 1."""
    pool: int = 16384
    """Training prompts in all."""
    temperature: float = 1.0
    """What rollouts are sampled at unless a strategy sets another."""
    visits: float | None = None
    """Prompts that a run visits if every answer reaches its cap: a lower bound; None when the budget says nothing."""
    adapters: bool = False
    """Whether LoRA adapters are trained, and not the weights themselves."""
    task: str = ""
    """What is trained on."""
    prefixes: bool = True
    """Whether an answer of the task can go on from a part of one."""
    suites: tuple[str, ...] = ()
    """That the plan reports: no strategy may look at them."""
    known_suites: tuple[str, ...] | None = None
    """All there are; None if that isn't known."""
    model: Callable[[], ModelFacts] = any_model
    """Looks at the model's configuration, once."""
