"""ReDo for language models: neurons of the MLPs that hardly speak start anew.

A neuron is one input of an MLP's last layer: act(gate)·up in Llama and its kin, the activation in GPT-NeoX. Its
incoming weights are drawn again and its outgoing ones are zero, so that the model computes nearly what it did, and the
optimizer forgets it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from harness.isolation import inference
from harness.models.facts import DOWN_PROJECTIONS
from harness.training.gradients import Sequences

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from harness.training.trainer import StrategyTrainer

MOMENTS = ("exp_avg", "exp_avg_sq")


@dataclass(frozen=True, kw_only=True, slots=True)
class Mlp:
    """The linear layers around the neurons of one block."""

    incoming: tuple[nn.Linear, ...]
    """Each neuron is a row of their weights."""
    outgoing: nn.Linear
    """Each neuron is a column of its weight."""


def mlps(model: nn.Module) -> list[Mlp]:
    """Return the MLPs of `model` whose neurons can be told apart, in its order."""
    return list(_found(model))


def _found(model: nn.Module) -> Iterator[Mlp]:
    for module in model.modules():
        layers = {name: child for name, child in module.named_children() if isinstance(child, nn.Linear)}
        last = next((layers[name] for name in DOWN_PROJECTIONS if name in layers), None)
        if last is not None:
            incoming = [one for one in layers.values() if one is not last and one.out_features == last.in_features]
            yield Mlp(incoming=tuple(incoming), outgoing=last)


@torch.no_grad()
def activity(model: PreTrainedModel, blocks: list[Mlp], sequences: Sequences, batch_size: int) -> list[Tensor]:
    """Return for each block its neurons' scores s_i = E|h_i| / mean_k E|h_k| over the tokens that are there.

    References:
        Sokar et al. 2023, arXiv 2302.12902, equation 1.
    """
    totals = [torch.zeros(block.outgoing.in_features, device=sequences.ids.device) for block in blocks]
    present = [torch.empty(0)]

    def keep(place: int) -> Any:
        def hook(module: nn.Module, args: tuple[Tensor, ...]) -> None:
            totals[place] += (args[0].abs().float() * present[0]).sum(dim=(0, 1))

        return hook

    with inference(model), ExitStack() as stack:
        for place, block in enumerate(blocks):
            stack.callback(block.outgoing.register_forward_pre_hook(keep(place)).remove)
        for part in sequences.split(batch_size):
            present[0] = part.attention.unsqueeze(-1).float()
            model.base_model(input_ids=part.ids, attention_mask=part.attention, use_cache=False)
    return [total / total.mean().clamp(min=1e-30) for total in totals]


@torch.no_grad()
def restart(block: Mlp, dormant: Tensor, deviation: float, generator: torch.Generator, moments: Any) -> None:
    """Start the `dormant` neurons of a block anew.

    Args:
        block: Whose weights are changed.
        dormant: (neurons,) bool.
        deviation: Standard deviation of the incoming weights, the model's own at its beginning.
        generator: On the CPU.
        moments: The optimizer's state by parameter; a moment is zero for what starts anew. Adam counts its steps by
            tensor, and that count stays.
    """
    rows = dormant.nonzero().squeeze(1)
    for layer in block.incoming:
        drawn = deviation * torch.randn(len(rows), layer.in_features, generator=generator)
        layer.weight[rows] = drawn.to(layer.weight)
        _forget(moments.get(layer.weight, {}), rows, dim=0)
        if layer.bias is not None:
            layer.bias[rows] = 0
            _forget(moments.get(layer.bias, {}), rows, dim=0)
    block.outgoing.weight[:, rows] = 0
    _forget(moments.get(block.outgoing.weight, {}), rows, dim=1)


def _forget(state: dict[str, Tensor], rows: Tensor, dim: int) -> None:
    for name in MOMENTS:
        if name in state:
            state[name].index_fill_(dim, rows, 0)


def restart_dormant(trainer: StrategyTrainer, tau: float) -> dict[str, float]:
    """Start the neurons with a score of at most `tau` on the latest batch anew; return how many there were, and of all.

    Raises:
        RuntimeError: If nothing has been trained on yet.
    """
    if trainer.latest is None:
        raise RuntimeError("neurons are judged on the latest batch, and there is none yet")
    model, sequences = trainer.policy, trainer.latest.sequences
    blocks = mlps(model)
    trainer.meter.forwarded("score", trainer.part, *trainer.latest.lengths, head=False)
    scores = activity(model, blocks, sequences, trainer.args.per_device_train_batch_size)
    deviation = float(model.config.get_text_config().initializer_range)
    for block, score in zip(blocks, scores, strict=True):
        restart(block, score <= tau, deviation, trainer.generator, trainer.optimizer.state)
    restarted = sum(int((score <= tau).sum()) for score in scores)
    return {"neurons": restarted, "of": sum(len(score) for score in scores)}
