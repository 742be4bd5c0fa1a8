"""The signals that strategies ask for, all made from the hidden states at the input of the LM head.

Generation computes those hidden states anyway, one token at a time; `GenerationTap` keeps them, so that a signal costs
a pass through the head and no pass through the layers. Where generation happens elsewhere (vLLM), `hidden_by_forward`
makes them with one pass more, which the ledger charges to the strategy.

Shape suffixes: B rollouts, P prompt tokens, T completion tokens, S = P + T, D hidden size, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from strategies import SignalName
from strategies.gradient.sensitivity import (
    sequence_features,
    token_features_by_autograd,
    token_features_from_weights,
)

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class GenerationTap:
    """Keeps what enters the LM head while a model generates: (B, D) for each decoded token."""

    def __init__(self, model: PreTrainedModel) -> None:
        self._head = model.get_output_embeddings()
        self._steps: list[Tensor] = []
        self._hook: Any = None

    def __enter__(self) -> GenerationTap:
        self._hook = self._head.register_forward_pre_hook(self._keep)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hook.remove()

    def _keep(self, module: nn.Module, args: tuple[Tensor, ...]) -> None:
        self._steps.append(args[0][:, -1].detach())

    def hidden(self, tokens: int) -> Tensor | None:
        """Return (B, `tokens`, D), zero-padded on the right; None when the model did not generate here."""
        if not self._steps:
            return None
        hidden_BTD = torch.stack(self._steps[:tokens], dim=1)
        return nn.functional.pad(hidden_BTD, (0, 0, 0, tokens - hidden_BTD.shape[1]))


@torch.no_grad()
def hidden_by_forward(
    model: PreTrainedModel, ids_BS: Tensor, attention_BS: Tensor, completion_tokens: int, batch_size: int
) -> Tensor:
    """Return the hidden states (B, T, D) that the last `completion_tokens` tokens were predicted from."""
    parts = []
    for ids, attention in zip(torch.split(ids_BS, batch_size), torch.split(attention_BS, batch_size), strict=True):
        outputs = model.base_model(input_ids=ids, attention_mask=attention, use_cache=False)
        parts.append(outputs.last_hidden_state[:, -completion_tokens - 1 : -1])
    return torch.cat(parts)


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


@torch.no_grad()
def compute_signals(
    names: frozenset[SignalName], hidden_BTD: Tensor, ids_BT: Tensor, mask_BT: Tensor, head: Head
) -> dict[str, Tensor]:
    """Return the signals in `names`; positions outside the mask are zero.

    Args:
        names: gradient_features (B, D), hidden (B, T, D), logp (B, T), entropy (B, T) in nats.
        hidden_BTD: Hidden states that the completion's tokens were predicted from.
        ids_BT: The completion's token ids.
        mask_BT: Bool, true for the completion's tokens.
        head: The LM head.
    """
    makers: dict[SignalName, Callable[[], Tensor]] = {
        "gradient_features": partial(sequence_features, hidden_BTD, ids_BT, mask_BT, head.token_features()),
        "hidden": lambda: hidden_BTD * mask_BT.unsqueeze(-1),
        "logp": lambda: _logp(head, hidden_BTD).gather(2, ids_BT.unsqueeze(2)).squeeze(2) * mask_BT,
        "entropy": lambda: _entropy(head, hidden_BTD) * mask_BT,
    }
    return {name: makers[name]() for name in sorted(names)}


def _logp(head: Head, hidden_BTD: Tensor) -> Tensor:
    return (head.logits(hidden_BTD).float() / head.temperature).log_softmax(dim=-1)


def _entropy(head: Head, hidden_BTD: Tensor) -> Tensor:
    logp_BTV = _logp(head, hidden_BTD)
    return -(logp_BTV.exp() * logp_BTV).sum(dim=-1)
