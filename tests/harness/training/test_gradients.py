"""Φ and the true gradient, against autograd, for several kinds of model, under padding and temperature."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache, partial
from typing import Any, get_args

import pytest
import torch
from torch import Tensor, nn
from transformers import (
    AutoModelForCausalLM,
    Gemma2Config,
    GPTNeoXConfig,
    LlamaConfig,
    PhiConfig,
    PreTrainedConfig,
    PreTrainedModel,
    Qwen3Config,
)

from harness.training.gradients import (
    Projection,
    Sequences,
    exact_gradients,
    linear_layers,
    projected_gradients,
    projection_of,
)
from harness.training.head import Head, compute_signals
from harness.training.signals import hidden_by_forward
from strategies.gradient.projection import kept, projection
from strategies.signals import Layers, projected_gradient

CPU = torch.device("cpu")
VOCABULARY, WIDTH = 31, 16
PROMPTS, COMPLETIONS = (5, 2, 3), (4, 6, 1)
SIZES: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": WIDTH,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": 32,
    "pad_token_id": 0,
    "bos_token_id": None,
    "eos_token_id": 1,
}
GROUPED: dict[str, Any] = {**SIZES, "num_key_value_heads": 1, "head_dim": 8}
CONFIGS: dict[str, Callable[[], PreTrainedConfig]] = {
    "qwen3-tied": partial(Qwen3Config, **GROUPED, tie_word_embeddings=True),
    "qwen3": partial(Qwen3Config, **GROUPED, tie_word_embeddings=False),
    "llama": partial(LlamaConfig, **GROUPED, tie_word_embeddings=False),
    "gemma2": partial(Gemma2Config, **GROUPED, final_logit_softcapping=2.0, query_pre_attn_scalar=8),
    "gpt-neox": partial(GPTNeoXConfig, **SIZES, rotary_pct=0.5, hidden_dropout=0.3, attention_dropout=0.3),
    "phi-biased-head": partial(PhiConfig, **SIZES, partial_rotary_factor=0.5),
}


def small_model(name: str) -> PreTrainedModel:
    """Return a model with weights and biases far from zero, so that no term of a gradient is lost."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model: PreTrainedModel = AutoModelForCausalLM.from_config(CONFIGS[name]())
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.3 * torch.randn_like(parameter))
    return model


def rollouts(more_padding: int = 0, garbage: int = 0) -> Sequences:
    """Return three rollouts of different lengths; `garbage` is the token that stands in the padding."""
    generator = torch.Generator().manual_seed(1)
    left, right = max(PROMPTS) + more_padding, max(COMPLETIONS) + more_padding
    ids = torch.full((3, left + right), garbage)
    attention = torch.zeros((3, left + right), dtype=torch.long)
    for row, (prompt, completion) in enumerate(zip(PROMPTS, COMPLETIONS, strict=True)):
        where = slice(left - prompt, left + completion)
        ids[row, where] = torch.randint(2, VOCABULARY, (prompt + completion,), generator=generator)
        attention[row, where] = 1
    return Sequences(ids=ids, attention=attention, mask=attention[:, left:].bool())


def alone(sequences: Sequences, row: int) -> tuple[Tensor, Tensor]:
    """Return one rollout without padding: its ids (1, S), and those of its completion (n,)."""
    ids = sequences.ids[row, sequences.attention[row].bool()]
    return ids.unsqueeze(0), ids[-int(sequences.mask[row].sum()) :]


TEMPERATURE = 0.7
MODELS = pytest.mark.parametrize("name", CONFIGS)


@cache
def model_of(name: str) -> PreTrainedModel:
    return small_model(name)


def logp_of_one(model: PreTrainedModel, sequences: Sequences, row: int) -> Tensor:
    """Return the log-probabilities (n,) of a completion without any padding, from the model's own logits."""
    ids, completion = alone(sequences, row)
    logits = model(input_ids=ids).logits[0, -len(completion) - 1 : -1] / TEMPERATURE
    logp: Tensor = logits.log_softmax(dim=-1).gather(1, completion.unsqueeze(1)).squeeze(1)
    return logp


