"""Which records a cell still needs, and making them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import groupby

from harness.errors import CellError
from harness.evaluation.errors import DivergedModelError, GraderError
from harness.evaluation.records import RecordKey, recorded_settings, write_records
from harness.evaluation.run import EvaluationCost, evaluate
from harness.evaluation.settings import EvaluationSettings
from harness.ledger.flops import ModelShape, attended_decoding, shape_of
from harness.ledger.ledger import Ledger, Use
from harness.models import ModelLoadError, load_model, load_tokenizer
from harness.plan.cells import Cell, digest
from harness.plan.resolve import Plan
from harness.plan.schema import SuiteUse
from harness.seeds import stream_seed
from harness.store.paths import CellPaths
from harness.store.seal import damage, set_aside
from suites.contract import Suite


@dataclass(frozen=True, kw_only=True, slots=True)
class Todo:
    """One file of records that isn't there, or was made under other settings."""

    checkpoint: int
    suite: Suite
    settings: EvaluationSettings
    precision: str
    """Number format of the model's weights."""


def expected(plan: Plan, cell: Cell) -> list[Todo]:
    """Return all records that a finished cell has, in order: the base model at 0, an arm at its checkpoints."""
    last = plan.checkpoints
    checkpoints = [0] if plan.arm(cell.arm).strategy is None else list(range(1, last + 1))
    return [
        Todo(
            checkpoint=number,
            suite=suite,
            settings=settings_of(plan, cell, use),
            precision=plan.training.precision,
        )
        for number in checkpoints
        for use, suite in plan.suites
        if use.at == "every" or number in (0, last)
    ]


def missing(plan: Plan, cell: Cell, paths: CellPaths) -> list[Todo]:
    """Return the records of a cell that are still to be made."""
    return [
        todo
        for todo in expected(plan, cell)
        if recorded_settings(paths.record(todo.checkpoint, todo.suite.name)) != settings_digest(todo)
    ]


def settings_of(plan: Plan, cell: Cell, use: SuiteUse) -> EvaluationSettings:
    """Return how a cell is evaluated on a suite; the same for every arm of a seed."""
    return EvaluationSettings(
        samples=use.samples,
        seed=stream_seed(cell.seed, "evaluation"),
        temperature=plan.evaluation.temperature,
        top_p=plan.evaluation.top_p,
        batch_size=plan.evaluation.batch_size,
    )


def settings_digest(todo: Todo) -> str:
    """Return a hash of all that decides the records of a checkpoint."""
    return digest({"suite": todo.suite.sha256, "precision": todo.precision, **asdict(todo.settings)})


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorder:
    """Makes the records of one cell."""

    plan: Plan
    cell: Cell
    paths: CellPaths
    ledger: Ledger

    def missing(self) -> list[Todo]:
        """Return the records that are still to be made."""
        return missing(self.plan, self.cell, self.paths)

    def make(self, todos: Iterable[Todo], progress: Callable[[Todo], None]) -> None:
        """Evaluate each checkpoint in `todos` and write its records, loading each model once.

        Raises:
            CellError: If a grader raises, a checkpoint can't be loaded, or its model has diverged.
        """
        for checkpoint, group in groupby(todos, key=lambda todo: todo.checkpoint):
            self._require_intact(checkpoint)
            with _attributed():
                folder = self.paths.checkpoint(checkpoint) if checkpoint else self.plan.model.folder
                # One precision for all: a base model stored in another would be compared in another.
                model = load_model(folder, precision=self.plan.training.precision, device=None)
                tokenizer = load_tokenizer(folder)
            shape = shape_of(model)
            for todo in group:
                progress(todo)
                with _attributed():
                    evaluation = evaluate(model, tokenizer, todo.suite, todo.settings)
                write_records(
                    self.paths.record(todo.checkpoint, todo.suite.name),
                    self._key(todo),
                    evaluation.records,
                    settings=settings_digest(todo),
                )
                self.ledger.aside(_use(todo, evaluation.cost, shape, self.ledger.spent.steps))

    def _require_intact(self, checkpoint: int) -> None:
        """Raise CellError for a checkpoint that isn't as it was sealed; it and later ones are set aside."""
        problem = damage(self.paths.checkpoint(checkpoint)) if checkpoint else None
        if problem is not None:
            set_aside(self.paths, checkpoint)
            raise CellError(
                "checkpoint damaged", f"{checkpoint:04d}: {problem}; a retry trains again from the one before"
            )

    def _key(self, todo: Todo) -> RecordKey:
        return RecordKey(
            arm=self.cell.arm,
            seed=self.cell.seed,
            checkpoint=todo.checkpoint,
            share=todo.checkpoint / self.plan.checkpoints,
            suite=todo.suite.name,
            suite_sha256=todo.suite.sha256,
        )


def _use(todo: Todo, cost: EvaluationCost, shape: ModelShape, step: int) -> Use:
    items = len(todo.suite.items)
    prompt, answer = cost.prompt_tokens / items, cost.generated_tokens / (items * todo.settings.samples)
    attended = items * todo.settings.samples * attended_decoding([round(prompt)], [round(answer)])
    return Use(
        step=step,
        phase="evaluate",
        checkpoint=todo.checkpoint,
        suite=todo.suite.name,
        generated_tokens=cost.generated_tokens,
        forward_tokens=cost.prompt_tokens + cost.generated_tokens,
        forward_flops=shape.forward(
            tokens=cost.prompt_tokens + cost.generated_tokens, logits=cost.generated_tokens, attended=attended
        ),
        device_seconds=cost.device_seconds,
    )


@contextmanager
def _attributed() -> Iterator[None]:
    """Turn the errors of an evaluation into the causes of a cell."""
    try:
        yield
    except GraderError as error:
        raise CellError("grader error", str(error)) from error
    except DivergedModelError as error:
        raise CellError("diverged", str(error)) from error
    except ModelLoadError as error:
        raise CellError("checkpoint damaged", str(error)) from error
