"""DARLING: a reward is multiplied by how many rollouts of the group say something else.

The rollouts of a prompt are put into classes of those that say the same. Quality and diversity are multiplied, so that
neither pays alone: a right answer that all others gave too earns little, a wrong one nothing, however odd it is.

Formula:
    d_i = (rollouts of the group that are not in i's class) / (G − 1);
    R'_i = (1 − s) R_i + s R_i max(d_i, floor); advantages R' − mean R', not divided by the standard deviation.
    Two rollouts are in one class if a chain of equivalent ones joins them. Equivalent are, by `classes`,
    answer: those with the same final answer (all without one are alike);
    embedding: those with a cosine above the threshold;
    classifier: those with P(equivalent) above the threshold, and those with the same text.

Source:
    Li et al. 2025, "Jointly Reinforcing Diversity and Quality in Language Model Generations", arXiv 2509.02534; the
    authors' facebookresearch/darling @c07a323, `verl/verl/utils/reward_score/partition_reward_vllm_serve.py` and
    `verl/verl/trainer/ppo/ray_trainer.py` (read; the paper not in full).

Defaults:
    The floor of 0.1 and P > 0.5 from the code; classes by final answer, because the authors' classifiers are not
    published. For cosines 0.5 is ours, untuned. s = 1; with s above 0 the trainer's `scale_rewards` is "none".

Known defects:
    Where a problem has one right answer, classes by answer hold all right rollouts in one: what is left is a weight on
    the group, small where most are right. Chains join rollouts that are not alike, so a class may grow to the whole
    group. The one released script (WildChat, Llama-3.1-8B) takes P > 0.32 and a KL loss of 0.001. The released code
    decides texts of at most five words by the words they share, whatever the classifier says; that would decide nearly
    all pairs of short answers and is left out here. What your classifier computes is in no ledger but the clock's.
"""

from __future__ import annotations

import functools
import importlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import torch
from torch import Tensor

from strategies.contract import SettingValue, State
from strategies.diversity.group_texts import DiversityBonus, answers_of, cosines, texts_of
from strategies.parameters import Range
from strategies.rewards.bonus import moved
from strategies.rollouts import Rollouts, Shaped
from strategies.run import RunSettings
from strategies.signals import SignalName, embeddings

Classifier = Callable[[str, str], float]
THRESHOLD = 0.5


