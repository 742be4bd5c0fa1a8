"""Suites and training tasks by name: those of this package, and those that other packages register.

Another package adds a suite through the entry-point group ``explorebench.suites`` (a callable without arguments that
returns a `Suite`; the entry's name is the suite's) and a training task through ``explorebench.training_tasks``
(likewise, a `TrainingTask`).
"""

from __future__ import annotations

from functools import partial
from importlib.metadata import EntryPoint, entry_points
from typing import TypeVar

from suites.catalog import FROZEN, TRAINING_TASKS
from suites.contract import Suite, TrainingTask
from suites.errors import SuiteError, lookup
from suites.frozen.store import load_frozen

SUITE_GROUP = "explorebench.suites"
TASK_GROUP = "explorebench.training_tasks"

T = TypeVar("T")


def suite_names() -> list[str]:
    """Return the names of all suites: those of this package first, then the registered ones, sorted."""
    return [*FROZEN, *sorted(_registered(SUITE_GROUP).keys() - FROZEN.keys())]


def load_suite(name: str) -> Suite:
    """Return a suite, its hash checked.

    Raises:
        SuiteError: If there is no such suite, its frozen items are not what they were, or the package that
            registered it can't make it.
    """
    own = {known: partial(load_frozen, known) for known in FROZEN}
    others = {
        known: partial(_call, entry, Suite) for known, entry in _registered(SUITE_GROUP).items() if known not in own
    }
    return lookup({**own, **others}, name, "suite")()


def training_task_names() -> list[str]:
    """Return the names of all training tasks: those of this package first, then the registered ones, sorted."""
    return [*TRAINING_TASKS, *sorted(_registered(TASK_GROUP).keys() - TRAINING_TASKS.keys())]


def training_task(name: str) -> TrainingTask:
    """Return a training task.

    Raises:
        SuiteError: If there is no such task, or the package that registered it can't make it.
    """
    if name in TRAINING_TASKS:
        return TRAINING_TASKS[name]
    others = _registered(TASK_GROUP)
    lookup({**TRAINING_TASKS, **others}, name, "training task")
    return _call(others[name], TrainingTask)


def _registered(group: str) -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=group)}


def _call(entry: EntryPoint, expected: type[T]) -> T:
    """Make what an entry point stands for; whatever goes wrong in the other package becomes a SuiteError."""
    try:
        made = entry.load()()
    except Exception as error:
        raise SuiteError(
            f"entry point {entry.name!r} ({entry.value}) failed: {type(error).__name__}: {error}; "
            "mend or uninstall the package that registers it"
        ) from error
    if not isinstance(made, expected):
        raise SuiteError(
            f"entry point {entry.name!r} ({entry.value}) returned {type(made).__name__}, expected {expected.__name__}"
        )
    return made
