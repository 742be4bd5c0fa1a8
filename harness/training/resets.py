"""What events do to a trainer: the reference policy, the optimizer and the weights let go of something."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch

from harness.models import load_model
from harness.training.adapters import merge_and_restart
from harness.training.dormant import restart_dormant
from strategies import Event

if TYPE_CHECKING:
    from harness.training.trainer import StrategyTrainer

Detail = dict[str, float]
"""What an event touched, for the log."""


def apply(event: Event, trainer: StrategyTrainer) -> Detail:
    """Do what `event` says, and return what it touched; a kind that only says something does nothing."""
    action = ACTIONS.get(event.kind)
    return action(event, trainer) if action else {}


def _reference(event: Event, trainer: StrategyTrainer) -> Detail:
    """π_ref ← π."""
    reference: Any = trainer.accelerator.unwrap_model(trainer.ref_model)
    reference.load_state_dict(trainer.policy.state_dict())
    trainer.reference_moved = True
    return {}


def _optimizer(event: Event, trainer: StrategyTrainer) -> Detail:
    """Moments and step counts are forgotten; Adam starts as at the first step."""
    touched = len(trainer.optimizer.state)
    trainer.optimizer.state.clear()
    return {"parameters": touched}


@torch.no_grad()
def _shrink(event: Event, trainer: StrategyTrainer) -> Detail:
    """θ ← (1 − η) θ + η θ₀, θ₀ the weights that training started from, read from where they lie.

    References:
        Ash & Adams 2020, arXiv 1910.08475 (shrink and perturb), with the start in the place of noise.
    """
    eta, policy = event.amounts["eta"], trainer.policy
    origin = dict(load_model(trainer.origin, device=str(policy.device)).named_parameters())
    moved = torch.zeros((), dtype=torch.float64)
    for name, weight in policy.named_parameters():
        if "lora_A" in name:  # the product shrinks with its other factor
            continue
        target = torch.zeros_like(weight) if "lora_B" in name else origin[name.replace(".base_layer.", ".")].to(weight)
        step = eta * (target - weight)
        moved += step.double().pow(2).sum().cpu()
        weight.add_(step) if eta < 1 else weight.copy_(target)
    return {"moved": float(moved.sqrt())}


def _lora(event: Event, trainer: StrategyTrainer) -> Detail:
    return merge_and_restart(trainer)


def _dormant(event: Event, trainer: StrategyTrainer) -> Detail:
    return restart_dormant(trainer, event.amounts["tau"])


ACTIONS: dict[str, Callable[[Event, StrategyTrainer], Detail]] = {
    "reference": _reference,
    "optimizer": _optimizer,
    "shrink": _shrink,
    "lora": _lora,
    "dormant": _dormant,
}
