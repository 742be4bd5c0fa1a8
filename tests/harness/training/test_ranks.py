"""A cell trained by two processes: the same rollouts, prompts, bill and records as by one, and a rank that dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from harness.errors import CellError
from harness.ledger.flops import shape_of
from harness.ledger.ledger import Ledger, Use
from harness.models import load_model
from harness.plan.ranks import uneven
from harness.plan.resolve import Plan
from harness.store.atomic import read_lines
from harness.store.attempts import Attempt, read_attempts
from harness.store.paths import CellPaths
from harness.training.following import lost_rank, require_ranks
from harness.training.ranks import ALONE, Ranks, losses_named
from harness.training.setup import trainer_config
from tests.slurm.cluster.layout import free_ports

Plans = Callable[..., Plan]
Hashes = Callable[[CellPaths], dict[str, str]]
DEADLINE_S = 300

SCRIPT = """
import sys
from pathlib import Path
import torch
from harness.plan.resolve import load_plan
from harness.store.paths import CellPaths
from harness.training import setup
from harness.training.attempt import Order
from harness.training.cell import run_cell
from harness.training.ranks import meet
from strategies import Shaped

torch.set_num_threads(1)
plan, folder = load_plan(Path(sys.argv[1])), Path(sys.argv[2])
if sys.argv[3] == "greedy":
    config = setup.trainer_config
    setup.trainer_config = lambda *args: config(*args[:3], {**args[3], "top_k": 1}, *args[4:])
    given = lambda self, rollouts, state: (Shaped(advantages=torch.linspace(-1, 2, len(rollouts.rewards))), state)
    type(plan.arm("grpo").strategy).shape = given
ranks = meet()
for name in sys.argv[4:]:
    cell = next(cell for cell in plan.cells if cell.arm == name)
    run_cell(plan, cell, CellPaths(folder / name), 1, Order(stage="all" if len(sys.argv) == 5 else "train"), ranks)
