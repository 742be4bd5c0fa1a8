"""What a user sees when something is wrong: one line a problem, which nothing in it acts from, and exit code 2."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from harness.errors import PlanError, StoreError
from harness.store.visible import one_line

MISUSE = 2


@contextmanager
def explained(*others: type[Exception], code: int = MISUSE) -> Iterator[None]:
    """Print the problems of a plan, a run folder or a file, or those of the `others` kinds, and exit with `code`."""
    kinds: tuple[type[Exception], ...] = (PlanError, StoreError, OSError, *others)
    try:
        yield
    except kinds as error:
        problems = getattr(error, "problems", None) or [_text(error)]
        for problem in problems:
            click.echo(f"error: {one_line(problem)}", err=True)
        sys.exit(code)


def _text(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}; look at what is there, and at its permissions"
    return str(error)
