"""LoRA: adapters beside frozen weights; how they are saved, merged, and started anew.

A sealed checkpoint holds the model with its adapters merged in, as any other checkpoint does, and beside it what going
on takes: the adapters themselves, and the weights under them if adapters have been merged into those.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from peft import LoraConfig

    from harness.plan.schema import Lora
    from harness.training.trainer import StrategyTrainer

ADAPTERS_FILE = "adapters.safetensors"
BASE_FILE = "base.safetensors"
PEFT_FILES = ("adapter_model.safetensors", "adapter_config.json", "README.md")
"""What transformers writes for a model with adapters; a reader would put them onto the merged weights again."""
NAME = "default"
"""Of the adapters."""


def lora_config(lora: Lora) -> LoraConfig:
    """Return peft's configuration: adapters on every linear layer but the LM head."""
    from peft import LoraConfig

    alpha = 2 * lora.rank if lora.alpha is None else lora.alpha
    return LoraConfig(r=lora.rank, lora_alpha=alpha, target_modules="all-linear", task_type="CAUSAL_LM")


def adapted_layers(model: nn.Module) -> Iterator[Any]:
    """Yield the layers of `model` that have adapters."""
    from peft.tuners.lora import LoraLayer

    yield from (module for module in model.modules() if isinstance(module, LoraLayer))


def has_adapters(model: nn.Module) -> bool:
    """Return whether a layer of `model` has adapters."""
    return any(True for _ in adapted_layers(model))


@torch.no_grad()
def merged_state(model: nn.Module) -> dict[str, Tensor]:
    """Return the weights of `model` under their plain names, adapters added in."""
    changes = {id(layer.get_base_layer().weight): layer.get_delta_weight(NAME) for layer in adapted_layers(model)}
    state = dict(_plain(model))
    for name, weight in state.items():
        if id(weight) in changes:
            state[name] = weight + changes[id(weight)].to(weight.dtype)
    return {name: weight.detach().contiguous() for name, weight in state.items()}


def _plain(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Yield the weights that are no adapters', under the names that they have without any."""
    for name, weight in model.state_dict(keep_vars=True).items():
        if "lora_" not in name:
            yield name.replace(".base_layer.", "."), weight


def _adapters(model: nn.Module) -> dict[str, Tensor]:
    return {name: weight for name, weight in model.state_dict().items() if "lora_" in name}


def save_adapters(folder: Path, trainer: StrategyTrainer) -> None:
    """Write the merged model into `folder`, and what going on takes beside it, in the place of peft's own files."""
    from safetensors.torch import save_file

    for name in PEFT_FILES:
        (folder / name).unlink(missing_ok=True)
    model = trainer.policy
    model.save_pretrained(folder, state_dict=_untied(model, merged_state(model)))
    save_file(_adapters(model), folder / ADAPTERS_FILE)
    if trainer.base_moved:
        base = {name: weight.detach().contiguous() for name, weight in _plain(model)}
        save_file(_untied(model, base), folder / BASE_FILE)


def _untied(model: Any, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return `state` with one name for each weight; a tied head is the embedding's."""
    if not model.config.get_text_config().tie_word_embeddings:
        return state
    head = model.get_output_embeddings()
    names = {f"{name}.weight" for name, module in model.named_modules() if module is head}
    return {name: weight for name, weight in state.items() if name not in names}


def load_adapters(folder: Path, trainer: StrategyTrainer) -> None:
    """Bring the adapters of `trainer`, and the weights under them, to where `save_adapters` left them."""
    from safetensors.torch import load_file

    model = trainer.policy
    own = model.state_dict()
    found = dict(load_file(folder / ADAPTERS_FILE))
    if (folder / BASE_FILE).exists():
        plain = load_file(folder / BASE_FILE)
        found |= {name: plain[short] for name in own if (short := name.replace(".base_layer.", ".")) in plain}
        trainer.base_moved = True
    with torch.no_grad():
        for name, weight in found.items():
            own[name].copy_(weight)


@torch.no_grad()
def merge_and_restart(trainer: StrategyTrainer) -> dict[str, float]:
    """Add the adapters into the weights under them and start new ones; the optimizer forgets the old ones.

    Returns:
        The Frobenius norm of what was merged, all layers together, and how many those are.

    References:
        Lialin et al. 2023, arXiv 2307.05695 (ReLoRA).
    """
    seed = int(torch.randint(2**31, (), generator=trainer.generator))
    total, layers = 0.0, 0
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for layer in adapted_layers(trainer.policy):
            base, change = layer.get_base_layer(), layer.get_delta_weight(NAME)
            base.weight += change.to(base.weight.dtype)
            total, layers = total + float(change.double().pow(2).sum()), layers + 1
            layer.reset_lora_parameters(NAME, init_lora_weights=True)
    trainer.optimizer.state.clear()
    trainer.base_moved = True
    return {"merged": total**0.5, "layers": layers}
