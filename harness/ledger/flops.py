"""FLOPs from a token count and a model's shape.

A multiply-add is two operations. Counted: the matrix products of the layers, of the LM head where logits are made, and
of attention; a backward pass costs twice its forward pass. Left out, a percent or less of real models: norms, rotary
embeddings, activations, softmax, masks, residual sums, embedding lookups, sampling, the optimizer. torch's counter,
which tests hold this to, leaves out the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelShape:
    """What the cost of a token depends on."""

    body: int
    """Weights of the layers' matrix products."""
    head: int
    """Weights of the LM head, V·D."""
    attention: int
    """Layers × query heads × head size."""

    def forward(self, *, tokens: float, logits: float, attended: float) -> float:
        """Return the FLOPs of a forward pass.

        Args:
            tokens: Tokens that go through the layers.
            logits: Positions that go through the LM head.
            attended: Sum over those tokens of the keys each is compared with.

        References:
            Kaplan et al. 2020, https://arxiv.org/abs/2001.08361, table 1, with attention at its real length.
        """
        return 2 * self.body * tokens + 2 * self.head * logits + 4 * self.attention * attended


def shape_of(model: PreTrainedModel) -> ModelShape:
    """Return the shape of a dense causal language model."""
    from torch import nn

    head = model.get_output_embeddings()
    body = sum(m.weight.numel() for m in model.modules() if isinstance(m, nn.Linear) and m is not head)
    config = model.config.get_text_config()
    head_size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    attention = config.num_hidden_layers * config.num_attention_heads * head_size
    return ModelShape(body=body, head=head.weight.numel(), attention=attention)


def attended_whole(lengths: list[int]) -> int:
    """Return the keys compared in full passes over sequences of these lengths (a kernel computes the full square)."""
    return sum(length * length for length in lengths)


def attended_decoding(prompts: list[int], completions: list[int]) -> int:
    """Return the keys compared when each completion is decoded with a cache after its prompt's pass."""
    pairs = zip(prompts, completions, strict=True)
    return sum(p * p + max(c - 1, 0) * p + max(c - 1, 0) * c // 2 for p, c in pairs)
