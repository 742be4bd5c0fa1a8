"""The true gradient of what a rollout teaches: that of its mean log-probability, in the weights of linear layers.

`exact_gradients` makes each rollout's whole gradient, a backward pass for each: the reference. `projected_gradients`
makes a random projection of it with one forward and one backward pass for a whole batch: as the gradient comes by each
layer's output, it is multiplied with what went in. No parameter's gradient is computed, and none is touched.

Only weights count, and each by its use in a linear layer: an LM head that shares its weight with the embedding has the
gradient of the head's use alone. Biases, norms and embeddings are left out.

Shape suffixes: B rollouts, S tokens with the prompt, T completion tokens, V vocabulary, K projected numbers.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

import torch
from torch import Tensor, nn

from harness.isolation import inference
from strategies.gradient.projection import Size, features, kept, last_block, projected, projection
from strategies.signals import PROJECTED, Layers, SignalName

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class Projection(NamedTuple):
    """Which layers a projected gradient covers, and what is kept of each."""

    layers: Layers
    dimension: int
    """Numbers for each layer, at most."""


def projection_of(name: SignalName) -> Projection:
    """Return what ``projected_gradient:<layers>:<dimension>`` stands for.

    Raises:
        ValueError: If `name` isn't of that form.
    """
    layers, _, dimension = name.removeprefix(PROJECTED).partition(":")
    if (
        not name.startswith(PROJECTED)
        or layers not in get_args(Layers)
        or not dimension.isdecimal()
        or dimension == "0"
    ):
        raise ValueError(
            f"expected {PROJECTED}<layers>:<dimension> with layers one of {', '.join(get_args(Layers))} and a "
            f"dimension of at least 1, got {name!r}"
        )
    return Projection(layers, int(dimension))  # type: ignore[arg-type]  # looked up just above


@dataclass(frozen=True, kw_only=True, slots=True)
class Sequences:
    """Prompts with their completions."""

    ids: Tensor
    """(B, S): prompts padded on the left, completions on the right."""
    attention: Tensor
    """(B, S), 1 for what is there."""
    mask: Tensor
    """(B, T) bool: which of the last T tokens are the completion's."""

    def split(self, size: int) -> Iterator[Sequences]:
        """Yield parts of at most `size` rollouts."""
        for start in range(0, self.ids.shape[0], size):
            rows = slice(start, start + size)
            yield Sequences(ids=self.ids[rows], attention=self.attention[rows], mask=self.mask[rows])


def linear_layers(model: PreTrainedModel, layers: Layers) -> dict[str, nn.Linear]:
    """Return the linear layers that `layers` names, in the model's order; of a model with adapters, the adapters'."""
    head = model.get_output_embeddings()
    found = {name: module for name, module in model.named_modules() if isinstance(module, nn.Linear)}
    found = {name: module for name, module in found.items() if "lora_" in name} or found
    if layers == "all":
        return found
    body = {name: module for name, module in found.items() if module is not head}
    if layers == "body":
        return body
    last = last_block(body.keys())
    return {name: module for name, module in body.items() if name in last}


def sizes(layers: dict[str, nn.Linear]) -> list[Size]:
    """Return the layers' names and sizes."""
    return [Size(name, layer.in_features, layer.out_features) for name, layer in layers.items()]


def positions(module: nn.Module, attention_BS: Tensor) -> dict[str, Tensor]:
    """Return each token's place among those that are there, as generation numbers them, if `module` takes it."""
    if "position_ids" not in inspect.signature(module.forward).parameters:
        return {}
    return {"position_ids": (attention_BS.long().cumsum(dim=1) - 1).clamp(min=0)}


def mean_logp(
    model: PreTrainedModel, sequences: Sequences, temperature: float, call: Callable[..., Any] | None = None
) -> Tensor:
    """Return the mean log-probability (B,) float32 of each completion's tokens, with its graph.

    Args:
        model: Whose own logits are used, soft-capped, scaled or biased as it makes them.
        sequences: What was generated.
        temperature: That logits are divided by.
        call: Takes the model's keyword arguments in its place.
    """
    tokens = sequences.mask.shape[1]
    arguments: dict[str, Any] = positions(model, sequences.attention)
    if "logits_to_keep" in inspect.signature(model.forward).parameters:
        arguments["logits_to_keep"] = tokens + 1
    outputs = (call or model)(input_ids=sequences.ids, attention_mask=sequences.attention, use_cache=False, **arguments)
    logits_BTV = outputs.logits[:, -tokens - 1 : -1].float() / temperature
    ids_BT = torch.where(sequences.mask, sequences.ids[:, -tokens:], 0)
    logp_BT = logits_BTV.gather(2, ids_BT.unsqueeze(2)).squeeze(2) - logits_BTV.logsumexp(dim=-1)
    total_B = torch.where(sequences.mask, logp_BT, 0).sum(dim=1)
    return total_B / sequences.mask.sum(dim=1).clamp(min=1)


