"""Hybrids that share out rollouts, groups or batches, and hybrids whose share moves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, get_args

import pytest
import torch
from torch import Tensor

from strategies import (
    Event,
    Progress,
    PromptPool,
    Rollouts,
    Shaped,
    SignalName,
    State,
    Strategy,
    TokenBatch,
    build,
)
from strategies.combinators.assignment import By
from strategies.combinators.hybrid import Hybrid
from strategies.controls.grpo import GRPO

RolloutFactory = Callable[..., Rollouts]
TokenFactory = Callable[..., TokenBatch]
PoolFactory = Callable[..., PromptPool]
MODES: tuple[By, ...] = get_args(By)
DRAWN: tuple[By, ...] = ("rollouts", "groups")
G2RL, UNLIKELY = "g2rl", "unlikeliness"


def begun(hybrid: Hybrid, rollouts: Rollouts, pool: PromptPool) -> tuple[Shaped, State]:
    """Take a hybrid from its start through picking and shaping."""
    _, state = hybrid.pick_prompts(pool, hybrid.init())
    shaped, state = hybrid.shape(rollouts, state)
    assert shaped is not None
    return shaped, state


def alone(spec: str, rollouts: Rollouts) -> Tensor:
    strategy = build(spec)
    shaped, _ = strategy.shape(rollouts, strategy.init())
    assert shaped is not None
    return shaped.advantages


@pytest.mark.parametrize("by", MODES)
@pytest.mark.parametrize("share", [0.0, 1.0])
def test_at_the_ends_it_is_one_part_exactly(example: dict[str, Any], by: By, share: float, contract: Any) -> None:
    """Prompts, rollouts kept, advantages, token weights, events and settings, all that a part keeps, bit for bit."""
    part, other = build(example["spec"]), build("entropy_advantage" if by == "rollouts" else "unlikeliness")
    if not part.trained:
        return
    name, both = ("primary", (part, other)) if share == 0 else ("hedge", (other, part))
    hybrid = Hybrid(primary=both[0], hedge=both[1], share=share, by=by)
    mine, whole = contract.run(part, contract.steps(3)), contract.run(hybrid, contract.steps(3))
    assert whole.settings == mine.settings
    assert (whole.picked, whole.kept, whole.events) == (mine.picked, mine.kept, mine.events)
    for hook in ("shaped", "weighed"):
        for ours, theirs in zip(getattr(whole, hook), getattr(mine, hook), strict=True):
            assert (ours is None) == (theirs is None)
            if ours is not None:
                assert torch.equal(ours.advantages, theirs.advantages)
                assert ours.diagnostics == {f"{name}/{key}": value for key, value in theirs.diagnostics.items()}
    assert contract.same([state[name] for state in whole.states], mine.states)
    assert hybrid.asked().keys() == {f"{name}/{inner}".strip("/") for inner in part.asked()}


@pytest.mark.parametrize("by", DRAWN)
def test_each_rollout_has_what_its_part_gives_it(by: By, make_rollouts: RolloutFactory, make_pool: PoolFactory) -> None:
    rollouts = make_rollouts()
    hybrid = Hybrid(primary=build(G2RL), hedge=build(UNLIKELY), share=0.5, by=by)
    shaped, state = begun(hybrid, rollouts, make_pool())
    theirs = shaped.columns["part"].bool()
    assert theirs.tolist() == state["assigned"].tolist()
    assert int(theirs.sum()) == {"rollouts": 3 * 2, "groups": 2 * 4}[by]
    assert torch.equal(shaped.advantages[theirs], alone(UNLIKELY, rollouts)[theirs])
    assert torch.equal(shaped.advantages[~theirs], alone(G2RL, rollouts)[~theirs])
    assert shaped.diagnostics["assigned"] == pytest.approx(theirs.float().mean().item())


def test_advantages_are_linear_in_the_share(make_rollouts: RolloutFactory, make_pool: PoolFactory) -> None:
    rollouts = make_rollouts()
    primary, hedge = alone(G2RL, rollouts), alone(UNLIKELY, rollouts)
    for share in (0.1, 0.4, 0.9):
        hybrid = Hybrid(primary=build(G2RL), hedge=build(UNLIKELY), share=share)
        shaped, _ = begun(hybrid, rollouts, make_pool())
        torch.testing.assert_close(shaped.advantages, primary + share * (hedge - primary))
        assert "part" not in shaped.columns


@dataclass(frozen=True, kw_only=True)
class Noted(Strategy):
    """Weighs each token by `value`, in a column and in its own rows; keeps the steps it saw, and reacts to each."""

    value: float
    columns: tuple[str, ...] = ()
    wants: str = "entropy"

    def needs(self) -> frozenset[SignalName]:
        return frozenset({self.wants})

    def init(self) -> State:
        return {"shaped": 0, "reacted": []}

    def pick_prompts(self, pool: PromptPool, state: State) -> tuple[list[int], State]:
        pool.look([0], 2)
        return [int(self.value)] * len(pool.due), state

    def shape(self, rollouts: Rollouts, state: State) -> tuple[Shaped, State]:
        with rollouts.charge("inside"):
            values = torch.full_like(rollouts.rewards, self.value)
        columns = dict.fromkeys(self.columns, values)
        diagnostics = {"value": self.value}
        return Shaped(advantages=values, diagnostics=diagnostics, columns=columns), {
            **state,
            "shaped": state["shaped"] + 1,
        }

    def weigh(self, tokens: TokenBatch, state: State) -> Shaped:
        """Add the part's value, and a hundredth of how many rows it was shown."""
        return Shaped(
            advantages=tokens.advantages + self.value + len(tokens.logp) / 100, diagnostics={"rows": len(tokens.logp)}
        )

    def react(self, progress: Progress, state: State) -> tuple[list[Event], State]:
        event = Event(kind="optimizer", cause=f"{self.value:g} at {progress.step}")
        return [event], {**state, "reacted": [*state["reacted"], progress.step]}