def slow_features(model: PreTrainedModel, sequences: Sequences, row: int) -> Tensor:
    """Return φ (n, D) of one rollout: autograd's, at what enters the head of the whole model."""
    entered: list[Tensor] = []

    def keep(module: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor]:
        entered.append(args[0].detach().requires_grad_())
        return (entered[0],)

    head = model.get_output_embeddings()
    with_leaf = head.register_forward_pre_hook(keep)
    total = logp_of_one(model, sequences, row).sum()
    with_leaf.remove()
    (gradient,) = torch.autograd.grad(total, entered)
    return gradient[0, -int(sequences.mask[row].sum()) - 1 : -1]


@MODELS
def test_phi_is_what_autograd_gives(name: str) -> None:
    model, sequences = model_of(name).eval(), rollouts(more_padding=2)
    hidden = hidden_by_forward(model, sequences.ids, sequences.attention, sequences.mask.shape[1], batch_size=2)
    completion_ids = sequences.ids[:, -sequences.mask.shape[1] :]
    names = frozenset({"gradient_features", "split_features"})
    made = compute_signals(names, hidden, completion_ids, sequences.mask, Head.of(model, TEMPERATURE))
    for row in range(len(PROMPTS)):
        phi = slow_features(model, sequences, row)
        torch.testing.assert_close(made["gradient_features"][row], phi.mean(dim=0), atol=1e-5, rtol=0)
        torch.testing.assert_close(made["split_features"][row, 0], phi[::2].mean(dim=0), atol=1e-5, rtol=0)
        odd = phi[1::2].mean(dim=0) if len(phi) > 1 else torch.zeros(WIDTH)  # one token alone has no odd half
        torch.testing.assert_close(made["split_features"][row, 1], odd, atol=1e-5, rtol=0)
        assert phi.mean(dim=0).norm() > 0.01


def slow_gradients(model: PreTrainedModel, sequences: Sequences, layers: dict[str, nn.Linear]) -> list[list[Tensor]]:
    """Return for each rollout, without padding, the gradient of each layer's weight by plain `backward`."""
    model = copy.deepcopy(model).eval()
    if model.config.tie_word_embeddings:  # the head's use of the weight alone
        model.lm_head.weight = nn.Parameter(model.lm_head.weight.detach().clone())
    found = []
    for row in range(len(PROMPTS)):
        model.zero_grad()
        logp_of_one(model, sequences, row).mean().backward()  # type: ignore[no-untyped-call]  # torch's stubs
        found.append([weight_gradient(model, name) for name in layers])
    return found


def weight_gradient(model: PreTrainedModel, name: str) -> Tensor:
    gradient = model.get_submodule(name).weight.grad
    assert isinstance(gradient, Tensor)
    return gradient.clone()


@MODELS
def test_exact_gradients_are_those_of_backward(name: str) -> None:
    model, sequences = model_of(name), rollouts(more_padding=2)
    found = exact_gradients(model, sequences.ids, sequences.attention, sequences.mask, TEMPERATURE, "all")
    slow = slow_gradients(model, sequences, linear_layers(model, "all"))
    expected = torch.stack([torch.cat([gradient.flatten() for gradient in one]) for one in slow])
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


@MODELS
def test_a_projected_gradient_is_the_projection_of_the_gradient(name: str) -> None:
    model, sequences, dimension = model_of(name), rollouts(more_padding=2), 30
    found = gradients_of(model, sequences, Projection("all", dimension))
    layers = linear_layers(model, "all")
    for row, one in enumerate(slow_gradients(model, sequences, layers)):
        parts = []
        for (layer_name, layer), gradient in zip(layers.items(), one, strict=True):
            side = kept(layer.in_features, layer.out_features, dimension)  # 5 × 6
            outputs = projection(f"{layer_name}.outputs", layer.out_features, side.outputs, CPU)
            inputs = projection(f"{layer_name}.inputs", layer.in_features, side.inputs, CPU)
            assert outputs is not None
            assert inputs is not None
            parts.append((outputs.T @ gradient @ inputs).flatten())
        torch.testing.assert_close(found[row], torch.cat(parts), atol=1e-5, rtol=1e-4)


