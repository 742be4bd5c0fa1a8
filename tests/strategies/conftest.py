"""Rollouts, passes and pools made by hand, without a model; and steps of a run over them."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
import yaml
from torch import Tensor

from strategies import Event, Progress, PromptPool, Rollouts, Shaped, State, Strategy, TokenBatch
from strategies.settings import SETTINGS

RolloutFactory = Callable[..., Rollouts]
TokenFactory = Callable[..., TokenBatch]
PoolFactory = Callable[..., PromptPool]

EXAMPLES: dict[str, dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("examples.yaml").read_text())
POOL = 24


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that takes an `example` over all of them."""
    if "example" in metafunc.fixturenames:
        metafunc.parametrize("example", EXAMPLES.values(), ids=EXAMPLES.keys())


@pytest.fixture(scope="session")
def examples() -> dict[str, dict[str, Any]]:
    """Return the examples of strategies by name; the first word of a name is the strategy's."""
    return EXAMPLES


TOKENS, HIDDEN, VOCABULARY = 5, 4, 11
ANSWERS = ("1", "2", None, "1")


class Signals(dict[str, Tensor]):
    """Signals of a batch; projected gradients are made when they are read, the same for the same name."""

    def __missing__(self, name: str) -> Tensor:
        kind, _, dimension = name.split(":")
        assert kind == "projected_gradient"
        source = torch.Generator().manual_seed(int(self["gradient_features"].abs().sum() * 1000))
        return torch.randn(len(self["logp"]), int(dimension), generator=source)