"""


def test_each_rank_has_a_share_and_together_they_have_all() -> None:
    for rows, count in [(8, 2), (7, 2), (3, 4), (1, 3)]:
        shares = [Ranks(index=index, count=count).share(rows) for index in range(count)]
        assert len({len(share) for share in shares}) == 1, "collectives take equal parts"
        assert [place for share in shares for place in share][:rows] == list(range(rows))
    assert ALONE.share(5) == [0, 1, 2, 3, 4]


class Two(Ranks):
    """A rank with another one beside it that always says the same."""

    def __init__(self, other: Any) -> None:
        super().__init__(count=2)
        object.__setattr__(self, "other", other)

    def gathered(self, value: Any) -> list[Any]:
        return [value, self.other]  # type: ignore[attr-defined]


def test_uses_of_all_ranks_are_added_and_memory_is_the_largest() -> None:
    mine = Use(step=1, phase="generate", generated_tokens=3, device_seconds=1.5, peak_memory_bytes=7)
    other = [
        Use(step=1, phase="generate", generated_tokens=4, device_seconds=1.0, peak_memory_bytes=9, energy_joules=2.0),
        Use(step=1, phase="score", part="a", forward_flops=5.0),
    ]
    first, second = Two(other).summed([mine])
    assert (first.generated_tokens, first.device_seconds, first.peak_memory_bytes) == (7, 2.5, 9)
    assert first.energy_joules == 2.0
    assert second == other[1]
    assert Two({"a": 3.0, "b": 1.0}).means({"a": 1.0}) == {"a": 2.0, "b": 1.0}


def test_ranks_that_come_to_differ_stop() -> None:
    with pytest.raises(RuntimeError, match="picked prompts differ between ranks"):
        Two([1, 2]).require_same([1, 3], "picked prompts")
    Two([1, 2]).require_same([1, 2], "picked prompts")


def test_what_ranks_draw_by_themselves_differs_and_leaves_the_common_generator_alone() -> None:
    common = torch.Generator().manual_seed(3)
    before = common.get_state()
    drawn = [torch.rand(4, generator=Ranks(index=index, count=2).own(common, 1, 0)) for index in range(2)]
    again = torch.rand(4, generator=Ranks(index=1, count=2).own(common, 1, 0))
    assert not torch.equal(drawn[0], drawn[1])
    assert torch.equal(drawn[1], again)
    assert torch.equal(common.get_state(), before)
    assert ALONE.own(common, 1, 0) is common


def test_a_broken_connection_is_named_by_the_rank_that_broke_it(tmp_path: Path) -> None:
    paths = CellPaths(tmp_path)
    broken = RuntimeError("[gloo/transport/tcp/pair.cc:547] Connection closed by peer [127.0.0.1]:3")
    with pytest.raises(CellError, match="rank lost: another rank of this cell is gone"), losses_named(lambda: None):
        raise broken
    paths.attempts.mkdir()
    paths.lost_rank(4, 1).write_text(json.dumps({"kind": "out of memory", "message": "too much"}))
    with pytest.raises(CellError, match="out of memory: in rank1: too much"), losses_named(lambda: lost_rank(paths, 4)):
        raise broken
    with pytest.raises(RuntimeError, match="something else"), losses_named(lambda: None):
        raise RuntimeError("something else")


def test_a_cell_keeps_its_number_of_ranks() -> None:
    require_ranks(2, 2)
    with pytest.raises(CellError, match=r"trained by 2 rank\(s\) until here, and this attempt has 1; go on with 2"):
        require_ranks(1, 2)


def test_only_the_first_rank_writes_the_ledger_and_all_count(tmp_path: Path) -> None:
    use = Use(step=1, phase="generate", generated_tokens=3, device_seconds=2.0)
    other = Ledger(path=tmp_path / "ledger.jsonl", attempt=1, writes=False)
    other.step([use])
    assert other.spent.generated_tokens == 3
    assert not other.path.exists()
    first = Ledger(path=tmp_path / "ledger.jsonl", attempt=1, held=4)
    first.aside(replace(use, phase="evaluate"))
    assert [line["device_seconds"] for line in read_lines(first.path)] == [8.0], "the other three wait on their devices"


def test_the_rollouts_of_an_update_are_shared_out_evenly(make_plan: Plans, tmp_path: Path) -> None:
    plan = make_plan(training={"prompts_per_step": 6, "group_size": 4, "minibatches": 2, "micro_batch": 2})
    assert uneven(plan, 1) == []
    assert uneven(plan, 3) == []
    (said,) = uneven(plan, 4)
    assert said == (
        "4 ranks can't share the 12 rollouts of an update evenly, 2 of them at a time (micro_batch); "
        "nodes x tasks may be 1, 2, 3, 6"
    )
    config = trainer_config(plan, plan.cells[-1], tmp_path, {"generation_batch_size": 24}, ranks=3)
    assert (config.per_device_train_batch_size, config.gradient_accumulation_steps) == (2, 2)


@dataclass(frozen=True)
class Ranked:
    """Some processes that train a cell together, or one after the other; several are only trained."""

    plan: Path
    ranks: int = 2
    how: str = "sampled"

    def start(self, folder: Path, *arms: str) -> list[subprocess.Popen[str]]:
        port = str(free_ports(1)[0])
        known = {"WORLD_SIZE": str(self.ranks), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "OMP_NUM_THREADS": "1"}
        return [
            subprocess.Popen(
                [sys.executable, "-c", SCRIPT, str(self.plan), str(folder), self.how, *arms],
                env={**os.environ, **known, "RANK": str(rank), "LOCAL_RANK": str(rank)},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
            for rank in range(self.ranks)
        ]

    def run(self, folder: Path, *arms: str) -> CellPaths:
        started = self.start(folder, *arms)
        said = [process.communicate(timeout=DEADLINE_S)[1] for process in started]
        assert [process.returncode for process in started] == [0] * self.ranks, "\n".join(text[-2000:] for text in said)
        return CellPaths(folder / arms[0])


def uses(paths: CellPaths, phase: str) -> list[dict[str, Any]]:
    return [line for line in read_lines(paths.ledger) if line["phase"] == phase]


def prompts(paths: CellPaths) -> list[list[str]]:
    return [[group["prompt"] for group in line["groups"]] for line in read_lines(paths.paths)]


def test_two_ranks_do_what_one_does_and_one_that_dies_costs_no_more_than_its_steps(
    make_plan: Plans, tmp_path: Path, record_hashes: Hashes, run_arm: Callable[[Plan, str, CellPaths], Attempt]
) -> None:
    arm = {"name": "g2rl", "g2rl": {"form": "centred"}}
    # One prompt a step: its group goes across the ranks.
    plan = make_plan(arms=["grpo", arm], training={"prompts_per_step": 1})
    pair = Ranked(tmp_path / "plan.yaml")
    alone = CellPaths(tmp_path / "alone")
    assert run_arm(plan, "g2rl", alone).outcome == "done"

    both = pair.run(tmp_path / "both", "g2rl")
    (attempt,) = read_attempts(both)
    assert attempt.outcome == "done"
    assert json.loads(both.identity.read_text())["fingerprint"]["ranks"] == 2
    assert record_hashes(both).keys() == record_hashes(alone).keys()
    assert len(prompts(both)) == len(prompts(alone)) == 4
    assert prompts(both) == prompts(alone)
    rows = list(read_lines(both.train))
    tokens = sum(use["generated_tokens"] for use in uses(both, "generate"))
    assert tokens == round(sum(row["completion_tokens"] * 4 for row in rows)), "of both ranks"
    assert rows[-1]["generated_tokens"] == tokens
    # φ of each rollout is made once, by one of them: two products with the LM head for each token of the answers.
    phi = [use for use in uses(both, "score") if use["part"] == "g2rl"]
    shape = shape_of(load_model(plan.model.folder))
    expected = 2 * shape.forward(tokens=0, logits=tokens, attended=0)
    assert sum(use["forward_flops"] for use in phi) == pytest.approx(expected)

    broken = CellPaths(tmp_path / "broken/g2rl")
    first, second = pair.start(tmp_path / "broken", "g2rl")
    until = time.monotonic() + DEADLINE_S
    while not (broken.checkpoint(1) / "seal.json").exists():
        assert time.monotonic() < until
        assert second.poll() is None
        time.sleep(0.05)
    second.send_signal(signal.SIGKILL)
    first.communicate(timeout=DEADLINE_S)
    second.communicate(timeout=DEADLINE_S)
    (attempt,) = read_attempts(broken)
    assert attempt.cause == {"kind": "rank lost", "message": "another rank of this cell is gone and left no word"}
    assert attempt.outcome == "interrupted"
    pair.run(tmp_path / "broken", "g2rl")
    assert [one.outcome for one in read_attempts(broken)] == ["interrupted", "done"]
    assert read_attempts(broken)[1].resumed_from_step == 2
    assert record_hashes(broken) == record_hashes(both)


EVERY = {"strategy": "grpo", "trigger": "every", "every_steps": 1}
MECHANISMS: dict[str, Any] = {
    "resampled": {"dynamic_sampling": {"max_rounds": 3}},
    "restarted": {"with_resets": {**EVERY, "action": "state", "lasting_batches": 1}},
    "woken": {"with_resets": {**EVERY, "action": "dormant"}},
    "probed": {"grad_align": {"candidates": 2, "every_batches": 2, "validation_problems": 3, "validation_rollouts": 3}},
    "projected": "learn_align",
    "of_tokens": "merci",
    "shuffled": {"noise_novelty": {"of": "entropy_advantage"}},
    "shared": {"hybrid": {"primary": "g2rl", "hedge": "unlikeliness", "share": 0.5, "by": "rollouts"}},
}
"""Everything that a strategy may do which ranks could get wrong, once."""


def test_each_thing_that_a_strategy_may_do_is_done_by_two_ranks(make_plan: Plans, tmp_path: Path) -> None:
    arms = [{"name": name, **({spec: None} if isinstance(spec, str) else spec)} for name, spec in MECHANISMS.items()]
    make_plan(arms=arms, baseline="shared", budget={"steps": 2}, checkpoints=1, training={"prompts_per_step": 1})
    Ranked(tmp_path / "plan.yaml").run(tmp_path / "two", *MECHANISMS)
    for name in MECHANISMS:
        paths = CellPaths(tmp_path / "two" / name)
        assert [(one.outcome, one.cause) for one in read_attempts(paths)] == [("done", None)], name
        assert [row["step"] for row in read_lines(paths.train)] == [1, 2]


def test_an_update_is_that_of_one_rank(make_plan: Plans, tmp_path: Path) -> None:
    # Greedy answers don't depend on who writes them; with given advantages all ranks together have one gradient.
    make_plan(
        budget={"steps": 2}, checkpoints=1,
        training={"prompts_per_step": 3, "micro_batch": 2, "kl": 0.1, "learning_rate": 1e-4},
    )  # fmt: skip
    found = []
    for ranks in (1, 2):
        paths = Ranked(tmp_path / "plan.yaml", ranks, "greedy").run(tmp_path / str(ranks), "grpo")
        found.append([(row["grad_norm"], row["loss"], row["completion_tokens"]) for row in read_lines(paths.train)])
    assert found[0][0][0] > 0.01
    assert found[1][0] == pytest.approx(found[0][0], rel=1e-4)
    assert found[1][1] == pytest.approx(found[0][1], rel=1e-2), "after an update that rounded differently"


def test_a_tensor_of_one_rank_is_as_it_was() -> None:
    tensor: Tensor = torch.arange(3.0)
    assert ALONE.stacked(tensor) is tensor
    assert ALONE.of_first(tensor) is tensor
    assert ALONE.told("x") == "x"
    with pytest.raises(OSError, match="full"):
        ALONE.alone(_full)


def _full() -> None:
    raise OSError("full")
