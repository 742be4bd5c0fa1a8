"""The LM head, and the signals that are made at its input from hidden states alone.

Shape suffixes: B rollouts, T completion tokens, N tokens of all rollouts, D hidden size, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from strategies.gradient import sensitivity
from strategies.gradient.sensitivity import parity_sums, token_features_by_autograd, token_features_from_weights
from strategies.signals import SignalName

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """A model's way from hidden states to logits, with the sampling temperature."""

    linear: nn.Linear
    softcap: float | None
    scale: float
    temperature: float

    @classmethod
    def of(cls, model: PreTrainedModel, temperature: float) -> Head:
        """Read the head of `model`.

        Raises:
            TypeError: If the head is not a linear layer.
        """
        config = model.config.get_text_config()
        linear = model.get_output_embeddings()
        if not isinstance(linear, nn.Linear):
            raise TypeError(f"signals need a linear LM head, got {type(linear).__name__}")
        scale = getattr(config, "logit_scale", None)
        divisor = getattr(config, "logits_scaling", None)
        return cls(
            linear=linear,
            softcap=getattr(config, "final_logit_softcapping", None),
            scale=scale if scale is not None else 1 / divisor if divisor is not None else 1.0,
            temperature=temperature,
        )

    @property
    def plain(self) -> bool:
        """Whether logits are linear in the hidden state and unscaled."""
        return self.softcap is None and self.scale == 1.0

    def logits(self, hidden: Tensor) -> Tensor:
        """Return the logits before temperature."""
        logits = nn.functional.linear(hidden, self.linear.weight, self.linear.bias) * self.scale
        return logits if self.softcap is None else self.softcap * torch.tanh(logits / self.softcap)

    def token_features(self) -> Callable[[Tensor, Tensor], Tensor]:
        """Return (hidden (N, D), ids (N,)) to φ (N, D): from the weights where that is exact, else by autograd."""
        if self.plain:
            weight, bias = self.linear.weight.detach(), self.linear.bias
            return lambda hidden, ids: token_features_from_weights(hidden, weight, bias, ids, self.temperature)
        return lambda hidden, ids: token_features_by_autograd(hidden, self.logits, ids, self.temperature)


HEAD_PASSES = {
    "gradient_features": 2,
    "split_features": 2,
    "gradient_activations": 2,
    "logp": 1,
    "entropy": 1,
    "hidden": 0,
}
"""Products with the LM head that a signal takes by itself, for each signal made from hidden states."""
AT_EACH_TOKEN = frozenset({"gradient_features", "split_features", "gradient_activations"})
MADE_TOGETHER = (AT_EACH_TOKEN, frozenset({"logp", "entropy"}))
"""Signals that one pass makes as well as one of them."""


def head_passes(names: frozenset[SignalName]) -> int:
    """Return the products with the LM head that `names` take, made at once."""
    alone = names - frozenset().union(*MADE_TOGETHER)
    return sum(HEAD_PASSES[name] for name in alone) + sum(
        max(HEAD_PASSES[name] for name in kin & names) for kin in MADE_TOGETHER if kin & names
    )


@torch.no_grad()
def compute_signals(
    names: frozenset[SignalName], hidden_BTD: Tensor, ids_BT: Tensor, mask_BT: Tensor, head: Head
) -> dict[SignalName, Tensor]:
    """Return the signals in `names`; positions outside the mask are zero.

    Args:
        names: gradient_features (B, D), split_features (B, 2, D), gradient_activations (B, D), hidden (B, T, D), logp
            (B, T), entropy (B, T) in nats.
        hidden_BTD: Hidden states that the completion's tokens were predicted from.
        ids_BT: The completion's token ids.
        mask_BT: Bool, true for the completion's tokens.
        head: The LM head.
    """
    made: dict[SignalName, Tensor] = {}
    if names & AT_EACH_TOKEN:
        sums = parity_sums(hidden_BTD, ids_BT, mask_BT, head.token_features())
        made |= {
            "gradient_features": sums.mean,
            "split_features": sums.halves,
            "gradient_activations": sums.activations,
        }
    if of_tokens := names & {"logp", "entropy"}:
        made |= _of_tokens(of_tokens, hidden_BTD, ids_BT, mask_BT, head)
    if "hidden" in names:
        made["hidden"] = hidden_BTD.masked_fill(~mask_BT.unsqueeze(-1), 0)
    return {name: made[name] for name in sorted(names)}


def _of_tokens(
    names: frozenset[SignalName], hidden_BTD: Tensor, ids_BT: Tensor, mask_BT: Tensor, head: Head
) -> dict[SignalName, Tensor]:
    made = {name: hidden_BTD.new_zeros(mask_BT.shape, dtype=torch.float32) for name in names}
    rows_N, columns_N = mask_BT.nonzero(as_tuple=True)
    chunk = sensitivity.CHUNK_TOKENS
    for where in zip(torch.split(rows_N, chunk), torch.split(columns_N, chunk), strict=True):
        logp_NV = (head.logits(hidden_BTD[where]).float() / head.temperature).log_softmax(dim=-1)
        if "logp" in made:
            made["logp"][where] = logp_NV.gather(1, ids_BT[where].unsqueeze(1)).squeeze(1)
        if "entropy" in made:
            made["entropy"][where] = -(logp_NV.exp() * logp_NV).sum(dim=-1)
    return made