def test_by_steps_only_the_part_whose_batch_it_is_acts(contract: Any) -> None:
    hybrid = Hybrid(primary=Noted(value=1), hedge=Noted(value=2), share=0.4, by="steps")
    outputs = contract.run(hybrid, contract.steps(5))
    assert [shaped.advantages[0].item() for shaped in outputs.shaped] == [1, 1, 2, 1, 2]
    assert [picked[0] for picked in outputs.picked] == [1, 1, 2, 1, 2]
    assert [shaped.columns["part"].unique().tolist() for shaped in outputs.shaped] == [[0], [0], [1], [0], [1]]
    assert [shaped.diagnostics["assigned"] for shaped in outputs.shaped] == [0, 0, 1, 0, 1]
    assert [[event.cause for event in events] for events in outputs.events] == [
        ["1 at 1"],
        ["1 at 2"],
        ["2 at 1"],
        ["1 at 3"],
        ["2 at 2"],
    ], "each counts its own steps"
    last = outputs.states[-1]
    assert (last["primary"]["shaped"], last["hedge"]["shaped"]) == (3, 2)


def test_the_same_rollouts_are_the_hedges_in_each_update(
    make_rollouts: RolloutFactory, make_tokens: TokenFactory, make_pool: PoolFactory
) -> None:
    hybrid = Hybrid(primary=Noted(value=1), hedge=Noted(value=2), share=0.25, by="rollouts")
    _, state = begun(hybrid, make_rollouts(), make_pool())
    hedge, tokens, values = state["assigned"].tolist(), make_tokens(), []
    for half in (torch.tensor([7, 0, 2, 11, 5, 4]), torch.tensor([1, 3, 6, 8, 9, 10])) * 2:
        rows = {name: getattr(tokens, name)[half] for name in ("logp", "old_logp", "entropy", "mask", "rows")}
        weighed = hybrid.weigh(replace(tokens, **rows, advantages=torch.zeros(6, 5)), state)
        assert weighed is not None
        theirs = sum(hedge[row] for row in half.tolist())
        expected = [2 + theirs / 100 if hedge[row] else 1 + (6 - theirs) / 100 for row in half.tolist()]
        torch.testing.assert_close(weighed.advantages, torch.tensor(expected).unsqueeze(1).expand(6, 5))
        shown = {"primary/rows": 6 - theirs, "hedge/rows": theirs}
        assert weighed.diagnostics == {name: count for name, count in shown.items() if count}
        values.append(weighed.advantages)
        _, state = hybrid.react(a_step(1, 0.1), state)
    torch.testing.assert_close(values[0], values[2], rtol=0, atol=0)


def a_step(number: int, spent: float) -> Progress:
    return Progress(step=number, share=spent, reward=0.0, entropy=1.0, generator=torch.Generator())


def test_parts_that_weigh_nothing_leave_the_pass_as_it_is(
    make_rollouts: RolloutFactory, make_tokens: TokenFactory, make_pool: PoolFactory
) -> None:
    hybrid = Hybrid(primary=build(G2RL), hedge=GRPO(), share=0.5, by="rollouts")
    _, state = begun(hybrid, make_rollouts(), make_pool())
    assert hybrid.weigh(make_tokens(), state) is None


