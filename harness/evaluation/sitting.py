"""One model on one suite, from the questions to a file of records: on its own, outside any plan."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.cores import fair_share, threads_divided
from harness.evaluation.answers import AnswerStore
from harness.evaluation.engines.contract import Engine
from harness.evaluation.key import EvaluationKey
from harness.evaluation.records import RecordKey, recorded_settings, write_records
from harness.evaluation.run import Share, generate, graded
from suites import load_suite
from suites.contract import Suite

ARM = "model"
"""What the records of an evaluation outside a plan have in the place of an arm."""

MakeEngine = Callable[[], tuple[Engine, Any]]
"""Loads the model: an engine and its tokenizer. Picklable, since each worker calls it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SuiteChoice:
    """A suite by name, with what is to differ from its own settings."""

    name: str
    changes: dict[str, Any]
    """Of samples, temperature and top_p."""
    limit: int | None = None
    """Items taken from the front; all if None."""

    def load(self) -> Suite:
        """Return the suite; its hash says what was changed.

        Raises:
            ValueError: If there is no such suite, or it can't be had at these settings.
        """
        suite = replace(load_suite(self.name), **self.changes)
        return suite if self.limit is None else replace(suite, items=suite.items[: self.limit])


@dataclass(frozen=True, kw_only=True, slots=True)
class Sitting:
    """What is evaluated, and where its records go."""

    choice: SuiteChoice
    key: EvaluationKey
    folder: Path
    seed: int

    @property
    def records(self) -> Path:
        """The file of records: another key is another file."""
        return self.folder / f"{Path(self.choice.name).name}-{self.key.digest[:12]}.parquet"

    @property
    def answers(self) -> Path:
        """The folder of answers while it is under way."""
        return self.records.with_suffix(".answers")

    @property
    def done(self) -> bool:
        """Whether the records are there."""
        return recorded_settings(self.records) == self.key.digest


def sit(sitting: Sitting, make_engine: MakeEngine, workers: int = 1) -> None:
    """Make the records of a sitting, going on from what has been answered already.

    Args:
        sitting: What is evaluated.
        make_engine: Loads the model, once in each worker.
        workers: Processes that share the batches; the answers are the same for any number of them.

    Raises:
        EvaluationError: If the suite can't be put to the model, or the grader fails on most answers.
        RuntimeError: If a worker died; what it answered is kept.
    """
    if sitting.done:
        return
    suite = sitting.choice.load()
    store = AnswerStore.opened(sitting.answers, sitting.key.json())
    if workers == 1:
        engine, tokenizer = make_engine()
        generate(engine, tokenizer, suite, sitting.key, store)
    else:
        _share_out(sitting, make_engine, workers)
        store.refresh()
    name = Path(sitting.choice.name).name
    key = RecordKey(arm=ARM, seed=sitting.seed, checkpoint=0, share=0.0, suite=name, suite_sha256=suite.sha256)
    facts = {"key": sitting.key.json(), "suite": suite.terms()}
    write_records(sitting.records, key, graded(suite, store), settings=sitting.key.digest, facts=facts)
    store.drop()


def _share_out(sitting: Sitting, make_engine: MakeEngine, workers: int) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [
        context.Process(target=_work, args=(sitting, make_engine, Share(index=index, of=workers)))
        for index in range(workers)
    ]
    with threads_divided(fair_share(workers)):
        for process in processes:
            process.start()
    for process in processes:
        process.join()
    codes = [process.exitcode for process in processes]
    if any(codes):
        raise RuntimeError(f"workers ended with {codes}; what they answered is kept, evaluate again to go on")


def _work(sitting: Sitting, make_engine: MakeEngine, share: Share) -> None:
    engine, tokenizer = make_engine()
    store = AnswerStore.opened(sitting.answers, sitting.key.json())
    generate(engine, tokenizer, sitting.choice.load(), sitting.key, store, share)
