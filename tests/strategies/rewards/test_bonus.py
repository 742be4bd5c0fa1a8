"""What holds for every bonus of the folder."""

from __future__ import annotations

import copy
import io
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from strategies import Rollouts, Shaped, State, Strategy, StrategyError, build
from strategies.controls.noise_novelty import NoiseNovelty
from strategies.rewards import STRATEGIES
from strategies.rewards.bonus import generator_of

BatchFactory = Callable[..., Rollouts]

PLAIN: dict[str, dict[str, Any]] = {
    "curiosity": {"weight": 0.0},
    "merci": {"weight": 0.0},
    "outcome_ucb": {"weight": 0.0},
    "pass_at_k": {"k": 1},
    "representation": {"weight": 0.0},
    "rnd": {"strength": 0.0},
    "simhash_count": {"weight": 0.0},
    "unlikeliness": {"penalty": 0.0},
}
"""The parameters at which each strategy is plain GRPO."""
ACTIVE: dict[str, dict[str, Any]] = {
    **{name: {} for name in PLAIN},
    "pass_at_k": {"k": 2},
    "simhash_count": {"bits": 2},
}
INDEPENDENT = {"curiosity", "outcome_ucb", "pass_at_k", "unlikeliness", "merci"}
"""Those whose groups don't influence each other within a batch; the modules of the others say why theirs do."""

over_strategies = pytest.mark.parametrize("name", sorted(PLAIN))


def strategy(name: str) -> Strategy:
    return build({name: ACTIVE[name]})


def run(one: Strategy, batches: list[Rollouts], state: State | None = None) -> tuple[list[Shaped], State]:
    """Return what `one` makes of each batch, and its state in the end."""
    state = one.init() if state is None else state
    results = []
    for batch in batches:
        shaped, state = one.shape(batch, state)
        assert shaped is not None
        results.append(shaped)
    return results, state


