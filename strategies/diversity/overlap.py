"""How much of their text the rollouts of one group share: BLEU between each two, and formulas that only one has.

Shape suffixes: G rollouts of one prompt.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Hashable, Sequence
from typing import NamedTuple

WEIGHTS = (0.02, 0.1, 0.15, 0.25, 0.38)
"""Of the n-grams of 1 to 5 tokens in BLEU, as DIVER's authors set them; they sum to 0.9."""
READ = 1000
"""Characters of a text that are compared, its first."""

TOKEN = re.compile(r"\d+|[^\W\d_]+|\S")
LATEX = (re.compile(r"\\\[([^\]]*?)\\\]"), re.compile(r"\\\(([^\)]*?)\\\)"), re.compile(r"\$([^\$]*?)\$"))
STEP_ENDS = re.compile(r"[,;\n]")


class Counted(NamedTuple):
    """A text ready to be compared."""

    length: int
    """In tokens."""
    ngrams: tuple[frozenset[Hashable], ...]
    """Of 1 to 5 tokens; the second occurrence of an n-gram is another one, so that an intersection counts repeats."""


def tokens_of(text: str) -> list[str]:
    """Return the numbers, words and single signs of `text`.

    >>> tokens_of("3*4=12, so")
    ['3', '*', '4', '=', '12', ',', 'so']
    """
    return TOKEN.findall(text)


def counted(tokens: Sequence[str]) -> Counted:
    """Return the n-grams of `tokens`."""
    orders = range(1, len(WEIGHTS) + 1)
    return Counted(len(tokens), tuple(_ngrams(tokens, order) for order in orders))


def _ngrams(tokens: Sequence[str], order: int) -> frozenset[Hashable]:
    found = list(zip(*(tokens[start:] for start in range(order)), strict=False))
    distinct: set[Hashable] = set(found)
    if len(distinct) < len(found):
        distinct.update((ngram, again) for ngram, count in Counter(found).items() for again in range(1, count))
    return frozenset(distinct)


def bleu(candidate: Counted, reference: Counted, matches: Sequence[int], *, short: bool = True) -> float:
    """Return BLEU in [0, 1] without smoothing: 0 if no n-gram of the longest order is shared.

    Args:
        candidate: The text whose n-grams are looked for.
        reference: The text in which they are looked for.
        matches: For each order, how many n-grams they share.
        short: Leave out the orders that are longer than the candidate; else a candidate of fewer than five tokens
            gets 0, even against itself.

    References:
        Papineni et al. 2002, "BLEU", section 2.3; DIVER's authors call nltk's `sentence_bleu`.
    """
    orders = min(len(WEIGHTS), candidate.length) if short else len(WEIGHTS)
    if orders == 0 or matches[orders - 1] == 0:
        return 0.0
    precisions = (matches[order] / (candidate.length - order) for order in range(orders))
    log_mean = sum(weight * math.log(p) for weight, p in zip(WEIGHTS, precisions, strict=False))
    return math.exp(log_mean + min(0.0, 1 - reference.length / candidate.length))


def bleu_diversity(texts: Sequence[str], *, as_released: bool = False) -> list[float]:
    """Return for each text (G) one minus its mean BLEU with the others, taken both ways.

    Args:
        texts: One group.
        as_released: Split at white space only, and give texts of fewer than five words a BLEU of 0, as DIVER's code.
    """
    ready = [counted(text[:READ].split() if as_released else tokens_of(text[:READ])) for text in texts]
    totals = [0.0] * len(texts)
    for first, one in enumerate(ready):
        for second in range(first + 1, len(ready)):
            both = _both_ways(one, ready[second], short=not as_released)
            totals[first] += both
            totals[second] += both
    others = max(len(texts) - 1, 1)
    return [1 - total / others for total in totals]


def _both_ways(one: Counted, other: Counted, *, short: bool) -> float:
    if short and one.length == other.length == 0:
        return 1.0
    matches = [len(a & b) for a, b in zip(one.ngrams, other.ngrams, strict=True)]
    return (bleu(one, other, matches, short=short) + bleu(other, one, matches, short=short)) / 2


def formulas(text: str, *, as_released: bool = False) -> frozenset[str]:
    """Return the formulas in LaTeX's delimiters; where there are none, the steps that hold an equals sign.

    Args:
        text: A completion.
        as_released: LaTeX's only, as DIVER's code.

    >>> sorted(formulas("9-7=2, 3*4 = 12"))
    ['3*4=12', '9-7=2']
    """
    found = frozenset(formula for pattern in LATEX for formula in pattern.findall(text[:READ]))
    if found or as_released:
        return found
    steps = ("".join(step.split()) for step in STEP_ENDS.split(text[:READ]))
    return frozenset(step for step in steps if "=" in step)


def formula_diversity(texts: Sequence[str], *, as_released: bool = False) -> list[float]:
    """Return for each text (G) the share of its formulas that no other has; 0 if it has none."""
    found = [formulas(text, as_released=as_released) for text in texts]
    owners = Counter(formula for of_text in found for formula in of_text)
    return [sum(owners[formula] == 1 for formula in one) / max(len(one), 1) for one in found]