@pytest.fixture
def make_rollouts() -> RolloutFactory:
    """Return a factory of batches in which every signal is present and padding holds zeros."""

    def make(
        *,
        rewards: Sequence[float] = (1, 0, 0, 1, 0, 1, 1, 1, 1, 1, 1, 1),
        group_size: int = 4,
        features: Any = None,
        scale: Any = "group",
        seed: int = 0,
    ) -> Rollouts:
        source = torch.Generator().manual_seed(seed)
        batch = len(rewards)
        lengths = torch.arange(batch) % TOKENS + 1
        mask = torch.arange(TOKENS) < lengths.unsqueeze(1)
        noise = torch.randn(batch, TOKENS, HIDDEN, generator=source)
        per_token = torch.rand(batch, TOKENS, generator=source) * mask
        halves = torch.stack([noise[:, start::2].sum(dim=1) for start in (0, 1)], dim=1)
        given = None if features is None else torch.tensor(features, dtype=torch.float32)
        plain = Rollouts(
            rewards=torch.tensor(rewards, dtype=torch.float32),
            advantages=torch.empty(0),
            group_size=group_size,
            completion_ids=torch.randint(1, VOCABULARY, (batch, TOKENS), generator=source) * mask,
            mask=mask,
            scale=scale,
        )
        return Rollouts(
            rewards=plain.rewards,
            advantages=plain.normalise(plain.rewards),
            group_size=group_size,
            completion_ids=plain.completion_ids,
            mask=mask,
            signals=Signals(
                {
                    "gradient_features": noise.sum(dim=1) if given is None else given,
                    "split_features": halves if given is None else torch.stack([given, given], dim=1),
                    "gradient_activations": noise.cumsum(dim=1)[:, -1] if given is None else given,
                    "hidden": noise * mask.unsqueeze(-1),
                    "logp": -per_token,
                    "entropy": per_token,
                    "reference_hidden": noise[:, 0],
                    "embeddings:lexical": torch.nn.functional.normalize(noise[:, 1], dim=1),
                },
            ),
            prompts=[f"prompt {row // group_size}" for row in range(batch)],
            completions=[f"completion {row}" for row in range(batch)],
            indices=[row // group_size for row in range(batch)],
            answers=[ANSWERS[(row + row // group_size) % len(ANSWERS)] for row in range(batch)],
            scale=scale,
            step=3,
            generator=torch.Generator().manual_seed(seed + 1),
        )

    return make


@pytest.fixture
def make_tokens() -> TokenFactory:
    """Return a factory of forward passes of an update, off policy by up to 0.4 in log-probability."""

    def make(*, batch: int = 12, seed: int = 0) -> TokenBatch:
        source = torch.Generator().manual_seed(seed)
        mask = torch.arange(TOKENS) < (torch.arange(batch) % TOKENS + 1).unsqueeze(1)
        logp = -3 * torch.rand(batch, TOKENS, generator=source)
        advantages = torch.randn(batch, generator=source)
        return TokenBatch(
            logp=logp * mask,
            old_logp=(logp + 0.4 * torch.rand(batch, TOKENS, generator=source)) * mask,
            entropy=torch.rand(batch, TOKENS, generator=source) * mask,
            advantages=advantages.unsqueeze(1).repeat(1, TOKENS),
            mask=mask,
            rows=torch.arange(batch),
            step=3,
            generator=torch.Generator().manual_seed(seed + 1),
        )

    return make


@pytest.fixture
def make_pool(make_rollouts: RolloutFactory) -> PoolFactory:
    """Return a factory of pools of 24 prompts, of which 4 are due and every fourth is never solved."""

    def make(
        *, due: Sequence[int] = (0, 1, 2, 3), visits: Mapping[int, Sequence[float]] | None = None, seed: int = 0
    ) -> PromptPool:
        source = torch.Generator().manual_seed(seed)
        handed_out = [max(due) + 1]

        def more(count: int) -> list[int]:
            first, handed_out[0] = handed_out[0], handed_out[0] + count
            return [number % POOL for number in range(first, handed_out[0])]

        def probe(
            problems: Sequence[int],
            rollouts: int,
            signals: frozenset[str] = frozenset(),
            *,
            suite: str | None = None,
            part: str = "",
        ) -> Rollouts:
            rates = torch.tensor([index % 4 / 3 for index in problems])
            right = torch.rand(len(problems), rollouts, generator=source) < rates.unsqueeze(1)
            drawn = int(torch.randint(1000, (), generator=source))
            return make_rollouts(rewards=right.float().flatten().tolist(), group_size=rollouts, seed=drawn)

        return PromptPool(
            due=list(due),
            size=POOL,
            mean_rewards=visits or {index: [index % 4 / 3] * 2 for index in range(POOL)},
            more=more,
            probe=probe,
            step=3,
            generator=torch.Generator().manual_seed(seed + 1),
        )

    return make


class Step(NamedTuple):
    """What a strategy is shown in one step."""

    pool: PromptPool
    rollouts: Rollouts
    tokens: TokenBatch


@dataclass(frozen=True)
class Outputs:
    """What a strategy did in some steps of a run, and what plain GRPO would have used in them."""

    settings: dict[str, Any]
    shaped: list[Shaped | None]
    weighed: list[Shaped | None]
    picked: list[Any]
    kept: list[Any]
    restarts: list[Any]
    plain: list[Tensor]
    events: list[list[Event]]
    states: list[State]

    def seen(self) -> list[Any]:
        """Return all that reaches the trainer and its log, ready to compare."""
        hooks = (self.shaped, self.weighed)
        told = [[one and (one.advantages.tolist(), dict(one.diagnostics)) for one in hook] for hook in hooks]
        return [*told, self.picked, self.kept, self.restarts, self.events]


def restarted(strategy: Strategy, rollouts: Rollouts, state: State) -> tuple[Any, Rollouts, State]:
    """Return where some of each group went on from (None: nowhere), the rollouts with that marked, and the state."""
    size, count = rollouts.group_size, strategy.continued(rollouts.group_size, state)
    if count == 0:
        return None, rollouts, state
    where, state = strategy.restart(rollouts, state)
    assert where.shape == (len(rollouts.rewards) // size, 2)
    lengths = rollouts.grouped(rollouts.mask.sum(dim=1))
    assert all(0 <= kept < lengths[group, row] for group, (row, kept) in enumerate(where.tolist()))
    kept = [tokens * (place >= size - count) for tokens in where[:, 1].tolist() for place in range(size)]
    marked = replace(rollouts, fresh=size - count, prefix_tokens=kept)
    return where.tolist(), replace(marked, advantages=marked.normalise(marked.rewards)), state


@dataclass(frozen=True)
class Contract:
    """Steps that can be made anew, and what has to hold of any strategy that is taken through them."""

    pool: PoolFactory
    rollouts: RolloutFactory
    tokens: TokenFactory

    def steps(self, count: int = 4) -> list[Step]:
        """Return the same steps each time, with their generators."""
        return [Step(self.pool(seed=n), self.rollouts(seed=n), self.tokens(seed=n)) for n in range(count)]

    def run(self, strategy: Strategy, steps: list[Step], state: State | None = None, start: int = 0) -> Outputs:
        """Take `strategy` through `steps` as the trainer does; the reward stands still, so that a plateau fires."""
        state = strategy.init() if state is None else state
        outputs = Outputs(strategy.trainer_settings(), [], [], [], [], [], [], [], [])
        for number, (pool, rollouts, tokens) in enumerate(steps, start=start + 1):
            picked, state = strategy.pick_prompts(pool, state)
            kept = strategy.keep(rollouts.grouped(rollouts.rewards)).tolist()
            where, marked, state = restarted(strategy, rollouts, state)
            shaped, state = strategy.shape(marked, state)
            generator = torch.Generator().manual_seed(number)
            now = Progress(step=number, share=number / 10, reward=0.5, entropy=1.0, generator=generator)
            events, state = strategy.react(now, state)
            outputs.shaped.append(shaped)
            outputs.weighed.append(strategy.weigh(tokens, state))
            outputs.picked.append(None if picked is None else list(picked))
            outputs.kept.append((strategy.rounds(), kept))
            outputs.restarts.append(where)
            outputs.plain.append(marked.advantages)
            outputs.events.append(events)
            outputs.states.append(copy.deepcopy(state))
        return outputs

    def require(self, make: Callable[[], Strategy], count: int = 4) -> None:
        """Require shapes and types, independence of the global generator, and that a save in the middle is not felt."""
        strategy = make()
        torch.manual_seed(1)
        whole = self.run(strategy, self.steps(count))
        drawn = torch.rand(1)
        torch.manual_seed(1)
        assert torch.equal(drawn, torch.rand(1)), "the global generator was drawn from"
        torch.manual_seed(2)
        assert self.run(strategy, self.steps(count)).seen() == whole.seen()
        self._require_shapes(whole, count)
        half = count // 2
        first, stream = self.run(strategy, self.steps(count)[:half]), io.BytesIO()
        torch.save(first.states[-1], stream)
        stream.seek(0)
        state = torch.load(stream, weights_only=True)
        second = self.run(make(), self.steps(count)[half:], state, start=half)
        assert [a + b for a, b in zip(first.seen(), second.seen(), strict=True)] == whole.seen()
        assert self.same(second.states[-1], whole.states[-1])
        assert self.same(state, first.states[-1])

    def same(self, one: Any, other: Any) -> bool:
        """Return whether two states hold the same numbers, strings and tensors, to the last bit."""
        if isinstance(one, dict):
            return isinstance(other, dict) and self.same(list(one.items()), list(other.items()))
        if isinstance(one, list | tuple):
            return len(one) == len(other) and all(self.same(a, b) for a, b in zip(one, other, strict=True))
        if isinstance(one, Tensor):
            return one.dtype == other.dtype and torch.equal(one, other)
        return bool(one == other)

    def _require_shapes(self, outputs: Outputs, count: int) -> None:
        assert outputs.settings.keys() <= SETTINGS.keys()
        columns = (outputs.shaped, outputs.weighed, outputs.picked)
        for step, shaped, weighed, picked in zip(self.steps(count), *columns, strict=True):
            assert picked is None or len(picked) == len(step.pool.due)
            whole = step.rollouts.mask.shape
            for one, shapes in ((shaped, (whole, whole[:1])), (weighed, (step.tokens.mask.shape,))):
                if one is not None:
                    assert one.advantages.shape in shapes
                    assert one.advantages.dtype == torch.float32
                    assert torch.isfinite(one.advantages).all()
                    assert not one.advantages.requires_grad


@pytest.fixture
def contract(make_pool: PoolFactory, make_rollouts: RolloutFactory, make_tokens: TokenFactory) -> Contract:
    """Return steps made by hand, and what has to hold on them."""
    return Contract(make_pool, make_rollouts, make_tokens)
