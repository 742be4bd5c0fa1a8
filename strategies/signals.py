"""The names of the signals that a strategy may ask for."""

from __future__ import annotations

from typing import Literal

SignalName = str
"""One of `SIGNALS`, or what `embeddings` or `projected_gradient` returns."""
SIGNALS = (
    "gradient_features",
    "split_features",
    "gradient_activations",
    "hidden",
    "logp",
    "entropy",
    "reference_hidden",
)
EMBEDDINGS = "embeddings:"
PROJECTED = "projected_gradient:"

Layers = Literal["all", "body", "last"]
"""Which linear layers a projected gradient covers: all of them with the LM head, all without it, the last block's."""


def embeddings(encoder: str) -> SignalName:
    """Return the name of the signal that holds the completions' embeddings by `encoder`."""
    return EMBEDDINGS + encoder


def projected_gradient(dimension: int = 1024, layers: Layers = "body") -> SignalName:
    """Return the name of the signal that holds each rollout's policy gradient over `layers`, randomly projected.

    Args:
        dimension: Numbers that are kept for each linear layer, at most; the signal has that many for each layer.
        layers: Which linear layers are covered.
    """
    return f"{PROJECTED}{layers}:{dimension}"
