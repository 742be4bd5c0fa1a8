"""Loading a sealed model from its folder, offline, silently and completely, or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from harness.evaluation.errors import ModelLoadError


class LoadedModel(NamedTuple):
    """A model with its tokenizer."""

    model: Any
    tokenizer: Any


def load_model(path: Path, *, device: str | None = None) -> LoadedModel:
    """Load a causal model and its tokenizer.

    Args:
        path: Folder with config, weights and tokenizer, as `save_pretrained` writes them.
        device: Where the model goes; a GPU if there is one, else the CPU, if None.

    Returns:
        The model in evaluation mode, in the number format its config names, and its tokenizer.

    Raises:
        ModelLoadError: If a file is missing or damaged, or the weights don't fit the config.
    """
    if not path.is_dir():
        raise ModelLoadError(path, "there is no such folder; give the folder that holds config.json")
    try:
        model, tokenizer, gaps = _load(path)
    except Exception as error:  # whatever safetensors, tokenizers or transformers raise on damaged files
        raise ModelLoadError(path, f"{type(error).__name__}: {error}") from error
    if gaps:
        # transformers would fill these with fresh random weights and go on.
        raise ModelLoadError(path, f"weights are missing or don't fit: {', '.join(gaps[:5])} ({len(gaps)} in all)")
    return LoadedModel(model.to(device or _best_device()).eval(), tokenizer)


def _load(path: Path) -> tuple[Any, Any, list[str]]:
    """Return model, tokenizer, and the names of weights that the files didn't supply."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from harness.evaluation.isolation import generators_kept, quiet, without_progress

    with generators_kept(0, torch.device("cpu")), quiet("transformers"), without_progress():
        model, report = AutoModelForCausalLM.from_pretrained(
            path, local_files_only=True, dtype="auto", output_loading_info=True, ignore_mismatched_sizes=True
        )
        tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=True)
    mismatched = [entry[0] if isinstance(entry, tuple) else entry for entry in report["mismatched_keys"]]
    return model, tokenizer, sorted({*report["missing_keys"], *mismatched})


def _best_device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
