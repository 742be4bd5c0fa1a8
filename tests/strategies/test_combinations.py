"""Every combination that combinators allow, two deep: it keeps the contract, or it is refused and says why."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch

from strategies import (
    Strategy,
    StrategyError,
    build,
    known_strategies,
)

LEAVES = ("g2rl", "rnd", "kl_cov", "entropy_advantage", "dynamic_sampling", "accuracy_band", "adaptive_entropy")
"""One strategy for each way of acting, for the combinations that are two deep."""
AROUND: dict[str, Callable[[Any], dict[str, Any]]] = {
    "hybrid primary": lambda inner: {"hybrid": {"primary": inner, "hedge": {"entropy_bonus": {"coefficient": 0.01}}}},
    "hybrid hedge": lambda inner: {"hybrid": {"primary": "unlikeliness", "hedge": inner, "share": 0.5}},
    "hybrid by rollouts": lambda inner: {
        "hybrid": {"primary": "unlikeliness", "hedge": inner, "share": 0.5, "by": "rollouts", "share_by": "annealed"}
    },
    "hybrid by steps": lambda inner: {"hybrid": {"primary": inner, "hedge": "g2rl", "share": 0.5, "by": "steps"}},
    "with_resets": lambda inner: {
        "with_resets": {"strategy": inner, "trigger": "every", "every_steps": 2, "action": "optimizer"}
    },
    "with_resets at random": lambda inner: {
        "with_resets": {"strategy": inner, "trigger": "random", "action": "state", "mean_steps": 2.0}
    },
    "noise_novelty": lambda inner: {"noise_novelty": {"of": inner}},
}
REFUSALS = (
    "there is nothing in between",
    "give both the same value",
    "controls have none",
    "changes no advantage",
    "is not trained",
    "that holds for a whole run",
    "a trainer setting holds for a whole run",
)


def built(spec: Any) -> Strategy | None:
    """Return the strategy; None if it was refused for a reason that it gave."""
    try:
        return build(spec)
    except StrategyError as error:
        if not any(reason in str(error) for reason in REFUSALS):
            raise
        return None


def test_every_pair_mixes_or_is_refused(contract: Any, examples: dict[str, Any]) -> None:
    specs = [example["spec"] for name, example in examples.items() if " " not in name]
    pairs = list(itertools.combinations(specs, 2))
    mixed = [{"hybrid": {"primary": a, "hedge": b, "share": 0.3}} for a, b in pairs]
    allowed = [spec for spec in mixed if built(spec) is not None]
    for spec in allowed:
        strategy = build(spec)
        assert all(control.family in ("controls", "prompt choice", "resets") for control in strategy.controls())
        contract.run(strategy, contract.steps(1))
    assert len(allowed) > len(pairs) // 2


@pytest.mark.parametrize("around", AROUND)
def test_every_strategy_keeps_the_contract_inside_every_combinator(
    contract: Any, examples: dict[str, Any], around: str
) -> None:
    specs = [AROUND[around](example["spec"]) for name, example in examples.items() if " " not in name]
    allowed = [spec for spec in specs if built(spec) is not None]
    assert len(allowed) > len(specs) // 3
    for spec in allowed:
        contract.require(partial(build, spec), count=2)


@pytest.mark.parametrize("leaf", LEAVES)
@pytest.mark.parametrize(("outer", "inner"), itertools.product(AROUND, AROUND))
def test_combinators_keep_the_contract_inside_each_other(contract: Any, outer: str, inner: str, leaf: str) -> None:
    spec = AROUND[outer](AROUND[inner](leaf))
    if built(spec) is not None:
        contract.require(partial(build, spec), count=2)


def test_resets_that_never_come_change_nothing(example: dict[str, Any], contract: Any) -> None:
    if not build(example["spec"]).trained:
        return
    inner, settings = example["spec"], {"trigger": "every", "every_steps": 1000, "action": "optimizer"}
    alone, wrapped = build(inner), build({"with_resets": {"strategy": inner, **settings}})
    assert contract.run(wrapped, contract.steps()).seen() == contract.run(alone, contract.steps()).seen()


def test_a_hybrid_with_grpo_departs_from_it_by_its_share(example: dict[str, Any], contract: Any) -> None:
    spec = {"hybrid": {"primary": example["spec"], "hedge": "grpo", "share": 0.25}}
    if built(spec) is None:
        return
    alone, mixed = (contract.run(build(one), contract.steps()) for one in (example["spec"], spec))
    assert (mixed.picked, mixed.kept, mixed.events) == (alone.picked, alone.kept, alone.events)
    assert mixed.restarts == alone.restarts
    for plain, part, whole in zip(alone.plain, alone.shaped, mixed.shaped, strict=True):
        assert (part is None) == (whole is None)
        if part is not None:
            as_it_comes = plain.unsqueeze(1) if part.advantages.dim() > 1 else plain
            torch.testing.assert_close(whole.advantages, 0.75 * part.advantages + 0.25 * as_it_comes)


def test_the_leaves_cover_every_way_of_acting() -> None:
    ways = ("shape", "weigh", "keep", "pick_prompts", "trainer_settings", "init")
    kinds = [known_strategies()[leaf] for leaf in LEAVES]
    assert [way for way in ways if all(getattr(kind, way) is getattr(Strategy, way) for kind in kinds)] == []