@pytest.mark.parametrize("by", MODES)
def test_each_part_is_charged_for_what_it_does_and_asks(
    by: By, make_rollouts: RolloutFactory, make_pool: PoolFactory
) -> None:
    charged: list[str] = []

    @contextmanager
    def charge(part: str) -> Iterator[None]:
        charged.append(part)
        yield

    def probe(problems: Any, rollouts: int, signals: Any = (), *, suite: Any = None, part: str = "") -> Rollouts:
        charged.append(f"probe of {part}")
        return make_rollouts()

    inner = Hybrid(primary=Noted(value=1), hedge=Noted(value=2, wants="logp"))
    hybrid = Hybrid(primary=inner, hedge=Noted(value=3, wants="logp"), share=0.5, by=by)
    pool = replace(make_pool(), probe=probe)
    begun(hybrid, replace(make_rollouts(), charge=charge), pool)
    first = ["primary", "primary/primary", "primary/primary/inside", "primary/hedge", "primary/hedge/inside"]
    hedge = [] if by == "steps" else ["hedge", "hedge/inside"]
    assert charged == ["probe of primary/primary", *first, *hedge]
    assert hybrid.asked() == {"primary/primary": {"entropy"}, "primary/hedge": {"logp"}, "hedge": {"logp"}}
    assert hybrid.needs() == {"entropy", "logp"}


def test_diagnostics_and_columns_say_whose_they_are(make_rollouts: RolloutFactory, make_pool: PoolFactory) -> None:
    primary, hedge = Noted(value=1, columns=("signal", "filtered")), Noted(value=2, columns=("signal", "part"))
    shaped, _ = begun(Hybrid(primary=primary, hedge=hedge, share=0.5, by="rollouts"), make_rollouts(), make_pool())
    assert shaped.diagnostics == {"primary/value": 1, "hedge/value": 2, "share": 0.5, "assigned": 0.5}
    whose = {name: set(column.tolist()) for name, column in shaped.columns.items()}
    assert whose == {"primary/signal": {1}, "hedge/signal": {2}, "filtered": {1}, "hedge/part": {2}, "part": {0, 1}}


def test_an_annealed_share_takes_the_hedge_out(make_rollouts: RolloutFactory, make_pool: PoolFactory) -> None:
    hybrid = Hybrid(primary=Noted(value=1), hedge=Noted(value=3), share=0.5, share_by="annealed", share_end=0.0)
    state, advantages = hybrid.init(), []
    for number, spent in enumerate((0.5, 1.0, 1.0), start=1):
        _, state = hybrid.pick_prompts(make_pool(), state)
        shaped, state = hybrid.shape(make_rollouts(), state)
        assert shaped is not None
        advantages.append((shaped.advantages[0].item(), shaped.diagnostics["share"]))
        _, state = hybrid.react(a_step(number, spent), state)
    assert advantages == [(2.0, 0.5), (1.5, 0.25), (1.0, 0.0)]
    assert state["hedge"]["shaped"] == 2, "without a share it isn't asked"


@dataclass(frozen=True, kw_only=True)
class Goes(Strategy):
    """Continues `count` rollouts of each group from their first token."""

    count: int

    def continued(self, group_size: int, state: State) -> int:
        return min(self.count, group_size - 1)

    def restart(self, fresh: Rollouts, state: State) -> tuple[Tensor, State]:
        with fresh.charge("prefixes"):
            groups = len(fresh.rewards) // fresh.group_size
            return torch.tensor([[0, 1]] * groups), {"went": self.count}


@pytest.mark.parametrize(("counts", "name"), [((2, 3), "primary"), ((0, 3), "hedge")])
def test_the_part_that_says_how_many_go_on_says_from_where(
    counts: tuple[int, int], name: str, make_rollouts: RolloutFactory
) -> None:
    charged: list[str] = []

    @contextmanager
    def charge(part: str) -> Iterator[None]:
        charged.append(part)
        yield

    hybrid = Hybrid(primary=Goes(count=counts[0]), hedge=Goes(count=counts[1]), share=0.5)
    count = hybrid.continued(8, hybrid.init())
    assert count == next(one for one in counts if one)
    fresh = make_rollouts(rewards=[0.0] * 3 * (8 - count), group_size=8 - count)
    where, state = hybrid.restart(replace(fresh, charge=charge), hybrid.init())
    assert where.tolist() == [[0, 1]] * 3
    assert state == {"primary": {}, "hedge": {}, name: {"went": count}}
    assert charged == [name, f"{name}/prefixes"]


def test_restarts_of_parts_that_continue_nothing_are_refused(make_rollouts: RolloutFactory) -> None:
    hybrid = Hybrid(primary=GRPO(), hedge=GRPO())
    with pytest.raises(ValueError, match="no part continues rollouts of these groups"):
        hybrid.restart(make_rollouts(), hybrid.init())
