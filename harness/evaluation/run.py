"""Evaluating a model on a suite: put the questions, keep each batch of answers, grade them in another process."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from harness.evaluation.answers import AnswerStore, Effort
from harness.evaluation.engines.contract import Completion, Engine, Request
from harness.evaluation.errors import GraderError
from harness.evaluation.grading import GraderProcess, Verdict
from harness.evaluation.key import EvaluationKey
from harness.evaluation.questions import batches_of, decoding_of, questions_of, require_room
from harness.evaluation.records import ItemRecord
from suites.contract import Item, Suite

CHUNK = 256
"""Items that are graded at once."""
FAILING_SHARE = 0.5
"""Of the answers a grader was given; if it fails on more, the evaluation has no score."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """What one model did on one suite."""

    records: tuple[ItemRecord, ...]
    """One per item, in the order of the suite."""
    effort: Effort


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """A part of the batches, for several processes that answer one suite."""

    index: int = 0
    of: int = 1


def evaluate(engine: Engine, tokenizer: Any, suite: Suite, *, seed: int, batch_size: int = 256) -> Evaluation:
    """Evaluate a model on a suite, all in one go and in memory.

    Args:
        engine: The model.
        tokenizer: Its tokenizer.
        suite: What to evaluate on.
        seed: Of the random numbers, 0..2**63-1; with the suite's items it alone decides them.
        batch_size: Requests generated at once; affects speed and memory, and results through rounding alone.

    Raises:
        EvaluationError: As `generate` and `graded`.
    """
    key = EvaluationKey.of(suite, weights="", seed=seed, engine=engine.id, precision="", batch_size=batch_size)
    with tempfile.TemporaryDirectory() as folder:
        store = AnswerStore.opened(Path(folder) / "answers", key.json())
        generate(engine, tokenizer, suite, key, store)
        return Evaluation(records=tuple(graded(suite, store)), effort=store.effort)


def generate(
    engine: Engine, tokenizer: Any, suite: Suite, key: EvaluationKey, store: AnswerStore, share: Share = Share()
) -> None:
    """Answer what has no answer in the store yet.

    Batches are the same in every attempt and for any number of processes, and one that is not complete is answered
    whole: the answers are those of a run that was never interrupted.

    Args:
        engine: The model.
        tokenizer: Its tokenizer.
        suite: What to answer.
        key: Stream of random numbers and size of the batches.
        store: Where the answers go.
        share: The batches that are this process's.

    Raises:
        UnfitSuiteError: If the suite can't be put to this model.
        DivergedModelError: If the model's logits are not numbers.
    """
    questions = questions_of(suite, tokenizer)
    require_room(suite, questions, engine.room)
    decoding = decoding_of(suite)
    batches = batches_of(suite, questions, key.stream, key.batch_size)
    for batch in batches[share.index :: share.of]:
        if store.has(batch):
            continue
        store.permit.pause()
        started_s = time.perf_counter()
        completions = engine.complete(batch, decoding, key.stream)
        _require_all(batch, completions)
        store.add(f"answers-{share.index}", batch, completions, time.perf_counter() - started_s)


def graded(suite: Suite, store: AnswerStore) -> Iterator[ItemRecord]:
    """Grade the answers in the store, item by item in the order of the suite.

    Raises:
        GraderError: At the end, if the grader failed on most answers that it was given.
    """
    items = {item.id: item for item in suite.items}
    failed, given, example = 0, 0, ""
    with GraderProcess(suite.grader) as grader:
        answered = store.in_order(list(items))
        while chunk := list(islice(answered, CHUNK)):
            pairs = [(items[name], done.text) for name, answers in chunk for done in answers]
            verdicts = iter(grader.grade(pairs))
            for name, answers in chunk:
                own = [next(verdicts) for _ in answers]
                for verdict in own:
                    given += verdict.outcome != "empty"
                    if verdict.outcome == "error":
                        failed += 1
                        example = example or f"item {name!r}: {verdict.detail}"
                yield _record(items[name], answers, own)
    if failed > FAILING_SHARE * given:
        raise GraderError(suite.name, failed, given, example)


def _record(item: Item, answers: list[Completion], verdicts: list[Verdict]) -> ItemRecord:
    return ItemRecord(
        item=item.id,
        grades=tuple(verdict.correct for verdict in verdicts),
        outcomes=tuple(verdict.outcome for verdict in verdicts),
        answers=tuple(verdict.answer for verdict in verdicts),
        texts=tuple(done.text for done in answers),
        tokens=tuple(done.tokens for done in answers),
        truncated=tuple(done.truncated for done in answers),
    )


def _require_all(batch: list[Request], completions: list[Completion]) -> None:
    if len(completions) != len(batch):
        raise RuntimeError(f"the engine gave {len(completions)} answers to {len(batch)} requests")
