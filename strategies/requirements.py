"""Whether what a strategy asks for can be read off a model: said before anything is spent."""

from __future__ import annotations

from collections.abc import Iterable

from strategies.gradient.projection import BYTES, Size, features, last_block, matrix_bytes
from strategies.run import ModelFacts, RunSettings
from strategies.signals import EMBEDDINGS, PROJECTED, SignalName

GB = 1e9
INSTEAD = "an arm without signals of the model (embeddings of text are none)"


def require_readable(signals: Iterable[SignalName], run: RunSettings) -> None:
    """Raise ValueError for a signal that can't be read off the model of `run`, or does not fit beside it.

    The model is looked at only if a signal is read off it.
    """
    for name in sorted(signals):
        if name.startswith(EMBEDDINGS):
            continue
        _require_head(name, run.model())
        if name.startswith(PROJECTED):
            _require_layers(name, run)


def _require_head(name: SignalName, model: ModelFacts) -> None:
    if model.head is None:
        raise ValueError(
            f"{name} is read at the LM head, and {model.name} has none that can be found (its get_output_embeddings() "
            f"returns None). Use a causal language model with a linear head, or {INSTEAD}"
        )
    if model.head != "Linear":
        raise ValueError(
            f"{name} is read at a linear LM head, and that of {model.name} is a {model.head}. Use a model whose head "
            f"is a linear layer, or {INSTEAD}"
        )
    if model.sharded is not None:
        raise ValueError(
            f"{name} is read off whole layers, and {model.sharded} spreads those of {model.name} over processes. Start "
            f"the run without it, or use {INSTEAD}"
        )


def _require_layers(name: SignalName, run: RunSettings) -> None:
    model = run.model()
    if model.quantised is not None:
        raise ValueError(
            f"{name} is the gradient of linear layers, and those of {model.name} are quantised ({model.quantised}), "
            "so that they have none. Use the weights before quantisation, or signal sensitivity, which reads the head"
        )
    layers, _, dimension = name.removeprefix(PROJECTED).partition(":")
    covered, kept = _covered(model, layers), int(dimension)
    needed = matrix_bytes(covered, kept) + BYTES * features(covered, kept) * run.prompts_per_step * run.group_size
    if needed > model.free_bytes:
        raise ValueError(
            f"{name} keeps projections of {len(covered)} layers and {features(covered, kept):,} numbers for each "
            f"rollout of a batch: {needed / GB:.1f} GB, with {model.free_bytes / GB:.1f} GB free. Lower dimension, "
            "cover layers: last alone, or use signal sensitivity"
        )


def _covered(model: ModelFacts, layers: str) -> list[Size]:
    """Return the layers that a projection covers, as far as the model's configuration tells."""
    body = [Size(*layer) for layer in model.layers]
    if layers == "all":
        return [*body, Size("head", model.hidden, model.vocabulary)]
    if layers == "body" or not body:
        return body
    last = last_block([layer.name for layer in body])
    return [layer for layer in body if layer.name in last]
