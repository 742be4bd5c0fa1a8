"""The knob acts: at zero a strategy trains exactly as grpo does, and turned on it changes what it says it changes.

Looked at where it counts: on the gradients of the loss of a real model, and on the rollouts and advantages they are of.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import Tensor
from transformers import TrainerCallback

from harness.ledger.ledger import Ledger
from harness.plan.resolve import load_plan
from harness.store.paths import CellPaths
from harness.training.loop import CellLoop
from harness.training.setup import make_trainer
from harness.training.trainer import StrategyTrainer
from strategies import Strategy, build

GENERATIONS = 3
TRAINING = {"prompts_per_step": 8, "group_size": 4, "pool": 64, "learning_rate": 1e-4}


@dataclass
class Observed(TrainerCallback):  # type: ignore[misc]  # transformers is untyped
    """What happened in a short run."""

    trainer: StrategyTrainer | None = None
    prompts: list[list[int]] = field(default_factory=list)
    rollouts: list[list[list[int]]] = field(default_factory=list)
    advantages: list[Tensor] = field(default_factory=list)
    token_weights: list[Tensor] = field(default_factory=list)
    """The advantages that the loss of each update was given, for each token."""
    gradient: list[Tensor] = field(default_factory=list)
    """Of each update, after clipping, all parameters in one."""
    updates: list[Tensor] = field(default_factory=list)
    """All parameters after each update."""

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        parameters = list(kwargs["model"].parameters())
        self.gradient.append(torch.cat([one.grad.flatten().clone() for one in parameters]))

    def on_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.updates.append(torch.cat([one.detach().flatten().clone() for one in kwargs["model"].parameters()]))

    def differs(self, other: Observed, what: str, *, first_only: bool = False) -> bool:
        """Return whether `what` (a column, with spaces) differs from `other`'s in any step, or in the first."""
        mine, theirs = (getattr(one, what.replace(" ", "_")) for one in (self, other))
        assert mine
        assert len(mine) == len(theirs)
        if what in ("advantages", "rollouts") and first_only:  # later ones differ because the policy does
            mine, theirs = mine[:1], theirs[:1]
        same = torch.equal if isinstance(mine[0], Tensor) else lambda a, b: bool(a == b)
        return not all(same(a, b) for a, b in zip(mine, theirs, strict=True))


class ObservedTrainer(StrategyTrainer):
    """Notes what goes into the loss."""

    observed: Observed

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        output = super()._generate_and_score_completions(inputs)
        self.observed.advantages.append(output["advantages"].clone())
        self.observed.rollouts.append(output["completion_ids"].tolist())
        return output

    def _picked(self) -> list[int]:
        picked = super()._picked()
        self.observed.prompts.append(picked)
        return picked

    def _weigh(self, inputs: dict[str, Any], logp: Tensor, entropy: Tensor) -> None:
        super()._weigh(inputs, logp, entropy)
        advantages = inputs["advantages"]
        per_token = advantages if advantages.dim() > 1 else advantages.unsqueeze(1).expand_as(logp)
        self.observed.token_weights.append(per_token * inputs["completion_mask"])


Observe = Callable[[Any, dict[str, Any]], Observed]


@pytest.fixture(scope="module")
def observe(tmp_path_factory: pytest.TempPathFactory) -> Observe:
    """Return a function that trains a few generations with a strategy and the same seed; the same run is made once."""
    torch.set_num_threads(1)
    made: dict[str, Observed] = {}

    def observed(spec: Any, training: dict[str, Any]) -> Observed:
        key = f"{spec} {training}"
        if key not in made:
            made[key] = short_run(build(spec), training, tmp_path_factory.mktemp("run"))
        return made[key]

    return observed


def short_run(strategy: Strategy, training: dict[str, Any], folder: Path) -> Observed:
    settings = {**TRAINING, **training}
    plan = {
        "name": "short",
        "arms": ["grpo"],
        "baseline": "grpo",
        "seeds": [0],
        "intervals": False,
        "budget": {"steps": GENERATIONS * settings.get("minibatches", 1)},
        "checkpoints": 1,
        "training": settings,
        "suites": [{"sorting": {"samples": 1}}],
    }
    (folder / "plan.yaml").write_text(yaml.safe_dump(plan))
    loaded = load_plan(folder / "plan.yaml")
    cell, paths = next(cell for cell in loaded.cells if cell.arm == "grpo"), CellPaths(folder / "cell")
    loop = CellLoop(
        paths=paths,
        ledger=Ledger(path=paths.ledger, attempt=1),
        budget=loaded.budget,
        checkpoints=1,
        on_sealed=lambda number: None,
    )
    trainer = make_trainer(loaded, cell, replace(loaded.arm("grpo"), strategy=strategy), paths.scratch, loop)
    trainer.__class__ = ObservedTrainer
    observed = trainer.observed = Observed()
    trainer.add_callback(observed)
    trainer.train()
    return observed


COLUMNS = ("prompts", "rollouts", "advantages", "token weights", "gradient", "updates")


def test_at_zero_it_trains_exactly_as_grpo(example: dict[str, Any], observe: Observe) -> None:
    if "zero" not in example:
        return
    training = example.get("training", {})
    zero, plain = observe(example["zero"], training), observe("grpo", training)
    assert [column for column in COLUMNS if zero.differs(plain, column)] == []


def test_turned_on_it_changes_what_it_says_it_changes(example: dict[str, Any], observe: Observe) -> None:
    training = example.get("training", {})
    on, plain = observe(example["spec"], training), observe("grpo", training)
    if example["changes"] == "nothing":
        assert [column for column in COLUMNS if on.differs(plain, column)] == []
    else:
        assert on.differs(plain, example["changes"], first_only=True)
        assert on.differs(plain, "gradient")
