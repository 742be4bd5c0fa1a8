"""What can go wrong in an evaluation, one error per boundary that is crossed: model, suite, grader, records."""

from __future__ import annotations

from pathlib import Path


class EvaluationError(Exception):
    """Base of all errors of this package; its text is one line that can be shown to a user."""


class UnfitSuiteError(EvaluationError):
    """A suite can't be put to this model: no items, repeated items, or prompts that the model can't read."""

    def __init__(self, suite: str, cause: str) -> None:
        super().__init__(suite, cause)
        self.suite = suite
        self.cause = cause

    def __str__(self) -> str:
        return f"suite {self.suite!r} can't be evaluated: {self.cause}"


class GraderError(EvaluationError):
    """A grader failed on so many answers that a score would be its, not the model's."""

    def __init__(self, suite: str, failed: int, graded: int, example: str) -> None:
        super().__init__(suite, failed, graded, example)
        self.suite = suite
        self.failed = failed
        self.graded = graded
        self.example = example

    def __str__(self) -> str:
        return (
            f"the grader of suite {self.suite!r} failed on {self.failed} of {self.graded} answers, such as "
            f"{self.example}; the answers are kept, and graded when the grader is mended"
        )


class RecordsError(EvaluationError):
    """A file of records can't be read, or its columns are not those that this version writes."""

    def __init__(self, path: Path, cause: str) -> None:
        super().__init__(path, cause)
        self.path = path
        self.cause = cause

    def __str__(self) -> str:
        return (
            f"can't read the records in {self.path}: {self.cause}; take the file away and queue the plan again to make "
            "it anew"
        )


class EngineError(EvaluationError):
    """An engine isn't there, or doesn't do what is asked of it."""


class DivergedModelError(EvaluationError):
    """The model's logits are not numbers, so nothing can be sampled from it."""

    def __str__(self) -> str:
        return "the model's logits are NaN or infinite: its training diverged before this checkpoint"