@dataclass(frozen=True, kw_only=True)
class Darling(DiversityBonus):
    """R · d, centred and not scaled; the module says the rest."""

    summary: ClassVar[str] = "multiplies rewards by the share of the group that says something else (DARLING)"

    classes: Literal["answer", "embedding", "classifier"] = "answer"
    """What makes two rollouts equivalent."""
    encoder: str = ""
    """With `classes: embedding`, and only there: `lexical`, or a sentence-transformers model by name or path."""
    classifier: str = ""
    """With `classes: classifier`, and only there: "module:function", a function of two texts that returns the
    probability that they are equivalent."""
    threshold: Annotated[float, Range(least=0, below=1)] = THRESHOLD
    """The cosine or probability above which two rollouts are equivalent; `classes: answer` has none."""
    floor: Annotated[float, Range(least=0, most=1)] = 0.1
    """The least that a reward is multiplied by."""
    strength: Annotated[float, Range(least=0, most=1)] = 1.0
    """s, the share of the multiplied reward; 0 is plain GRPO, its scaling included."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, owner in (("encoder", "embedding"), ("classifier", "classifier")):
            value, used = getattr(self, name), self.classes == owner
            if used and not value:
                example = "encoder: lexical" if name == "encoder" else 'classifier: "package.module:function"'
                raise ValueError(f"classes: {owner} needs {name}, got none; say which one, as in `{example}`")
            if value and not used:
                raise ValueError(
                    f"{name} is {value!r}, and classes: {self.classes} reads none; set classes: {owner} or leave it out"
                )
        if self.classes == "answer" and self.threshold != THRESHOLD:
            raise ValueError(
                f"threshold is {self.threshold}, and classes: answer reads none; set classes: embedding or classifier, "
                "or leave it out"
            )

    def needs(self) -> frozenset[SignalName]:
        """Ask for the embeddings, if classes are made from them."""
        return frozenset({embeddings(self.encoder)}) if self.classes == "embedding" else frozenset()

    def trainer_settings(self) -> dict[str, SettingValue]:
        """Leave out the division by the standard deviation."""
        return {"scale_rewards": "none"} if self.strength else {}

    def check(self, run: RunSettings) -> None:
        """Refuse a classifier that can't be loaded.

        Raises:
            ValueError: With the cause.
        """
        if self.classes == "classifier":
            loaded(self.classifier)

    def shape(self, rollouts: Rollouts, state: State) -> tuple[Shaped | None, State]:
        """Make classes, multiply, mix, standardise."""
        if self.strength == 0:
            return None, state
        same_PGG = joined(self._equivalent(rollouts))
        others = rollouts.group_size - same_PGG.sum(dim=2).reshape(-1)
        share = (others / max(rollouts.group_size - 1, 1)).to(rollouts.rewards.dtype)
        multiplied = rollouts.rewards * share.clamp(min=self.floor)
        advantages = rollouts.normalise((1 - self.strength) * rollouts.rewards + self.strength * multiplied)
        diagnostics = {
            "classes": (1 / same_PGG.sum(dim=2)).sum(dim=1).mean().item(),
            "diversity": share.mean().item(),
            "advantage_moved": moved(rollouts, advantages),
        }
        return Shaped(advantages=advantages, diagnostics=diagnostics, columns={"signal": share}), state

    def _equivalent(self, rollouts: Rollouts) -> Tensor:
        """Return (P, G, G) bool, symmetric: which two are equivalent."""
        if self.classes == "embedding":
            return cosines(rollouts, self.encoder) > self.threshold
        if self.classes == "classifier":
            likeness = [_likeness(group, self.classifier) for group in texts_of(rollouts)]
            return torch.tensor(likeness, device=rollouts.rewards.device) > self.threshold
        codes: dict[str | None, int] = {}
        numbers = [codes.setdefault(answer, len(codes)) for answer in answers_of(rollouts)]
        answers_PG = rollouts.grouped(torch.tensor(numbers, device=rollouts.rewards.device))
        return answers_PG.unsqueeze(1) == answers_PG.unsqueeze(2)


def joined(equivalent_PGG: Tensor) -> Tensor:
    """Return (P, G, G) bool: which two are in one class, that is, joined by a chain of equivalent ones."""
    reached = equivalent_PGG.float()
    for _ in range(max(reached.shape[-1] - 1, 1).bit_length()):
        reached = (torch.bmm(reached, reached) > 0).float()
    return reached > 0


@functools.cache
def loaded(name: str) -> Classifier:
    """Return the function that "module:function" names.

    Raises:
        ValueError: If the name has another form, or what it names can't be imported or called.
    """
    module, colon, function = name.partition(":")
    advice = 'name a function of two texts as "package.module:function"'
    if not (module and colon and function):
        raise ValueError(f"classifier {name!r} does not have the form module:function; {advice}")
    try:
        found = getattr(importlib.import_module(module), function)
    except Exception as error:
        raise ValueError(
            f"classifier {name!r} could not be loaded: {type(error).__name__}: {error}; {advice}"
        ) from error
    if not callable(found):
        raise ValueError(f"classifier {name!r} is a {type(found).__name__}, expected a function; {advice}")
    classifier: Classifier = found
    return classifier


def _likeness(texts: list[str], name: str) -> list[list[float]]:
    """Return P(equivalent) for each two of a group (G, G); each pair of different texts is asked for once."""
    classifier, size = loaded(name), len(texts)
    asked: dict[tuple[str, str], float] = {}
    likeness = [[1.0] * size for _ in texts]
    for first in range(size):
        for second in range(first + 1, size):
            pair = texts[first], texts[second]
            if pair[0] == pair[1]:
                continue
            if pair not in asked:
                asked[pair] = asked[pair[::-1]] = _probability(classifier(*pair), name)
            likeness[first][second] = likeness[second][first] = asked[pair]
    return likeness


def _probability(value: float, name: str) -> float:
    number = float(value)
    if not (math.isfinite(number) and 0 <= number <= 1):
        raise ValueError(f"classifier {name!r} returned {value!r}, expected a probability in [0, 1]; mend it")
    return number
