"""What can be said of a model from its configuration, and of the device that is to train it."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from harness.models.load import load_skeleton
from harness.models.resolve import resolve_model

if TYPE_CHECKING:
    from pathlib import Path

    from strategies import ModelFacts

SHARDERS = {"ACCELERATE_USE_FSDP": "FSDP", "ACCELERATE_USE_DEEPSPEED": "DeepSpeed"}
"""Environment variables by which `accelerate launch` tells a process that its weights are spread over others."""
DOWN_PROJECTIONS = ("down_proj", "dense_4h_to_h")
"""What the last layer of an MLP is called: in Llama and its kin, and in GPT-NeoX."""


def model_facts(name_or_path: str | Path) -> ModelFacts:
    """Return what is known of a model without its weights.

    Args:
        name_or_path: As `resolve_model`.

    Raises:
        ValueError: As `resolve_model`, or if it is no causal language model.
    """
    facts = _configured(resolve_model(name_or_path))
    return replace(facts, name=str(name_or_path), sharded=_sharded(), free_bytes=_free_bytes())


@lru_cache(maxsize=8)
def _configured(place: str) -> ModelFacts:
    from torch import nn

    from strategies import ModelFacts

    skeleton = load_skeleton(place)
    config = skeleton.config.get_text_config()
    head = skeleton.get_output_embeddings()
    return ModelFacts(
        name=place,
        head="Linear" if isinstance(head, nn.Linear) else None if head is None else type(head).__name__,
        quantised=_quantised(skeleton.config),
        layers=tuple(
            (name, module.in_features, module.out_features)
            for name, module in skeleton.named_modules()
            if isinstance(module, nn.Linear) and module is not head
        ),
        hidden=config.hidden_size,
        vocabulary=config.vocab_size,
        mlps=sum(
            any(isinstance(getattr(module, name, None), nn.Linear) for name in DOWN_PROJECTIONS)
            for module in skeleton.modules()
        ),
    )


def _quantised(config: Any) -> str | None:
    """Return the method by which the weights are quantised, None if they aren't."""
    found = getattr(config, "quantization_config", None)
    if found is None:
        return None
    method = found.get("quant_method") if isinstance(found, dict) else getattr(found, "quant_method", None)
    return str(getattr(method, "value", method) or "an unnamed method")


def _sharded() -> str | None:
    return next((what for name, what in SHARDERS.items() if os.environ.get(name, "").lower() == "true"), None)


def _free_bytes() -> float:
    import psutil  # type: ignore[import-untyped]  # it ships no types; accelerate brings it
    import torch

    if torch.cuda.is_available():
        return float(torch.cuda.mem_get_info()[0])
    return float(psutil.virtual_memory().available)
