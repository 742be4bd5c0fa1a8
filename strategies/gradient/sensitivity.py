"""φ_t = ∂ log p(y_t) / ∂h_t at the input of the LM head, and its mean over a completion, Φ.

With logits z = W h + b and temperature τ, φ_t = (W[y_t] − E_{v~p_t} W[v]) / τ: a gather and one vector-matrix product
a token (G2RL, arXiv 2512.15687, section 3; the paper's φ is τ times this, the direction is the same).

Shape suffixes: N tokens of all rollouts, B rollouts, T tokens, D hidden size, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

CHUNK_TOKENS = 8192
"""Tokens whose logits are held at once."""


def token_features_from_weights(
    hidden_ND: Tensor, weight_VD: Tensor, bias_V: Tensor | None, ids_N: Tensor, temperature: float
) -> Tensor:
    """Return φ (N, D) for a linear head with weight (V, D)."""
    logits_NV = torch.nn.functional.linear(hidden_ND, weight_VD, bias_V) / temperature
    expected_ND = logits_NV.float().softmax(dim=-1).to(weight_VD.dtype) @ weight_VD
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


def sequence_features(
    hidden_BTD: Tensor,
    ids_BT: Tensor,
    mask_BT: Tensor,
    token_features: Callable[[Tensor, Tensor], Tensor],
) -> Tensor:
    """Return Φ (B, D) float32: the mean of φ over the completion's tokens (G2RL's default, α_t = 1).

    Args:
        hidden_BTD: Hidden state that each completion token was predicted from, at the input of the head.
        ids_BT: The completion's token ids.
        mask_BT: Bool, true for the completion's tokens; others may hold anything.
        token_features: (hidden (N, D), ids (N,)) to φ (N, D).
    """
    rows_N, columns_N = mask_BT.nonzero(as_tuple=True)
    hidden_ND, ids_N = hidden_BTD[rows_N, columns_N], ids_BT[rows_N, columns_N]
    features_BD = hidden_BTD.new_zeros((mask_BT.shape[0], hidden_BTD.shape[-1]), dtype=torch.float32)
    for start in range(0, rows_N.numel(), CHUNK_TOKENS):
        chunk = slice(start, start + CHUNK_TOKENS)
        features_BD.index_add_(0, rows_N[chunk], token_features(hidden_ND[chunk], ids_N[chunk]))
    return features_BD / mask_BT.sum(dim=1, keepdim=True).clamp(min=1)
