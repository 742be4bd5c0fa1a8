"""How often the model is right: pass@1 and pass@8 on the frozen suites, with transformers' plain `generate`.

`explorebench model measure` prints what is in the embedded model's `recipe.json`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from harness.models.warmstart import fixed_arithmetic
from suites import Item, Suite, load_suite

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

SUITES = ("countdown", "countdown-hard", "arithmetic", "sorting", "graphs")
SAMPLES = 16
"""Answers drawn per item."""
SEED = 0
ROWS_PER_BATCH = 320
THREADS = 2


class Rates(NamedTuple):
    """What was measured on one suite, at temperature 1."""

    pass_at_1: float
    """Share of right answers, 0..1."""
    pass_at_8: float
    """Chance that one of eight answers is right, 0..1."""
    items: int
    samples: int
    """Answers drawn per item."""


def measure(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    suites: Sequence[str] = SUITES,
    samples: int = SAMPLES,
) -> dict[str, Rates]:
    """Return the rates on each suite; the same model gives the same numbers.

    Args:
        model: Left as it is.
        tokenizer: Pads on the left.
        suites: Names.
        samples: Answers per item, at least 8.

    Raises:
        ValueError: If `samples` is less than 8.
    """
    if samples < 8:
        raise ValueError(f"samples must be at least 8 to estimate pass@8, got {samples}")
    rates = {}
    for name in suites:
        suite = load_suite(name)
        with fixed_arithmetic(THREADS, SEED):
            right = [_count_right(model, tokenizer, suite, chunk, samples) for chunk in _chunks(suite, samples)]
        counts = [count for chunk in right for count in chunk]
        rates[name] = Rates(
            pass_at_1=sum(counts) / (samples * len(counts)),
            pass_at_8=sum(_pass_at(8, count, samples) for count in counts) / len(counts),
            items=len(counts),
            samples=samples,
        )
    return rates


def _chunks(suite: Suite, samples: int) -> list[tuple[Item, ...]]:
    size = max(ROWS_PER_BATCH // samples, 1)
    return [suite.items[start : start + size] for start in range(0, len(suite.items), size)]


def _count_right(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    suite: Suite,
    items: Sequence[Item],
    samples: int,
) -> list[int]:
    """Return for each item how many of its sampled answers are right."""
    import torch

    encoded = tokenizer([item.prompt for item in items], return_tensors="pt", padding=True)
    with torch.inference_mode():
        output = model.generate(
            input_ids=encoded["input_ids"],
            attention_mask=encoded["attention_mask"],
            do_sample=True,
            temperature=1.0,
            top_k=0,
            top_p=1.0,
            max_new_tokens=suite.max_tokens,
            num_return_sequences=samples,
        )
    texts = tokenizer.batch_decode(output[:, encoded["input_ids"].shape[1] :], skip_special_tokens=True)
    graded = [suite.grader(items[i // samples], text).correct for i, text in enumerate(texts)]
    return [sum(graded[i * samples : (i + 1) * samples]) for i in range(len(items))]


def _pass_at(tries: int, correct: int, samples: int) -> float:
    """Return the unbiased pass@k (Chen et al. 2021, https://arxiv.org/abs/2107.03374, equation 1)."""
    return 1.0 - math.comb(samples - correct, tries) / math.comb(samples, tries)
