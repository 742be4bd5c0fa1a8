"""Comparisons with a known truth: seeds that differ, items that differ, answers that are drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Seeds = Literal["normal", "skewed"]
EASIEST, HARDEST = 0.65, 0.35
"""Item difficulties lie between them, most near the ends (Beta(1/2, 1/2)), so that no effect leaves 0..1."""
COLLAPSES = 0.2
"""Share of the skewed seeds that fall by two standard deviations; the others are half of one above."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Truth:
    """What is true of a comparison of arms with one baseline."""

    seeds: int
    items: int
    samples: int
    """Answers per item, K."""
    seed_sd: float
    """Of each arm's score over training seeds, as a fraction; the baseline's too."""
    kind: Seeds = "normal"
    item_sd: float = 0.06
    """Of the true difference over items, as a fraction; uniform."""
    difference: float = 0.0
    """Of every arm's score less the baseline's, over all items there could be."""
    arms: int = 1

    @property
    def within(self) -> float:
        """Mean variance of one answer around its item's score, over items, seeds and both arms."""
        spread = (EASIEST - HARDEST) ** 2 / 8  # of Beta(1/2, 1/2), which has variance 1/8
        moved = self.difference**2 / 4 + self.item_sd**2 / 4 + self.seed_sd**2
        return 0.25 - spread - moved


@dataclass(frozen=True, slots=True)
class Drawn:
    """Simulated comparisons."""

    differences: NDArray[np.float64]
    """Shape (comparisons, arms, S, n)."""
    on_these: NDArray[np.float64]
    """True difference on the items that were drawn, all seeds there could be: shape (comparisons, arms)."""


def draw(truth: Truth, comparisons: int, rng: np.random.Generator) -> Drawn:
    """Return simulated comparisons.

    An item's chance is its difficulty, plus or less half of the arm's effect on it, plus what the seed does; half of an
    effect is taken from the baseline, so that chances stay around the middle.
    """
    shape = (comparisons, truth.arms, truth.seeds, truth.items)
    level = HARDEST + (EASIEST - HARDEST) * rng.beta(0.5, 0.5, (comparisons, 1, 1, truth.items))
    half = np.sqrt(3.0) * truth.item_sd
    effect = truth.difference + rng.uniform(-half, half, (comparisons, truth.arms, 1, truth.items))
    common = effect.mean(axis=1, keepdims=True)  # one baseline for all arms
    ours = level + effect - common / 2 + _seed_effects(truth, (*shape[:3], 1), rng)
    theirs = level - common / 2 + _seed_effects(truth, (comparisons, 1, truth.seeds, 1), rng)
    answers = rng.binomial(truth.samples, np.clip(ours, 0, 1)) - rng.binomial(truth.samples, np.clip(theirs, 0, 1))
    return Drawn(answers / truth.samples, effect.mean(axis=3)[:, :, 0])


def _seed_effects(truth: Truth, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return what seeds do to a score: mean 0, standard deviation `seed_sd`."""
    if truth.kind == "normal":
        return rng.normal(0.0, truth.seed_sd, shape)
    return truth.seed_sd * np.where(rng.random(shape) < COLLAPSES, -2.0, 0.5)