def same(one: Any, other: Any) -> bool:
    """Return whether two states are equal, tensors bit for bit."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def advantages(results: list[Shaped]) -> list[list[float]]:
    return [shaped.advantages.tolist() for shaped in results]


@pytest.fixture
def batches(make_batch: BatchFactory) -> Callable[[], list[Rollouts]]:
    """Return a function that makes the same four batches anew."""
    return lambda: [make_batch(seed=seed, step=seed) for seed in range(4)]


Batches = Callable[[], list[Rollouts]]


def test_every_strategy_is_tested() -> None:
    assert PLAIN.keys() == STRATEGIES.keys()


@over_strategies
def test_without_its_weight_it_is_plain_grpo(name: str, batches: Batches) -> None:
    one = build({name: PLAIN[name]})
    state = one.init()
    for batch in batches():
        before = generator_of(batch).get_state()
        shaped, after = one.shape(batch, state)
        assert shaped is None
        assert same(after, state)
        assert torch.equal(generator_of(batch).get_state(), before)
    assert one.trainer_settings() == {}


@over_strategies
def test_with_it_advantages_are_finite_and_not_grpos(name: str, batches: Batches) -> None:
    for shaped, batch in zip(run(strategy(name), batches())[0], batches(), strict=True):
        assert shaped.advantages.shape == batch.rewards.shape
        assert shaped.advantages.dtype == torch.float32
        assert torch.isfinite(shaped.advantages).all()
        assert not shaped.advantages.requires_grad
        assert (shaped.advantages - batch.advantages).abs().max() > 1e-4
        expected = (shaped.advantages - batch.advantages).abs().mean().item()
        assert shaped.diagnostics["advantage_moved"] == pytest.approx(expected)


@over_strategies
def test_padding_changes_nothing(name: str, batches: Batches) -> None:
    other = [
        replace(batch, signals={key: torch.nan_to_num(value, nan=7e3) for key, value in batch.signals.items()})
        for batch in batches()
    ]
    assert advantages(run(strategy(name), other)[0]) == advantages(run(strategy(name), batches())[0])


@over_strategies
def test_only_its_own_generator_is_drawn_from(name: str, batches: Batches) -> None:
    seen = []
    for global_seed in (1, 2):
        torch.manual_seed(global_seed)
        before = torch.get_rng_state()
        seen.append(advantages(run(strategy(name), batches())[0]))
        assert torch.equal(torch.get_rng_state(), before)
    assert seen[0] == seen[1]


@over_strategies
def test_a_saved_state_goes_on_as_if_it_had_never_stopped(name: str, batches: Batches) -> None:
    whole, final = run(strategy(name), batches())
    first, state = run(strategy(name), batches()[:2])
    stream = io.BytesIO()
    torch.save(state, stream)
    stream.seek(0)
    second, resumed = run(strategy(name), batches()[2:], torch.load(stream, weights_only=True))
    assert advantages(first + second) == advantages(whole)
    assert same(resumed, final)


@over_strategies
def test_nothing_given_is_changed(name: str, batches: Batches) -> None:
    state = run(strategy(name), batches()[:1])[1]
    kept, given, untouched = copy.deepcopy(state), batches()[1], batches()[1]
    strategy(name).shape(given, state)
    assert same(state, kept)
    assert torch.equal(given.rewards, untouched.rewards)
    assert torch.equal(given.advantages, untouched.advantages)
    for signal, values in untouched.signals.items():
        assert torch.equal(given.signals[signal].nan_to_num(), values.nan_to_num())


@over_strategies
def test_only_signals_asked_for_are_read(name: str, batches: Batches) -> None:
    needs = strategy(name).needs()
    bare = [replace(b, signals={key: b.signals[key] for key in needs}) for b in batches()]
    assert advantages(run(strategy(name), bare)[0]) == advantages(run(strategy(name), batches())[0])


@pytest.mark.parametrize("name", sorted(INDEPENDENT))
def test_groups_do_not_influence_each_other(name: str, make_batch: BatchFactory) -> None:
    first, one = (1, 0, 0, 1, 0, 1, 1, 1), strategy(name)
    state = run(one, [make_batch(first, seed=3)])[1]
    both = make_batch(first, seed=5)
    other = make_batch((0, 0, 0, 1, 1, 0, 1, 0), seed=8)
    signals = {
        key: torch.cat([value[:4], other.signals[key][4:].nan_to_num(3.0)]) for key, value in both.signals.items()
    }
    changed = replace(
        both,
        rewards=torch.cat([both.rewards[:4], other.rewards[4:]]),
        advantages=torch.cat([both.advantages[:4], other.advantages[4:]]),
        signals=signals,
        answers=[*both.answers[:4], *other.answers[4:]],
    )
    before, after = run(one, [both], state)[0][0], run(one, [changed], state)[0][0]
    torch.testing.assert_close(before.advantages[:4], after.advantages[:4])
    assert not torch.equal(before.advantages[4:], after.advantages[4:])


@over_strategies
def test_its_page_has_all_sections(name: str) -> None:
    page = sys.modules[STRATEGIES[name].__module__].__doc__ or ""
    for section in ("Formula:", "Source:", "Defaults:", "Known defects:"):
        assert section in page
    assert STRATEGIES[name].family == "reward and advantage"
    assert 0 < len(STRATEGIES[name].summary) <= 80
    assert not STRATEGIES[name].summary.endswith(".")


@over_strategies
def test_its_control_is_the_same_bonus_shuffled(name: str, batches: Batches) -> None:
    one = strategy(name)
    if name == "pass_at_k":  # nothing to shuffle within a class; its control is grpo
        assert one.controls() == ()
        return
    assert one.controls() == (NoiseNovelty(of=one),)
    results = run(one.controls()[0], batches())[0]
    assert any(shaped.diagnostics["moved"] > 0 for shaped in results)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"curiosity": {"weight": -0.1}}, "weight must be at least 0, got -0.1"),
        ({"curiosity": {"clip_ratio": 0.0}}, "clip_ratio must be above 0, got 0"),
        ({"curiosity": {"scale": 0.0}}, "scale must be above 0, got 0"),
        ({"curiosity": {"decay_steps": 0}}, "decay_steps must be at least 1, got 0"),
        ({"curiosity": {"stairs": 0}}, "stairs must be at least 1, got 0"),
        ({"merci": {"weight": -1.0}}, "weight must be at least 0, got -1"),
        ({"merci": {"clip": 1.0}}, "clip must be above 0 and below 1, got 1"),
        ({"merci": {"share": 0.0}}, "share must be above 0 and at most 1, got 0"),
        ({"merci": {"run": 0}}, "run must be at least 1, got 0"),
        ({"merci": {"coins": 0}}, "coins must be at least 1, got 0"),
        ({"outcome_ucb": {"weight": -1.0}}, "weight must be at least 0, got -1"),
        ({"outcome_ucb": {"baseline": 1.5}}, "baseline must be at least 0 and at most 1, got 1.5"),
        ({"outcome_ucb": {"variant": "all"}}, "expected 'ucb', 'mean', 'con' or 'batch'; got 'all'"),
        ({"pass_at_k": {"k": 0}}, "k must be at least 1, got 0"),
        ({"representation": {"weight": -1.0}}, "weight must be at least 0, got -1"),
        ({"representation": {"regulariser": 0.0}}, "regulariser must be above 0, got 0"),
        ({"representation": {"dims": 0}}, "dims must be at least 1, got 0"),
        ({"rnd": {"strength": -1.0}}, "strength must be at least 0, got -1"),
        ({"rnd": {"divisor": 0.0}}, "divisor must be above 0, got 0"),
        ({"rnd": {"growth": -1.0}}, "growth must be at least 0, got -1"),
        ({"simhash_count": {"weight": -1.0}}, "weight must be at least 0, got -1"),
        ({"simhash_count": {"bits": 63}}, "bits must be at least 1 and at most 62, got 63"),
        ({"unlikeliness": {"penalty": 1.5}}, "penalty must be at least 0 and at most 1, got 1.5"),
    ],
)
def test_parameters_out_of_range_are_refused(spec: dict[str, Any], message: str) -> None:
    with pytest.raises(StrategyError, match=message):
        build(spec)


def test_rollouts_without_a_generator_are_refused(make_batch: BatchFactory) -> None:
    for name in ("merci", "representation", "rnd", "simhash_count"):
        one = strategy(name)
        with pytest.raises(ValueError, match="rollouts without a generator; give them one"):
            one.shape(replace(make_batch(), generator=None), one.init())
