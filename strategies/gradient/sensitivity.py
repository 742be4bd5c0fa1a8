"""φ_t = ∂ log p(y_t) / ∂h_t at the input of the LM head, and its mean over a completion, Φ.

With logits z = W h + b and temperature τ, φ_t = (W[y_t] − E_{v~p_t} W[v]) / τ: a gather and one vector-matrix product
a token (G2RL, arXiv 2512.15687, section 3; the paper's φ is τ times this, the direction is the same). Each φ_t is made
once, whatever is made of them: Φ over all tokens, and over those at even and at odd positions alone.

Shape suffixes: N tokens of all rollouts, B rollouts, T tokens, D hidden size, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

CHUNK_TOKENS = 1024
"""Tokens whose logits are held at once: 0.6 GB of float32 with a vocabulary of 150,000."""


def token_features_from_weights(
    hidden_ND: Tensor, weight_VD: Tensor, bias_V: Tensor | None, ids_N: Tensor, temperature: float
) -> Tensor:
    """Return φ (N, D) for a linear head with weight (V, D)."""
    logits_NV = torch.nn.functional.linear(hidden_ND, weight_VD, bias_V)
    if temperature != 1:
        logits_NV = logits_NV.div_(temperature)
    expected_ND = logits_NV.softmax(dim=-1, dtype=torch.float32).to(weight_VD.dtype) @ weight_VD
    return (weight_VD[ids_N] - expected_ND).float() / temperature


def token_features_by_autograd(
    hidden_ND: Tensor, head: Callable[[Tensor], Tensor], ids_N: Tensor, temperature: float
) -> Tensor:
    """Return φ (N, D) through any head (biased, soft-capped, scaled): one backward pass of the head alone."""
    with torch.enable_grad():
        leaf_ND = hidden_ND.detach().requires_grad_(True)
        logp_NV = (head(leaf_ND).float() / temperature).log_softmax(dim=-1)
        total = logp_NV.gather(1, ids_N.unsqueeze(1)).sum()
        (features_ND,) = torch.autograd.grad(total, leaf_ND)
    return features_ND.float()


@dataclass(frozen=True, kw_only=True, slots=True)
class ParitySums:
    """Sums of φ over the tokens at even and at odd positions of each completion."""

    sums: Tensor
    """(B, 2, D) float32."""
    counts: Tensor
    """(B, 2) tokens in each sum."""
    products: Tensor
    """(B, D) float32, sums of φ ⊙ h over all tokens."""

    @property
    def mean(self) -> Tensor:
        """Φ (B, D) float32, over all tokens; zero for a completion of none."""
        return self.sums.sum(dim=1) / self.counts.sum(dim=1, keepdim=True).clamp(min=1)

    @property
    def halves(self) -> Tensor:
        """Φ (B, 2, D) float32 over the tokens at even and at odd positions alone; zero where there are none."""
        return self.sums / self.counts.unsqueeze(-1).clamp(min=1)

    @property
    def activations(self) -> Tensor:
        """The mean of φ ⊙ h (B, D) float32; zero for a completion of no tokens."""
        return self.products / self.counts.sum(dim=1, keepdim=True).clamp(min=1)


def parity_sums(
    hidden_BTD: Tensor,
    ids_BT: Tensor,
    mask_BT: Tensor,
    token_features: Callable[[Tensor, Tensor], Tensor],
) -> ParitySums:
    """Return the sums of φ that Φ and its halves are made from, in one pass over the tokens.

    Args:
        hidden_BTD: Hidden state that each completion token was predicted from, at the input of the head.
        ids_BT: The completion's token ids.
        mask_BT: Bool, true for the completion's tokens; others may hold anything.
        token_features: (hidden (N, D), ids (N,)) to φ (N, D).
    """
    rollouts, width = mask_BT.shape[0], hidden_BTD.shape[-1]
    rows_N, columns_N = mask_BT.nonzero(as_tuple=True)
    places_N = rows_N * 2 + columns_N % 2
    sums = hidden_BTD.new_zeros((rollouts * 2, width), dtype=torch.float32)
    products = hidden_BTD.new_zeros((rollouts, width), dtype=torch.float32)
    for start in range(0, rows_N.numel(), CHUNK_TOKENS):
        chunk = slice(start, start + CHUNK_TOKENS)
        where = rows_N[chunk], columns_N[chunk]
        features_ND = token_features(hidden_BTD[where], ids_BT[where])
        sums.index_add_(0, places_N[chunk], features_ND)
        products.index_add_(0, rows_N[chunk], features_ND * hidden_BTD[where].float())
    counts = torch.stack([mask_BT[:, start::2].sum(dim=1) for start in (0, 1)], dim=1)
    return ParitySums(sums=sums.view(rollouts, 2, width), counts=counts, products=products)


def sequence_features(
    hidden_BTD: Tensor,
    ids_BT: Tensor,
    mask_BT: Tensor,
    token_features: Callable[[Tensor, Tensor], Tensor],
) -> Tensor:
    """Return Φ (B, D) float32: the mean of φ over the completion's tokens (G2RL's default, α_t = 1).

    Args:
        hidden_BTD: As `parity_sums`, and so are the others.
        ids_BT: The completion's token ids.
        mask_BT: Bool, true for the completion's tokens.
        token_features: (hidden (N, D), ids (N,)) to φ (N, D).
    """
    return parity_sums(hidden_BTD, ids_BT, mask_BT, token_features).mean
