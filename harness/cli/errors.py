"""What a user sees when something is wrong: one line a problem, exit code 2."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from harness.errors import PlanError, StoreError

MISUSE = 2


@contextmanager
def explained(*others: type[Exception]) -> Iterator[None]:
    """Print the problems of a plan or a run folder, or those of the `others` kinds, and exit with code 2."""
    kinds: tuple[type[Exception], ...] = (PlanError, StoreError, *others)
    try:
        yield
    except kinds as error:
        problems = getattr(error, "problems", None) or [str(error)]
        for problem in problems:
            click.echo(f"error: {problem}", err=True)
        sys.exit(MISUSE)
