"""FLOPs by formula against FLOPs counted by torch, on small models of several architectures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode
from transformers import (
    DynamicCache,
    Gemma2Config,
    Gemma2ForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from harness.ledger.flops import ModelShape, attended_decoding, attended_whole, shape_of, tokens_decoded

LAYERS, HIDDEN, INNER, HEADS, KEY_HEADS, HEAD_SIZE, VOCABULARY = 3, 32, 96, 4, 2, 16, 50
SEQUENCES, LENGTH = 2, 24


ALIKE: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": HIDDEN,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "max_position_embeddings": 64,
    "attn_implementation": "eager",  # plain matrix products: the counter knows no fused kernel of the CPU
}


def qwen3(*, tied: bool) -> Any:
    """Return a model whose heads are together wider than its hidden state, as in real ones."""
    grouped = {"num_key_value_heads": KEY_HEADS, "head_dim": HEAD_SIZE, "intermediate_size": INNER}
    return Qwen3ForCausalLM(Qwen3Config(**ALIKE, **grouped, tie_word_embeddings=tied))


def gemma2() -> Any:
    """Return a model with soft caps, and a window in every other layer that is wider than the texts."""
    grouped = {"num_key_value_heads": KEY_HEADS, "head_dim": HEAD_SIZE, "intermediate_size": INNER}
    return Gemma2ForCausalLM(Gemma2Config(**ALIKE, **grouped, sliding_window=64))


def gpt_neox() -> Any:
    """Return a model with one matrix for queries, keys and values, rotary embeddings in part, and biases."""
    return GPTNeoXForCausalLM(GPTNeoXConfig(**ALIKE, intermediate_size=INNER))


def gpt2() -> Any:
    """Return a model whose layers are no `nn.Linear`."""
    return GPT2LMHeadModel(GPT2Config(**ALIKE, bos_token_id=0, eos_token_id=0))


MAKERS: dict[str, Callable[[], Any]] = {
    "Qwen3 tied": lambda: qwen3(tied=True),
    "Qwen3 untied": lambda: qwen3(tied=False),
    "Gemma2": gemma2,
    "GPT-NeoX": gpt_neox,
    "GPT-2": gpt2,
}


@pytest.fixture(params=MAKERS)
def model(request: pytest.FixtureRequest) -> Any:
    return MAKERS[request.param]().eval()


def token_ids(sequences: int, length: int) -> torch.Tensor:
    return torch.randint(0, VOCABULARY, (sequences, length), generator=torch.Generator().manual_seed(0))


def counted(model: Any, *, backward: bool) -> tuple[int, int]:
    """Return the FLOPs of a forward pass, and of its backward pass, as torch counts them.

    The counter sees matrix products only: norms, rotary embeddings, softmax and activations are not in it, as they are
    not in ours. With transformers 5.23 the two counts are the same to the last operation; the 2% below leave room for
    an implementation that makes its rotary embedding, or its mask, by a matrix product.
    """
    with FlopCounterMode(display=False) as forward:
        logits = model(input_ids=token_ids(SEQUENCES, LENGTH), use_cache=False).logits
    if not backward:
        return forward.get_total_flops(), 0
    with FlopCounterMode(display=False) as back:
        logits.sum().backward()
    return forward.get_total_flops(), back.get_total_flops()


def counted_decoding(model: Any, prompt: int, completion: int) -> int:
    """Return the FLOPs of writing completions: a pass over the prompts, then one token at a time with a cache."""
    ids, cache = token_ids(SEQUENCES, prompt + completion), DynamicCache(config=model.config)
    reads = [ids[:, :prompt], *(ids[:, at : at + 1] for at in range(prompt, prompt + completion - 1))]
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        for read in reads:
            model(input_ids=read, past_key_values=cache, use_cache=True, logits_to_keep=1)
    return int(counter.get_total_flops())


def by_formula(model: Any) -> float:
    tokens = SEQUENCES * LENGTH
    return shape_of(model).forward(tokens=tokens, logits=tokens, attended=attended_whole([LENGTH] * SEQUENCES))


def test_a_forward_pass_costs_what_torch_counts(model: Any) -> None:
    assert by_formula(model) == pytest.approx(counted(model, backward=False)[0], rel=0.02)


def test_a_backward_pass_costs_twice_its_forward_pass(model: Any) -> None:
    assert 2 * by_formula(model) == pytest.approx(counted(model, backward=True)[1], rel=0.02)


@pytest.mark.parametrize(("prompt", "completion"), [(13, 11), (20, 2), (5, 1), (1, 30)])
def test_decoding_costs_what_torch_counts(model: Any, prompt: int, completion: int) -> None:
    prompts, completions = [prompt] * SEQUENCES, [completion] * SEQUENCES
    formula = shape_of(model).forward(
        tokens=sum(prompts) + tokens_decoded(completions),
        logits=sum(completions),
        attended=attended_decoding(prompts, completions),
    )
    assert formula == pytest.approx(counted_decoding(model, prompt, completion), rel=0.02)


@pytest.mark.parametrize("tied", [True, False])
def test_the_shape_by_hand(tied: bool) -> None:
    queries, keys = HEADS * HEAD_SIZE, KEY_HEADS * HEAD_SIZE
    attention = HIDDEN * (queries + 2 * keys) + queries * HIDDEN
    assert shape_of(qwen3(tied=tied)) == ModelShape(
        body=LAYERS * (attention + 3 * HIDDEN * INNER), head=VOCABULARY * HIDDEN, attention=LAYERS * queries
    )


def test_the_parts_of_a_pass_add_up() -> None:
    shape = ModelShape(body=1000, head=100, attention=10)
    assert shape.forward(tokens=7, logits=0, attended=0) == 2 * 1000 * 7
    assert shape.forward(tokens=0, logits=7, attended=0) == 2 * 100 * 7
    assert shape.forward(tokens=0, logits=0, attended=7) == 4 * 10 * 7
    assert shape.forward(tokens=1, logits=2, attended=3) == 2 * 1000 + 4 * 100 + 12 * 10


def slow_decoding(prompt: int, completion: int) -> int:
    """Count the keys of one sequence: the prompt in one pass, then each token but the last with all before it."""
    total = sum(prompt for _ in range(prompt))
    for generated in range(1, completion):
        total += prompt + generated
    return total


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(0, 30)), max_size=5))
def test_attended_counts_are_the_slow_loops(lengths: list[tuple[int, int]]) -> None:
    prompts, completions = [p for p, _ in lengths], [c for _, c in lengths]
    assert attended_decoding(prompts, completions) == sum(slow_decoding(p, c) for p, c in lengths)
    wholes = [p + c for p, c in lengths]
    assert attended_whole(wholes) == sum(1 for n in wholes for _ in range(n) for _ in range(n))


def test_prompts_without_completions_of_their_own_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        attended_decoding([3, 4], [1])
