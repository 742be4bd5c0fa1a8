"""Loading a model and its tokenizer: silently and completely, or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from harness.models.resolve import resolve_model

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

Precision = Literal["float32", "bfloat16", "float64"]


class ModelLoadError(ValueError):
    """The files of a model are missing, cut short or don't fit together."""

    def __init__(self, place: str, cause: str) -> None:
        super().__init__(place, cause)
        self.place = place
        self.cause = cause

    def __str__(self) -> str:
        return f"can't load the model at {self.place}: {self.cause}"


def load_model(
    name_or_path: str | Path, *, precision: Precision = "float32", device: str | None = "cpu"
) -> PreTrainedModel:
    """Return the causal language model of a name or folder, in evaluation mode; no global generator is moved.

    Args:
        name_or_path: As `resolve_model`.
        precision: Number format of the weights, whatever format they are stored in.
        device: Where the model goes; a GPU if there is one, else the CPU, if None.

    Raises:
        ValueError: As `resolve_model`.
        ModelLoadError: If a file is missing or damaged, or the weights don't fit the configuration.
    """
    place = resolve_model(name_or_path)
    try:
        model, gaps = _load(place, precision)
    except Exception as error:  # whatever safetensors and transformers raise on damaged files
        raise ModelLoadError(place, f"{type(error).__name__}: {error}") from error
    if gaps:
        # transformers would fill these with fresh random weights and go on.
        raise ModelLoadError(place, f"weights are missing or don't fit: {', '.join(gaps[:5])} ({len(gaps)} in all)")
    loaded: PreTrainedModel = model.to(device or _best_device()).eval()
    return loaded


def load_tokenizer(name_or_path: str | Path) -> PreTrainedTokenizerFast:
    """Return the tokenizer of a name or folder, padding on the left as generation needs it.

    Raises:
        ValueError: As `resolve_model`.
        ModelLoadError: If its files are missing or damaged.
    """
    from transformers import AutoTokenizer

    place = resolve_model(name_or_path)
    try:
        tokenizer: PreTrainedTokenizerFast = AutoTokenizer.from_pretrained(place, padding_side="left")
    except Exception as error:
        raise ModelLoadError(place, f"{type(error).__name__}: {error}") from error
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
        config = AutoConfig.from_pretrained(resolve_model(name_or_path))
        skeleton: PreTrainedModel = AutoModelForCausalLM.from_config(config)
    return skeleton


def _load(place: str, precision: Precision) -> tuple[Any, list[str]]:
    """Return the model, and the names of weights that the files didn't supply."""
    import torch
    from transformers import AutoModelForCausalLM

    from harness.isolation import generators_kept, quiet, without_progress

    with generators_kept(0, torch.device("cpu")), quiet("transformers"), without_progress():
        model, report = AutoModelForCausalLM.from_pretrained(
            place, dtype=getattr(torch, precision), output_loading_info=True, ignore_mismatched_sizes=True
        )
    mismatched = [entry[0] if isinstance(entry, tuple) else entry for entry in report["mismatched_keys"]]
    return model, sorted({*report["missing_keys"], *mismatched})


def _best_device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
