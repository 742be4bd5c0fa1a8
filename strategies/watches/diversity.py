"""Diversity: are the rollouts of a group still different from each other?

Seven numbers of each batch, each the mean over its groups: the cosines of the rollouts' gradient features and the share
of them below zero; how many directions those features take up; how many different answers there are, and how evenly
they are spread; and the same of what is written. The alarm hangs on one of them, the effective rank of the features;
the others are there to be looked at.

Formula:
    cosine = mean_{i<j} cos(Φ_i, Φ_j); negative_pairs = share of those below 0; effective_rank = exp H(σ / Σσ), σ the
    singular values of the group's unit features; answers = number of different final answers; answer_entropy = H of
    their frequencies; ngram_entropy = H of the pairs of tokens of all texts; vendi = exp H(λ(K) / G), K the cosines of
    the counts of 1-, 2- and 3-grams.
    Alarm: the mean effective rank of `window_steps` steps is below the threshold, by default halfway between 1 (all the
    same) and the mean of the first tenth of the run.

Source:
    The cosines are those of G2RL's figures (arXiv 2512.15687); effective rank of Roy & Vetterli 2007; Vendi score of
    Friedman & Dieng 2022, arXiv 2210.02410; answer entropy as in "The Invisible Leash" (arXiv 2507.14843), which found
    it to fall while token entropy rises.

Known defects:
    Φ needs the hidden states that generation makes, and they are kept for a batch: rollouts × tokens × width numbers.
    Where that is too much, name the other watches in the plan and leave this one out. A group whose rollouts are all
    one text has an effective rank of 1, and so has a group of no features at all. The default threshold knows the run's
    beginning alone: a model that starts narrow is never said to be narrow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Annotated, ClassVar

import torch
from torch import Tensor

from strategies.contract import State
from strategies.gradient.features import pairs_of
from strategies.parameters import Range
from strategies.progress import Progress
from strategies.rollouts import Rollouts
from strategies.run import RunSettings
from strategies.signals import SignalName
from strategies.watches import level, measures
from strategies.watches.watch import Verdict, Watch


@dataclass(frozen=True, kw_only=True)
class Diversity(Watch):
    """Alarms when the features of a group take up few directions; the module says the rest."""

    name: ClassVar[str] = "diversity"

    threshold: Annotated[float | None, Range(least=1)] = None
    """Effective rank below which it alarms; None: halfway from 1 to that of the first tenth of the run."""
    window_steps: Annotated[int, Range(least=1)] = 10
    """Steps that the effective rank is averaged over."""

    def needs(self) -> frozenset[SignalName]:
        """Ask for Φ."""
        return frozenset({"gradient_features"})

    def check(self, run: RunSettings) -> None:
        """Refuse a threshold that no group can reach."""
        if self.threshold is not None and self.threshold > run.group_size:
            raise ValueError(
                f"threshold {self.threshold:g} is above {run.group_size}, the most directions that a group of "
                f"{run.group_size} rollouts can take up: it would always alarm"
            )

    def init(self) -> State:
        """Hold the last effective ranks and those of the first tenth."""
        return level.begun()

    def measure(self, rollouts: Rollouts) -> Mapping[str, float]:
        """Return the seven numbers of a batch."""
        features = rollouts.grouped(rollouts.signals["gradient_features"])
        cosines = measures.pairwise_cosines(features)
        groups = range(0, len(rollouts.rewards), rollouts.group_size)
        answers = [rollouts.answers[start : start + rollouts.group_size] for start in groups]
        tokens = [row[there].tolist() for row, there in zip(rollouts.completion_ids, rollouts.mask, strict=True)]
        texts = [tokens[start : start + rollouts.group_size] for start in groups]
        kernels = torch.stack([measures.ngram_similarities(group) for group in texts])
        return {
            "effective_rank": float(measures.effective_rank(features).mean()),
            "cosine": float(cosines.mean()),
            "negative_pairs": float((cosines < 0).float().mean()),
            "answers": fmean(measures.distinct_answers(group) for group in answers),
            "answer_entropy": fmean(measures.answer_entropy(group) for group in answers),
            "ngram_entropy": fmean(measures.ngram_entropy(group) for group in texts),
            "vendi": float(measures.vendi_score(kernels).mean()),
        }

    def cosines(self, rollouts: Rollouts) -> Mapping[str, Tensor]:
        """Return the cosines of the gradient features, pair by pair."""
        features = rollouts.grouped(rollouts.signals["gradient_features"])
        return {pairs_of("sensitivity"): measures.pairwise_cosines(features)}

    def judge(self, measured: Mapping[str, float], progress: Progress, state: State) -> tuple[Verdict, State]:
        """Alarm when the mean effective rank is below the threshold."""
        state = level.followed(state, measured["effective_rank"], progress.share, self.window_steps)
        least = self.threshold
        if least is None and state["base"] is not None:
            least = 1 + 0.5 * (state["base"] - 1)
        mean = level.average(state, self.window_steps)
        if mean is None or least is None:
            return Verdict(alarm=False, numbers=measured), state
        numbers = {**measured, "window_effective_rank": mean, "threshold": least}
        if mean >= least:
            return Verdict(alarm=False, numbers=numbers), state
        steps = f"over {self.window_steps} steps"
        because = f"the features of a group took up {mean:.2f} directions {steps}, fewer than {least:.2f}"
        return Verdict(alarm=True, numbers=numbers, because=because), state
