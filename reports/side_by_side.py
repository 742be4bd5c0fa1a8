"""The same work on many things, on all cores of this machine."""

from __future__ import annotations

import gc
import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any, TypeVar

Thing = TypeVar("Thing")
Made = TypeVar("Made")


def side_by_side(work: Callable[[Thing], Made], things: Sequence[Thing]) -> list[Made]:
    """Return `work` of each thing, in their order; what `work` raises is raised here.

    The processes are forks of this one, so that they see all that it has read: only what is made travels. With one
    core, one thing, or no fork, all is done here.
    """
    workers = min(_cores(), len(things))
    if workers < 2 or "fork" not in multiprocessing.get_all_start_methods():
        return [work(thing) for thing in things]
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(work, things)) as pool:
        return list(pool.map(_do, range(len(things))))


_task: tuple[Callable[[Any], Any], Sequence[Any]]
"""In a worker: what it does, and to what."""


def _begin(work: Callable[[Any], Any], things: Sequence[Any]) -> None:
    global _task  # noqa: PLW0603  # a worker has one task in its life, and arguments would have to be pickled
    _task = (work, things)
    gc.freeze()  # what the parent has read is no garbage: looking through it would copy every page of it


def _do(place: int) -> Any:
    work, things = _task
    return work(things[place])


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
