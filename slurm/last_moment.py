"""A job whose time limit comes in the middle of a long step: it is queued again while it can still ask for that.

Slurm ends a job at its limit for good. A step may take longer than the warning that comes before, and then nothing can
be saved; but what was sealed is there, and the next run of the job goes on from it.
"""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime

from harness.store.atomic import write_json
from harness.store.attempts import Attempt, Cause, read_last
from harness.store.paths import CellPaths
from slurm.accounting import seconds_of
from slurm.again import queue_again
from slurm.commands import SlurmError
from slurm.notices import Notices, shown_job

NAME = "last-moment"
"""Of the thread that watches."""
LOOK_S = 1.0
ASK_AGAIN_S = 5.0
MARGIN_S = 20.0
"""Before the limit, for Slurm to hear of it; at most a third of what is left when the job is told."""


@contextmanager
def queued_in_time(paths: CellPaths, notices: Notices) -> Iterator[None]:
    """Have the job queued again just before its time limit if the block, once told of it, goes on until then.

    Args:
        paths: The cell that is worked on; why its attempt ended so is left there.
        notices: The signals that the job has got.
    """
    job, over = os.environ.get("SLURM_JOB_ID"), threading.Event()
    if job is None or os.environ.get("SLURM_PROCID", "0") != "0":
        yield
        return
    threading.Thread(target=_watch, args=(paths, notices, job, over), name=NAME, daemon=True).start()
    try:
        yield
    finally:
        over.set()  # nobody waits for it: it may be asking Slurm


def seconds_left(shown: dict[str, str]) -> float | None:
    """Return how long a job may still run by what `scontrol show job` says of it; None if there is no limit.

    All three times are the controller's, so no clock of a node is compared with its.
    """
    try:
        start, end = (datetime.fromisoformat(shown[name]).timestamp() for name in ("StartTime", "EndTime"))
        return end - start - float(seconds_of(shown["RunTime"]) or 0)
    except (KeyError, ValueError):
        return None


def last_words(paths: CellPaths, attempt: Attempt) -> Cause | None:
    """Return why an attempt was about to be ended, if it left word of that."""
    try:
        said: Cause = json.loads(paths.last_words(attempt.attempt).read_text(encoding="utf-8"))
        return {"kind": said["kind"], "message": said["message"]}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _watch(paths: CellPaths, notices: Notices, job: str, over: threading.Event) -> None:
    while signal.SIGUSR2 not in notices.heard:
        if over.wait(LOOK_S):
            return
    cause = notices.stop()
    if cause is None or cause.kind != "time limit":
        return  # Slurm queues it again by itself
    left = _time_left(job, over)
    if left is not None and not over.wait(max(0.0, left - min(MARGIN_S, left / 3))):
        _leave(paths, notices, job, f"{cause.message}; a step was longer than the {left:.0f} s that were left then")


def _time_left(job: str, over: threading.Event) -> float | None:
    """Return how long Slurm lets a job run, as soon as it says; None if the work is over before."""
    while True:
        with suppress(SlurmError):
            left = seconds_left(shown_job(job))
            if left is not None:
                return left
        if over.wait(ASK_AGAIN_S):
            return None


def _leave(paths: CellPaths, notices: Notices, job: str, message: str) -> None:
    attempt, _ = read_last(paths)
    if attempt is None or attempt.job != job or attempt.ended is not None:
        return
    said: Cause = {"kind": "time limit", "message": f"{message}, so what came after the last checkpoint is lost"}
    write_json(paths.last_words(attempt.attempt), said)
    print(f"attempt {attempt.attempt}: {said['message']}", flush=True)
    with suppress(SystemExit):  # it would end this thread alone; the process is ended by Slurm
        queue_again(notices)
