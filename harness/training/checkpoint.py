"""What a checkpoint holds beside TRL's own files: the strategy, its randomness, the reference policy, the bill."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from harness.ledger.ledger import Spent
from harness.training.adapters import has_adapters, load_adapters, save_adapters

if TYPE_CHECKING:
    from harness.training.trainer import StrategyTrainer
    from harness.training.watching import Watching

STRATEGY_FILE = "strategy.pt"
REFERENCE_FILE = "reference.safetensors"


def save_extras(folder: Path, trainer: StrategyTrainer, watching: Watching, spent: Spent) -> None:
    """Write into `folder` what TRL does not save."""
    extras: dict[str, Any] = {
        "state": trainer.strategy_state,
        "generator": trainer.generator.get_state(),
        "mean_rewards": dict(trainer.mean_rewards),
        "prompts_handed_out": trainer.supply.handed_out,
        "spent": spent.as_dict(),
        "watches": watching.states,
    }
    torch.save(extras, folder / STRATEGY_FILE)
    if has_adapters(trainer.policy):
        save_adapters(folder, trainer)
    if trainer.reference_moved:
        from safetensors.torch import save_model

        save_model(trainer.accelerator.unwrap_model(trainer.ref_model), str(folder / REFERENCE_FILE))


def load_extras(folder: Path, trainer: StrategyTrainer, watching: Watching) -> Spent:
    """Bring `trainer` and `watching` to where `save_extras` left them, and return what had been spent.

    A watch that the plan has got since then starts now; what one that it no longer has remembered is dropped.
    """
    extras = torch.load(folder / STRATEGY_FILE, weights_only=True, map_location="cpu")
    trainer.strategy_state = extras["state"]
    trainer.generator.set_state(extras["generator"])
    trainer.mean_rewards.update(extras["mean_rewards"])
    trainer.supply.handed_out = extras["prompts_handed_out"]
    watching.states |= {name: extras["watches"][name] for name in watching.states.keys() & extras["watches"].keys()}
    if has_adapters(trainer.policy):
        load_adapters(folder, trainer)
    if (folder / REFERENCE_FILE).exists():
        from safetensors.torch import load_model

        load_model(trainer.accelerator.unwrap_model(trainer.ref_model), str(folder / REFERENCE_FILE))
        trainer.reference_moved = True
    return Spent(**extras["spent"])