def exact_gradients(
    model: PreTrainedModel,
    ids: Tensor,
    attention: Tensor,
    mask: Tensor,
    temperature: float,
    layers: Layers,
) -> Tensor:
    """Return the gradient of each rollout's mean log-probability in the weights of `layers`: (B, all weights) float32.

    Each layer's weight is flattened as (outputs, inputs); the layers stand in the model's order. One forward and one
    backward pass for each rollout.

    Args:
        model: Left as it is, its modes and the gradients of its parameters included.
        ids: (B, S), prompts padded on the left, completions on the right.
        attention: (B, S), 1 for what is there.
        mask: (B, T) bool, which of the last T tokens are the completion's.
        temperature: That logits are divided by.
        layers: Which linear layers.
    """
    names = [f"{name}.weight" for name in linear_layers(model, layers)]
    # Leaves of their own: the weight of a tied head is then another tensor than the embedding's.
    leaves = {name: model.get_parameter(name).detach().clone().requires_grad_() for name in names}

    def call(**arguments: Any) -> Any:
        return torch.func.functional_call(model, leaves, kwargs=arguments, tie_weights=False)

    rows = []
    with inference(model), torch.enable_grad():
        for one in Sequences(ids=ids, attention=attention, mask=mask).split(1):
            total = mean_logp(model, one, temperature, call).sum()
            gradients = torch.autograd.grad(total, list(leaves.values()))
            rows.append(torch.cat([gradient.float().flatten() for gradient in gradients]))
    return torch.stack(rows)


def projected_gradients(
    model: PreTrainedModel, sequences: Sequences, what: Projection, *, temperature: float, batch_size: int
) -> Tensor:
    """Return the randomly projected gradient of each rollout's mean log-probability, (B, K) float32.

    Args:
        model: Left as it is, its modes and the gradients of its parameters included.
        sequences: What was generated.
        what: Which layers, and how much is kept of each.
        temperature: That logits are divided by.
        batch_size: Rollouts in one pass.

    References:
        Choe et al. 2024, arXiv 2405.13954, section 3 (LoGra).
    """
    layers = linear_layers(model, what.layers)
    width = features(sizes(layers), what.dimension)
    # Evaluation mode: no dropout, and no checkpointing, which would make the outputs that are watched anew.
    with inference(model), torch.enable_grad():
        parts = [
            _Watch(layers, what.dimension, part.attention).gradients(model, part, temperature)
            for part in sequences.split(batch_size)
        ]
    return torch.cat(parts) if parts else sequences.mask.new_zeros((0, width), dtype=torch.float32)


def projection_flops(layers: list[Size], dimension: int) -> float:
    """Return the FLOPs for each token of projecting both sides and multiplying them."""
    total = 0
    for layer in layers:
        side = kept(layer.inputs, layer.outputs, dimension)
        total += 2 * side.inputs * side.outputs
        total += 2 * layer.inputs * side.inputs if side.inputs < layer.inputs else 0
        total += 2 * layer.outputs * side.outputs if side.outputs < layer.outputs else 0
    return float(total)


class _Watch:
    """Projects what goes into each layer and the gradient that comes back to it, and multiplies the two."""

    def __init__(self, layers: dict[str, nn.Linear], dimension: int, attention_BS: Tensor) -> None:
        self._layers = layers
        self._dimension = dimension
        self._present_BS1 = attention_BS.bool().unsqueeze(-1)
        self._made: dict[str, Tensor] = {}
        self._leaves: list[Tensor] = []

    def gradients(self, model: PreTrainedModel, sequences: Sequences, temperature: float) -> Tensor:
        """Return (B, K), by one forward and one backward pass."""
        with ExitStack() as stack:
            hooks = [model.get_input_embeddings().register_forward_hook(self._start)]
            hooks += [layer.register_forward_hook(partial(self._enter, name)) for name, layer in self._layers.items()]
            for hook in hooks:
                stack.callback(hook.remove)
            total = mean_logp(model, sequences, temperature).sum()
        # In the embeddings alone, so that autograd computes no parameter's gradient on the way.
        torch.autograd.grad(total, self._leaves)
        return torch.cat([self._made[name] for name in self._layers], dim=1)

    def _start(self, module: nn.Module, args: tuple[Any, ...], output: Tensor) -> Tensor:
        self._leaves.append(output.detach().requires_grad_())
        return self._leaves[-1]

    def _enter(self, name: str, layer: nn.Linear, args: tuple[Tensor, ...], output: Tensor) -> None:
        if args[0].dim() != 3 or args[0].shape[0] != self._present_BS1.shape[0]:
            raise ValueError(
                f"the layer {name} takes {tuple(args[0].shape)}, expected (rollouts, tokens, inputs): its gradient "
                "can't be told apart by rollout; use gradient_features"
            )
        side = kept(layer.in_features, layer.out_features, self._dimension)
        entered = projected(
            args[0].detach(), projection(f"{name}.inputs", layer.in_features, side.inputs, output.device)
        )
        matrix = projection(f"{name}.outputs", layer.out_features, side.outputs, output.device)
        leave = partial(self._leave, name, self._only_present(entered), matrix)
        output.register_hook(leave)  # type: ignore[no-untyped-call]  # torch's stubs

    def _leave(self, name: str, entered_BSI: Tensor, matrix: Tensor | None, gradient: Tensor) -> None:
        returned_BSO = self._only_present(projected(gradient, matrix))
        made = torch.bmm(returned_BSO.transpose(1, 2), entered_BSI).flatten(start_dim=1)
        self._made[name] = self._made[name] + made if name in self._made else made

    def _only_present(self, values: Tensor) -> Tensor:
        """Return zero for padding, which may hold anything; the last positions, where a layer sees no others."""
        return torch.where(self._present_BS1[:, -values.shape[1] :], values, 0)
