"""What stands for a rollout when its group is asked who is new: its update direction, or what that is tested against.

G2RL says that the model's own update direction Φ tells which rollouts are new. Whether it is the gradient that tells is
seen by putting something else in its place while all that follows stays the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from torch import Tensor

from strategies.contract import Strategy
from strategies.parameters import Range
from strategies.rollouts import Rollouts
from strategies.signals import Layers, SignalName, embeddings, projected_gradient

Feature = Literal["sensitivity", "projected_gradient", "mean_hidden", "text_embedding", "random_vector"]
"""sensitivity: Φ, the gradient of the mean log-probability by the hidden state at the LM head. projected_gradient: its
gradient by the weights, randomly projected. mean_hidden: the mean of those hidden states. text_embedding: what an
encoder makes of the text. random_vector: noise that knows nothing."""


WORDS: Mapping[Feature, str] = {
    "sensitivity": "update directions",
    "projected_gradient": "projected gradients",
    "mean_hidden": "mean hidden states",
    "text_embedding": "texts",
    "random_vector": "random vectors",
}


def pairs_of(kind: Feature) -> str:
    """Return what the log calls the cosines between these vectors, of the pairs of rollouts in each group."""
    return f"{WORDS[kind]}, pairs of a group"


@dataclass(frozen=True, kw_only=True, slots=True)
class Features:
    """One vector for each rollout."""

    kind: Feature = "sensitivity"
    encoder: str = "lexical"
    """Of text_embedding."""
    dimension: int = 128
    """Of random_vector; numbers for each layer of projected_gradient."""
    layers: Layers = "body"
    """Of projected_gradient."""

    def needs(self) -> frozenset[SignalName]:
        """Return the signals that the vectors are made from."""
        needed: dict[str, frozenset[SignalName]] = {
            "sensitivity": frozenset({"gradient_features"}),
            "projected_gradient": frozenset({projected_gradient(self.dimension, self.layers)}),
            "mean_hidden": frozenset({"hidden"}),
            "text_embedding": frozenset({embeddings(self.encoder)}),
            "random_vector": frozenset(),
        }
        return needed[self.kind]

    def of(self, rollouts: Rollouts) -> Tensor:
        """Return the vectors (B, F), float32."""
        if self.kind == "sensitivity":
            return rollouts.signals["gradient_features"]
        if self.kind == "projected_gradient":
            return rollouts.signals[projected_gradient(self.dimension, self.layers)]
        if self.kind == "mean_hidden":
            return rollouts.token_mean(rollouts.signals["hidden"]).float()
        if self.kind == "text_embedding":
            return rollouts.signals[embeddings(self.encoder)]
        drawn = torch.randn(len(rollouts.rewards), self.dimension, generator=rollouts.generator)
        return drawn.to(rollouts.rewards.device)


@dataclass(frozen=True, kw_only=True)
class ByFeatures(Strategy):
    """A strategy that goes by one vector for each rollout, whichever that is."""

    signal: Feature = "sensitivity"
    """The vector that stands for a rollout: Φ, its gradient in the weights, or something to test those against."""
    dimension: Annotated[int, Range(least=1)] = 128
    """Numbers of each layer's projected_gradient, or of a random_vector."""
    layers: Layers = "body"
    """Layers of the projected_gradient: all but the LM head, all, or those of the last block."""
    encoder: str = "lexical"
    """Of the signal text_embedding: `lexical`, a folder, or a name on the hub."""

    @property
    def features(self) -> Features:
        """What stands for a rollout."""
        return Features(kind=self.signal, encoder=self.encoder, dimension=self.dimension, layers=self.layers)


def features_of(strategy: Strategy) -> Features:
    """Return what stands for a rollout in `strategy`; Φ if it doesn't say."""
    return strategy.features if isinstance(strategy, ByFeatures) else Features(kind="sensitivity")
