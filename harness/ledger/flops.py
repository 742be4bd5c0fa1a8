"""FLOPs from a token count and a model's shape.

A multiply-add is two operations. Counted: the matrix products of the layers, of the LM head where logits are made, and
of attention; a backward pass costs twice its forward pass. Left out, a percent or less of real models: norms, rotary
embeddings, activations, softmax, masks, residual sums, embedding lookups, sampling, the optimizer. torch's counter,
which tests hold this to within 2%, leaves out the same.

Too high: keys beyond a sliding window are counted though a model may spare them, and so is a whole backward pass where
weights take no gradient (LoRA; by a third of the step at most). Padding is no one's answer and isn't counted.
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
    from transformers.pytorch_utils import Conv1D

    head = model.get_output_embeddings()
    # Conv1D is GPT-2's matrix product, its weight the other way round.
    body = sum(m.weight.numel() for m in model.modules() if isinstance(m, nn.Linear | Conv1D) and m is not head)
    config = model.config.get_text_config()
    head_size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    attention = config.num_hidden_layers * config.num_attention_heads * head_size
    return ModelShape(body=body, head=head.weight.numel(), attention=attention)


def attended_whole(lengths: list[int]) -> int:
    """Return the keys compared in full passes over sequences of these lengths (a kernel computes the full square)."""
    return sum(length * length for length in lengths)


def attended_decoding(prompts: list[int], completions: list[int]) -> int:
    """Return the keys compared when each completion is decoded with a cache after its prompt's pass."""
    return attended_whole(prompts) + attended_cached(prompts, completions)


def attended_cached(prompts: list[int], completions: list[int]) -> int:
    """Return the keys compared in decoding alone, after the prompts' passes."""
    pairs = zip(prompts, completions, strict=True)
    return sum(tokens_decoded([c]) * p + tokens_decoded([c]) * c // 2 for p, c in pairs)


def tokens_decoded(completions: list[int]) -> int:
    """Return the tokens that are read while completions are written: all but the last of each."""
    return sum(max(c - 1, 0) for c in completions)
