"""Which records a cell still needs, and making them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from harness.errors import CellError
from harness.evaluation.answers import FREE, AnswerStore, Effort, Permit
from harness.evaluation.engines.versions import transformers_id
from harness.evaluation.errors import DivergedModelError, GraderError, UnfitSuiteError
from harness.evaluation.key import EvaluationKey
from harness.evaluation.records import ItemRecord, RecordKey, recorded_settings, write_records
from harness.evaluation.run import generate, graded
from harness.ledger.counters import energy_counters, peak_memory
from harness.ledger.flops import ModelShape, shape_of
from harness.ledger.ledger import Ledger, Use
from harness.models import ModelLoadError, load_model, load_tokenizer
from harness.plan.cells import Cell
from harness.plan.resolve import Plan
from harness.seeds import stream_seed
from harness.store.paths import CellPaths
from harness.store.seal import damage, model_sha256, set_aside
from suites.contract import Suite

if TYPE_CHECKING:
    from harness.evaluation.engines.transformers import TransformersEngine


@dataclass(frozen=True, kw_only=True, slots=True)
class Todo:
    """One file of records that a cell has when it is finished."""

    checkpoint: int
    suite: Suite
    """At the samples and the temperature of the plan."""


def expected(plan: Plan, cell: Cell) -> list[Todo]:
    """Return all records that a finished cell has, in order: the base model at 0, an arm at its checkpoints."""
    last = plan.checkpoints
    checkpoints = [0] if plan.arm(cell.arm).strategy is None else list(range(1, last + 1))
    return [
        Todo(checkpoint=number, suite=suite)
        for number in checkpoints
        for use, suite in plan.suites
        if use.at == "every" or number in (0, last)
    ]


def missing(plan: Plan, cell: Cell, paths: CellPaths) -> list[Todo]:
    """Return the records of a cell that are not there, or were made by other weights, of another suite or otherwise."""
    return [
        todo
        for todo in expected(plan, cell)
        if recorded_settings(paths.record(todo.checkpoint, todo.suite.name)) != key_of(plan, cell, paths, todo).digest
    ]


def terms_of(plan: Plan, todo: Todo) -> dict[str, Any]:
    """Return what decides the records of a checkpoint beside its weights and its seed; known before it is trained."""
    return {
        "suite": todo.suite.sha256,
        "engine": transformers_id(),
        "precision": plan.training.precision,
        "batch_size": plan.evaluation.batch_size,
    }


def key_of(plan: Plan, cell: Cell, paths: CellPaths, todo: Todo) -> EvaluationKey:
    """Return what decides the records of a checkpoint; the random numbers are the same for every arm of a seed."""
    return EvaluationKey.of(
        todo.suite,
        weights=model_sha256(paths.checkpoint(todo.checkpoint)) if todo.checkpoint else plan.model.sha256,
        seed=stream_seed(cell.seed, "evaluation"),
        engine=transformers_id(),
        precision=plan.training.precision,
        batch_size=plan.evaluation.batch_size,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorder:
    """Makes the records of one cell."""

    plan: Plan
    cell: Cell
    paths: CellPaths
    ledger: Ledger
    permit: Permit = FREE

    def missing(self) -> list[Todo]:
        """Return the records that are still to be made."""
        return missing(self.plan, self.cell, self.paths)

    def make(self, todos: Iterable[Todo], progress: Callable[[Todo], None]) -> None:
        """Evaluate each checkpoint in `todos` and write its records, loading each model once.

        Raises:
            CellError: If a grader raises, a checkpoint can't be loaded, or its model has diverged; or if the attempt
                must stop, or may not write any more.
        """
        from harness.evaluation.engines.transformers import TransformersEngine

        for checkpoint, group in groupby(todos, key=lambda todo: todo.checkpoint):
            self.permit.pause()
            self._require_intact(checkpoint)
            with _attributed():
                folder = self.paths.checkpoint(checkpoint) if checkpoint else self.plan.model.folder
                # One precision for all: a base model stored in another would be compared in another.
                model = load_model(folder, precision=self.plan.training.precision, device=None)
                tokenizer = load_tokenizer(folder)
            energy = energy_counters()
            engine, shape = TransformersEngine(model, tokenizer), shape_of(model)
            for todo in group:
                progress(todo)
                before = energy.joules()
                effort = self._record(engine, tokenizer, todo)
                use = _use(todo, effort, shape, self.ledger.spent.steps)
                use.energy_joules = energy.taken_since(before)
                self.ledger.aside(use)

    def _record(self, engine: TransformersEngine, tokenizer: Any, todo: Todo) -> Effort:
        """Answer, grade and write one suite, going on from what a killed attempt has answered; return what it took."""
        key = key_of(self.plan, self.cell, self.paths, todo)
        folder = self.paths.answers(todo.checkpoint, todo.suite.name)
        store = AnswerStore.opened(folder, key.json(), self.permit)
        with _attributed():
            generate(engine, tokenizer, todo.suite, key, store)
            write_records(
                self.paths.record(todo.checkpoint, todo.suite.name),
                self._key(todo),
                self._permitted(graded(todo.suite, store)),
                settings=key.digest,
                facts={"key": key.json(), "suite": todo.suite.terms()},
                texts_mb=self.plan.evaluation.texts_mb,
            )
        store.drop()
        return store.effort

    def _permitted(self, records: Iterable[ItemRecord]) -> Iterator[ItemRecord]:
        """Pass the records on; with the last of them, make sure that the file may be put in its place."""
        yield from records
        self.permit.write()

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


def _use(todo: Todo, effort: Effort, shape: ModelShape, step: int) -> Use:
    return Use(
        step=step,
        phase="evaluate",
        checkpoint=todo.checkpoint,
        suite=todo.suite.name,
        generated_tokens=effort.generated_tokens,
        forward_tokens=effort.forward_tokens,
        forward_flops=shape.forward(
            tokens=effort.forward_tokens, logits=effort.generated_tokens, attended=effort.attended
        ),
        device_seconds=effort.seconds,
        peak_memory_bytes=peak_memory(),
    )


@contextmanager
def _attributed() -> Iterator[None]:
    """Turn the errors of an evaluation into the causes of a cell."""
    try:
        yield
    except GraderError as error:
        raise CellError("grader error", str(error)) from error
    except UnfitSuiteError as error:
        raise CellError("error", str(error)) from error
    except DivergedModelError as error:
        raise CellError("diverged", str(error)) from error
    except ModelLoadError as error:
        raise CellError("checkpoint damaged", str(error)) from error
