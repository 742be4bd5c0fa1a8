"""The embedded base model, and loading any model by name. Importing this package imports no torch."""

from harness.models.load import ModelLoadError, load_model, load_tokenizer
from harness.models.resolve import resolve_model, tiny_path

__all__ = ["ModelLoadError", "load_model", "load_tokenizer", "resolve_model", "tiny_path"]
