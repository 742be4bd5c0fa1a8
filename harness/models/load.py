"""Loading a model and its tokenizer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.models.resolve import resolve_model

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast


def load_model(name_or_path: str | Path) -> PreTrainedModel:
    """Return the causal language model of a name or folder, in float32 and in evaluation mode.

    Raises:
        ValueError: As `resolve_model`.
    """
    import torch
    from transformers import AutoModelForCausalLM

    model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(resolve_model(name_or_path), dtype=torch.float32)
    return model.eval()


def load_tokenizer(name_or_path: str | Path) -> PreTrainedTokenizerFast:
    """Return the tokenizer of a name or folder, padding on the left as generation needs it.

    Raises:
        ValueError: As `resolve_model`.
    """
    from transformers import AutoTokenizer

    tokenizer: PreTrainedTokenizerFast = AutoTokenizer.from_pretrained(resolve_model(name_or_path), padding_side="left")
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def load_skeleton(name_or_path: str | Path) -> PreTrainedModel:
    """Return the model without weights, on torch's meta device: its shape, at no cost.

    Raises:
        ValueError: As `resolve_model`.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    with torch.device("meta"):
        skeleton: PreTrainedModel = AutoModelForCausalLM.from_config(
            AutoConfig.from_pretrained(resolve_model(name_or_path))
        )
    return skeleton
