"""Prompts chosen by their gradients, on numbers worked by hand; the rollouts of a problem are looked up in tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import Tensor

from strategies import PromptPool, Rollouts, RunSettings, build
from strategies.gradient.grad_align import GradAlign
from strategies.gradient.learn_align import LearnAlign
from strategies.gradient.prompt_gradients import PromptsByGradient, prompt_gradients
from strategies.prompts.accuracy_band import AccuracyBand
from strategies.prompts.random_subset import RandomSubset

SUITE = "countdown-validation"
HALF = (1, 0, 0, 1)
"""Right and wrong of four rollouts, features of which are the direction d and −d: a gradient of d / 2."""
DIRECTIONS = {10: (3.0, 0.0), 11: (0.0, 5.0), 12: (3.0, 4.0), 13: (-1.0, 0.0), 14: (1.0, 1.0), 15: (0.0, -2.0)}
RIGHT: dict[int, Sequence[int]] = {12: (1, 0, 0, 0)}
"""Of problem 12 one rollout of four is right: a gradient of 3/8 d, an accuracy of a quarter."""


@dataclass
class Problems:
    """A pool with 10 and 11 due at first, whose probes are made of tables, and the list of its probes."""

    directions: dict[int, tuple[float, float]] = field(default_factory=lambda: dict(DIRECTIONS))
    right: dict[int, Sequence[int]] = field(default_factory=lambda: dict(RIGHT))
    probes: list[tuple[str | None, list[int], int]] = field(default_factory=list)
    next: int = 12
    generator: torch.Generator = field(default_factory=lambda: torch.Generator().manual_seed(0))

    def probe(
        self,
        problems: Sequence[int],
        rollouts: int,
        signals: frozenset[str] = frozenset(),
        *,
        suite: str | None = None,
        part: str = "",
    ) -> Rollouts:
        """Return rollouts of one token each, at d where they are right and at −d where they are not."""
        self.probes.append((suite, list(problems), rollouts))
        assert signals == {"gradient_features"}
        rewards, features = list[float](), list[Tensor]()
        for problem in problems:
            right = [number < rollouts // 2 for number in range(rollouts)] if suite else self.right.get(problem, HALF)
            direction = torch.tensor((1.0, 0.0) if suite else self.directions[problem])
            rewards += [float(one) for one in right]
            features += [direction if one else -direction for one in right]
        ids = torch.ones(len(rewards), 1, dtype=torch.long)
        given = torch.tensor(rewards)
        return Rollouts(
            rewards=given,
            advantages=given,
            group_size=rollouts,
            completion_ids=ids,
            mask=ids.bool(),
            signals={"gradient_features": torch.stack(features)},
        )

    def more(self, count: int) -> list[int]:
        """Return the next problems of the order."""
        first, self.next = self.next, self.next + count
        return list(range(first, self.next))

    def pool(self, step: int = 0) -> PromptPool:
        """Return the pool as a strategy sees it before a batch."""
        return PromptPool(
            due=[10, 11] if step == 0 else self.more(2),
            size=40,
            mean_rewards={},
            more=self.more,
            probe=self.probe,
            step=step,
            generator=self.generator,
        )


def picked_by(strategy: PromptsByGradient, problems: Problems | None = None) -> list[int]:
    """Return what is picked first."""
    picked, _ = strategy.pick_prompts((problems or Problems()).pool(), strategy.init())
    assert picked is not None
    return list(picked)


def test_a_prompts_gradient_by_hand() -> None:
    features = torch.tensor([[1.0, 0.0], [0.0, 1.0], [5.0, 5.0], [7.0, 7.0]])
    rewards = torch.tensor([1.0, 0.0, 1.0, 1.0])
    mask = torch.tensor([[1, 0, 0], [1, 1, 1], [1, 1, 0], [1, 1, 0]]).bool()
    rollouts = Rollouts(rewards=rewards, advantages=rewards, group_size=2, completion_ids=mask.long(), mask=mask)
    # Advantages ½ and −½ of 1 and 3 tokens; then a prompt that is always right, which has no gradient.
    by_length = prompt_gradients(features, rollouts, by_length=True)
    assert by_length.tolist() == [[0.5 * 1 / 4, -0.5 * 3 / 4], [0.0, 0.0]]
    assert prompt_gradients(features, rollouts, by_length=False).tolist() == [[0.25, -0.25], [0.0, 0.0]]


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        # To (1, 0): cosines 1, 0, 0.6, −1; dots 1.5, 0, 1.125, −½; times 4a(1 − a): 1, 0, 0.45, −1.
        ("cosine", [1.0, 0.0, 0.6, -1.0]),
        ("dot", [1.5, 0.0, 1.125, -0.5]),
        ("simacc", [1.0, 0.0, 0.45, -1.0]),
    ],
)
def test_the_three_scores_by_hand(score: Any, expected: list[float]) -> None:
    strategy, problems = GradAlign(score=score), Problems()
    pool = problems.pool()
    gradients, accuracy = strategy.gradients(pool, [10, 11, 12, 13], 4, None)
    assert accuracy.tolist() == [0.5, 0.5, 0.25, 0.5]
    assert strategy.scores(pool, gradients, accuracy).tolist() == pytest.approx(expected)


def test_a_score_decides_what_is_trained_on() -> None:
    # Of 10 … 13, with 14 = (1, 1) in 13's place: cosines 1, 0, 0.6, 0.71; dots 1.5, 0, 1.125, ½.
    directions = {**DIRECTIONS, 13: DIRECTIONS[14]}
    for score, expected in (("cosine", [10, 13]), ("dot", [10, 12]), ("simacc", [10, 13])):
        strategy = build({"grad_align": {"score": score, "candidates": 2, "every_batches": 1}})
        assert isinstance(strategy, GradAlign)
        assert picked_by(strategy, Problems(directions=directions)) == expected


def test_a_prompt_without_a_gradient_scores_zero() -> None:
    problems = Problems(right={10: (1, 1, 1, 1), 12: (0, 0, 0, 0)})
    strategy, pool = GradAlign(), problems.pool()
    gradients, accuracy = strategy.gradients(pool, [10, 12, 15], 4, None)
    assert strategy.scores(pool, gradients, accuracy).tolist() == [0.0, 0.0, 0.0]  # 15 is orthogonal


def test_validation_problems_are_drawn_anew_for_every_choice_and_sampled_a_batch_at_a_time() -> None:
    problems, strategy = Problems(), GradAlign(candidates=2, every_batches=1, validation_problems=3)
    problems.directions |= dict.fromkeys(range(16, 30), (1.0, 0.0))
    state = strategy.init()
    for step in range(2):
        _, state = strategy.pick_prompts(problems.pool(step), state)
    looked = [(numbers, rollouts) for suite, numbers, rollouts in problems.probes if suite == SUITE]
    assert [(len(numbers), rollouts) for numbers, rollouts in looked] == [(2, 8), (1, 8)] * 2
    first, rest, other, _ = (numbers for numbers, _ in looked)
    assert [*first, *rest] == list(range(first[0], first[0] + 3))
    assert first != other
    assert [numbers for suite, numbers, _ in problems.probes if suite is None][:2] == [[10, 11], [12, 13]]


def test_a_choice_lasts_for_batches_and_what_was_due_meanwhile_is_looked_at_next() -> None:
    problems = Problems(directions=dict.fromkeys(range(10, 40), (1.0, 0.0)))
    strategy = GradAlign(candidates=2, every_batches=2)
    state, picked = strategy.init(), []
    for step in range(3):
        one, state = strategy.pick_prompts(problems.pool(step), state)
        picked.append(one)
    # 8 candidates for 4 places, all alike: the first. 18 and 19 are due in the second batch, which has its prompts.
    assert picked == [[10, 11], [12, 13], [18, 19]]
    candidates = [problem for suite, numbers, _ in problems.probes if suite is None for problem in numbers]
    assert candidates == [*range(10, 18), *range(18, 26)]


def test_learn_align_by_hand() -> None:
    # Unit directions (1, 0), (0, 1), (0.6, 0.8), (−1, 0); V = ¼, ¼, 3/16, ¼. Mean of V ĝ: (0.028125, 0.1).
    strategy, problems = LearnAlign(), Problems()
    pool = problems.pool()
    gradients, accuracy = strategy.gradients(pool, [10, 11, 12, 13], 4, None)
    scores = strategy.scores(pool, gradients, accuracy)
    expected = [0.25 * 0.028125, 0.25 * 0.1, 0.1875 * (0.6 * 0.028125 + 0.8 * 0.1), -0.25 * 0.028125]
    assert scores.tolist() == pytest.approx(expected)
    # Gradients (1.5, 0), (0, 2.5), (1.125, 1.5), (−½, 0): their mean is (2.125, 4) / 4.
    released = LearnAlign(as_released=True).scores(pool, gradients, accuracy)
    length = (2.125**2 + 4**2) ** 0.5
    assert released.tolist() == pytest.approx(
        [2.125 / length, 4 / length, (0.6 * 2.125 + 3.2) / length, -2.125 / length]
    )
    assert all(suite is None for suite, _, _ in problems.probes), "it looks at no validation"


def test_learn_align_is_the_mean_over_all_pairs() -> None:
    source = torch.Generator().manual_seed(3)
    gradients, accuracy = torch.randn(6, 4, generator=source), torch.rand(6, generator=source)
    found = LearnAlign().scores(Problems().pool(), gradients, accuracy)
    unit, worth = gradients / gradients.norm(dim=1, keepdim=True), accuracy * (1 - accuracy)
    for x in range(6):
        pairs = [float(worth[x] * worth[y] * (unit[x] @ unit[y])) for y in range(6)]
        assert float(found[x]) == pytest.approx(sum(pairs) / 6, abs=1e-6)


@pytest.mark.parametrize("strategy", [GradAlign(candidates=1), LearnAlign(candidates=1)])
def test_one_candidate_is_plain_grpo(strategy: PromptsByGradient) -> None:
    problems = Problems()
    state = strategy.init()
    assert strategy.pick_prompts(problems.pool(), state) == (None, state)
    assert problems.probes == []
    strategy.check(RunSettings(pool=1, suites=(SUITE,)))


def test_a_reported_suite_and_an_unknown_one_are_refused() -> None:
    with pytest.raises(ValueError, match="suite countdown-validation is one that the plan reports"):
        GradAlign().check(RunSettings(suites=(SUITE,)))
    with pytest.raises(ValueError, match="suite must be one of countdown, sorting; got 'countdown-validation'"):
        GradAlign().check(RunSettings(known_suites=("countdown", "sorting")))
    GradAlign().check(RunSettings(known_suites=("countdown", SUITE), suites=("countdown",)))
    LearnAlign().check(RunSettings(suites=(SUITE,)))


@pytest.mark.parametrize("strategy", [GradAlign(), LearnAlign()])
def test_more_candidates_than_prompts_are_refused(strategy: PromptsByGradient) -> None:
    message = r"candidates 4 times every_batches 5 times 16 prompts per step is 320, more than the 319 prompts"
    with pytest.raises(ValueError, match=message):
        strategy.check(RunSettings(pool=319, prompts_per_step=16))
    strategy.check(RunSettings(pool=320, prompts_per_step=16))


def test_controls_look_at_as_many_rollouts_of_as_many_prompts() -> None:
    strategy = GradAlign(candidates=3, rollouts=6, every_batches=2, signal="mean_hidden", by_length=False)
    aligned = LearnAlign(candidates=3, rollouts=6, every_batches=2, signal="mean_hidden", by_length=False)
    chance = RandomSubset(candidates=3, rollouts=6)
    assert strategy.controls() == (chance, AccuracyBand(choose="nearest", candidates=3, rollouts=6), aligned)
    assert aligned.controls() == (chance,)
