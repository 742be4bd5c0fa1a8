"""The warm start: supervised steps on worked solutions, from random weights to the embedded model."""

# N = problems in a batch, T = tokens of the longest, V = vocabulary

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import TYPE_CHECKING

from harness.models.muon import Muon
from harness.models.recipe import Recipe
from harness.models.tokenizer import EOS, MAX_LENGTH_TOKENS, PAD, VOCABULARY
from suites.procedural.problem import Problem, draw
from suites.procedural.skills import SKILLS

if TYPE_CHECKING:
    import torch
    from transformers import Qwen3ForCausalLM

IGNORED = -100
"""Label of a token that carries no loss."""
REPORT_EVERY_STEPS = 25


@contextmanager
def fixed_arithmetic(threads: int, seed: int) -> Iterator[None]:
    """Run the block with this many threads, deterministic kernels and this seed; put all back afterwards."""
    import torch

    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    with torch.random.fork_rng(devices=[]):
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(True)
        torch.manual_seed(seed)
        try:
            yield
        finally:
            torch.set_num_threads(before[0])
            torch.use_deterministic_algorithms(before[1])


def new_model(recipe: Recipe) -> Qwen3ForCausalLM:
    """Return a model of the recipe's shape with random weights from torch's global generator."""
    from transformers import Qwen3Config, Qwen3ForCausalLM

    config = Qwen3Config(
        vocab_size=len(VOCABULARY),
        hidden_size=recipe.hidden_size,
        intermediate_size=recipe.intermediate_size,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.key_value_heads,
        head_dim=recipe.hidden_size // recipe.heads,
        max_position_embeddings=MAX_LENGTH_TOKENS,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=VOCABULARY[EOS],
        pad_token_id=VOCABULARY[PAD],
    )
    return Qwen3ForCausalLM(config)


def encode(problems: list[Problem]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return token ids and labels, both (N, T), padded on the right; only solution and end-of-text carry loss."""
    import torch

    rows = [[VOCABULARY[letter] for letter in one.prompt + one.solution] + [VOCABULARY[EOS]] for one in problems]
    longest = max(map(len, rows))
    ids_NT = torch.tensor([row + [VOCABULARY[PAD]] * (longest - len(row)) for row in rows])
    position_T = torch.arange(longest)
    first_N1 = torch.tensor([[len(one.prompt)] for one in problems])
    length_N1 = torch.tensor([[len(row)] for row in rows])
    labels_NT = ids_NT.masked_fill((position_T < first_N1) | (position_T >= length_N1), IGNORED)
    return ids_NT, labels_NT


def train(model: Qwen3ForCausalLM, recipe: Recipe, generator: Random, progress: Callable[[str], None]) -> None:
    """Run the recipe's steps on `model`, in place.

    Args:
        model: What `new_model` gives.
        recipe: Mix and schedule.
        generator: Draws the problems.
        progress: Told every `REPORT_EVERY_STEPS` steps how far the training is.
    """
    import torch

    inner, outer = _split(model)
    muon = Muon(inner, weight_decay=recipe.weight_decay)
    adamw = torch.optim.AdamW(outer, betas=(0.9, recipe.beta2), weight_decay=0.0)
    model.train()
    for step in range(recipe.steps):
        share = schedule(step, recipe)
        adamw.param_groups[0]["lr"] = share * recipe.adamw_learning_rate
        loss = _accumulate(model, recipe, generator)
        torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.clip_norm)
        muon.step(share * recipe.muon_learning_rate)
        adamw.step()
        model.zero_grad()
        if (step + 1) % REPORT_EVERY_STEPS == 0 or step + 1 == recipe.steps:
            progress(f"step {step + 1} of {recipe.steps}: loss {loss:.3f} nats per character")
    model.eval()


def schedule(step: int, recipe: Recipe) -> float:
    """Return the share of the peak learning rate at a step: a linear warm-up, then a half cosine down to zero."""
    if step < recipe.warmup_steps:
        return (step + 1) / recipe.warmup_steps
    return 0.5 + 0.5 * math.cos(math.pi * (step - recipe.warmup_steps) / max(recipe.steps - recipe.warmup_steps, 1))


def _accumulate(model: Qwen3ForCausalLM, recipe: Recipe, generator: Random) -> float:
    """Add the gradient of the mean loss over the mix; each skill is a batch of its own, so little is padding."""
    import torch
    from torch.nn import functional

    batches = [
        encode([draw(SKILLS[skill].sample, generator, "training") for _ in range(count)]) for skill, count in recipe.mix
    ]
    characters = sum(int((labels_NT != IGNORED).sum()) for _, labels_NT in batches)
    total = 0.0
    for ids_NT, labels_NT in batches:
        logits_NTV = model(input_ids=ids_NT[:, :-1]).logits
        loss = functional.cross_entropy(
            logits_NTV.flatten(0, 1), labels_NT[:, 1:].flatten(), ignore_index=IGNORED, reduction="sum"
        )
        torch.autograd.backward(loss / characters)
        total += loss.item() / characters
    return total


def _split(model: Qwen3ForCausalLM) -> tuple[list[torch.nn.Parameter], list[torch.nn.Parameter]]:
    """Return the matrices inside the layers, and the rest: embedding and norms."""
    inner = [p for name, p in model.named_parameters() if p.ndim == 2 and "embed" not in name]
    outer = [p for name, p in model.named_parameters() if p.ndim != 2 or "embed" in name]
    return inner, outer