@MODELS
@pytest.mark.parametrize("layers", get_args(Layers))
def test_with_nothing_left_out_inner_products_are_exact(name: str, layers: Layers) -> None:
    model, sequences = model_of(name), rollouts()
    found = gradients_of(model, sequences, Projection(layers, 10**4))
    exact = exact_gradients(model, sequences.ids, sequences.attention, sequences.mask, TEMPERATURE, layers)
    assert found.shape == exact.shape
    torch.testing.assert_close(found @ found.T, exact @ exact.T, atol=1e-5, rtol=1e-4)


BODY = Projection("body", 64)


def gradients_of(model: PreTrainedModel, sequences: Sequences, what: Projection = BODY, batch_size: int = 2) -> Tensor:
    return projected_gradients(model, sequences, what, temperature=TEMPERATURE, batch_size=batch_size)


@MODELS
def test_padding_changes_nothing(name: str) -> None:
    model = model_of(name)
    plain, padded = gradients_of(model, rollouts()), gradients_of(model, rollouts(more_padding=3, garbage=7))
    torch.testing.assert_close(padded, plain, atol=1e-5, rtol=1e-4)


def test_rollouts_do_not_depend_on_their_batch() -> None:
    model, sequences = model_of("qwen3"), rollouts()
    torch.testing.assert_close(
        gradients_of(model, sequences, batch_size=3), gradients_of(model, sequences, batch_size=1)
    )


def test_the_last_block_is_the_end_of_the_body_and_the_head_the_end_of_all() -> None:
    model, sequences = model_of("qwen3"), rollouts()
    body = gradients_of(model, sequences)
    last = gradients_of(model, sequences, Projection("last", 64))
    whole = gradients_of(model, sequences, Projection("all", 64))
    assert torch.equal(last, body[:, -last.shape[1] :])
    assert torch.equal(whole[:, : body.shape[1]], body)
    assert (last.shape[1], body.shape[1], whole.shape[1]) == (7 * 64, 14 * 64, 15 * 64)


def test_nothing_is_left_behind() -> None:
    model = model_of("gpt-neox").train()
    before = copy.deepcopy(model.state_dict())
    sequences, state = rollouts(), torch.get_rng_state()
    model.zero_grad()
    weight = model.get_parameter("gpt_neox.layers.0.mlp.dense_4h_to_h.weight")
    weight.grad = torch.full_like(weight, 3.0)
    with torch.no_grad():
        first, second = gradients_of(model, sequences), gradients_of(model, sequences)
    assert torch.equal(first, second)  # no dropout, although the model has some and trains
    assert not first.requires_grad
    assert torch.equal(torch.get_rng_state(), state)
    assert all(module.training for module in model.modules())
    assert torch.equal(weight.grad, torch.full_like(weight, 3.0))
    assert all(parameter.grad is None for parameter in model.parameters() if parameter is not weight)
    assert all(torch.equal(tensor, before[key]) for key, tensor in model.state_dict().items())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    weight.grad = None


def test_checkpointing_changes_nothing() -> None:
    model, sequences = small_model("qwen3"), rollouts()
    plain = gradients_of(model.train(), sequences)
    model.gradient_checkpointing_enable()
    assert torch.equal(gradients_of(model, sequences), plain)
    assert model.is_gradient_checkpointing


@pytest.mark.parametrize("name", ["projected_gradient:most:4", "projected_gradient:all:0", "projected_gradient:all"])
def test_a_name_that_says_no_projection_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="expected projected_gradient:<layers>:<dimension>"):
        projection_of(name)


def test_the_name_says_what_is_projected() -> None:
    assert projection_of(projected_gradient(dimension=32, layers="last")) == Projection("last", 32)
