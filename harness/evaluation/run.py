"""Evaluating a checkpoint on a suite: load, sample, grade, record, count."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.evaluation.draws import stream_name
from harness.evaluation.errors import GraderError, UnfitSuiteError
from harness.evaluation.records import ItemRecord
from harness.evaluation.settings import EvaluationSettings
from harness.models import load_model, load_tokenizer
from suites.contract import Grade, Grader, Item, Suite


@dataclass(frozen=True, kw_only=True, slots=True)
class EvaluationCost:
    """What an evaluation used."""

    prompt_tokens: int
    """Prompt tokens that the model read; the samples of an item in one batch share one reading."""
    generated_tokens: int
    """Tokens of all answers, end-of-text included."""
    device_seconds: float
    """Seconds that generating held the model's device."""
    wall_s: float
    """Seconds in all: generating, lm-eval and graders, without loading the model."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """What one checkpoint did on one suite."""

    records: tuple[ItemRecord, ...]
    """One per item, in the order of the suite."""
    cost: EvaluationCost


def evaluate_checkpoint(
    model_path: Path, suite: Suite, settings: EvaluationSettings, *, device: str | None = None
) -> Evaluation:
    """Load a sealed model and evaluate it on one suite.

    Args:
        model_path: Folder of the model and its tokenizer.
        suite: What to evaluate on.
        settings: How to sample.
        device: Where the model goes; a GPU if there is one, else the CPU, if None.

    Raises:
        ModelLoadError: If the model can't be loaded.
        EvaluationError: As `evaluate`.
    """
    return evaluate(load_model(model_path, device=device), load_tokenizer(model_path), suite, settings)


def evaluate(model: Any, tokenizer: Any, suite: Suite, settings: EvaluationSettings) -> Evaluation:
    """Evaluate a loaded model on one suite; model, generators and loggers are left as they were.

    The draws hang on `settings.seed` and the suite alone: not on what was evaluated before, nor on training.

    Args:
        model: A causal model of transformers, in any mode, on any device.
        tokenizer: Its tokenizer.
        suite: What to evaluate on.
        settings: How to sample.

    Raises:
        UnfitSuiteError: If the suite is empty, repeats an item, or has prompts that the model can't read.
        GraderError: If the grader raises or returns no grade.
        DivergedModelError: If the model's logits are not numbers.
    """
    from harness.evaluation.policy import PolicyLM, run_task
    from harness.isolation import generators_kept, inference, quiet
    from suites.tasks import SuiteTask

    _check(suite)
    _wait_for(model)
    started_s = time.perf_counter()
    guarded = replace(suite, grader=_guarded(suite))
    task = SuiteTask(guarded, samples=settings.samples, temperature=settings.temperature, top_p=settings.top_p)
    policy = PolicyLM(
        model,
        tokenizer,
        stream=stream_name(settings.seed, suite.sha256),
        batch_size=settings.batch_size,
    )
    with generators_kept(settings.seed, model.device), inference(model), quiet("lm_eval"):
        records = tuple(_record(row) for row in run_task(policy, task))
    cost = EvaluationCost(
        prompt_tokens=policy.prompt_tokens,
        generated_tokens=sum(sum(record.tokens) for record in records),
        device_seconds=policy.generation_s,
        wall_s=time.perf_counter() - started_s,
    )
    return Evaluation(records=records, cost=cost)


def _record(row: dict[str, Any]) -> ItemRecord:
    """Return the record of one item from lm-eval's log of it."""
    (texts,) = row["resps"]
    grades: Sequence[Grade] = row["grades"]
    return ItemRecord(
        item=row["doc"]["id"],
        grades=tuple(grade.correct for grade in grades),
        answers=tuple(grade.answer for grade in grades),
        texts=tuple(str(text) for text in texts),
        tokens=tuple(text.tokens for text in texts),
        truncated=tuple(text.truncated for text in texts),
    )


def _guarded(suite: Suite) -> Grader:
    """Return the suite's grader with its failures turned into `GraderError`."""

    def grade(item: Item, text: str) -> Grade:
        try:
            correct, answer = suite.grader(item, text)
        except Exception as error:  # graders are others' code: any failure is theirs, and named so
            raise GraderError(suite.name, item.id, f"{type(error).__name__}: {error}") from error
        if not (answer is None or isinstance(answer, str)):
            raise GraderError(suite.name, item.id, f"its answer is {answer!r}, expected a text or None")
        return Grade(bool(correct), answer)

    return grade


def _check(suite: Suite) -> None:
    """Refuse a suite whose records could not be told apart."""
    ids = [item.id for item in suite.items]
    if not ids:
        raise UnfitSuiteError(suite.name, "it has no items")
    if len(set(ids)) < len(ids):
        repeated = sorted({item for item in ids if ids.count(item) > 1})
        raise UnfitSuiteError(suite.name, f"item ids must be unique, repeated: {', '.join(repeated[:5])}")


def _wait_for(model: Any) -> None:
    """Let work that training has queued on a GPU finish, so that it isn't counted as evaluation."""
    if model.device.type == "cuda":
        import torch

        torch.cuda.synchronize(model.device)
