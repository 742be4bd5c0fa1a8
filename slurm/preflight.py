"""Trying a node out before hundreds of jobs are sent: a probe for each place that they would go to."""

from __future__ import annotations

import contextlib
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.cores import variables_set
from harness.store.paths import RunPaths
from slurm.code import CodeSnapshot
from slurm.commands import SlurmError, ask
from slurm.dispatch import Needs, submission_explained
from slurm.executor import Batch, Cluster, environment, make_executor, with_rest_of_path
from slurm.probe import Look, Probe
from slurm.profile import Profile
from slurm.requests import Request

if TYPE_CHECKING:
    import submitit

POLL_S = 0.5
"""Between looks for the probe's file."""
ASK_S = 5.0
"""Between questions to Slurm, which serves everybody."""
PATIENCE_S = 300.0
"""For a probe to start; a queue that is longer is no reason to believe that nodes are unfit."""
WRITING_S = 20.0
"""After its job is gone, for a file to be seen through a shared disk's cache."""
STATES = {
    **dict.fromkeys(("PENDING", "CONFIGURING", "REQUEUED"), "PENDING"),
    **dict.fromkeys(("RUNNING", "COMPLETING", "SUSPENDED"), "RUNNING"),
    **dict.fromkeys(("COMPLETED", ""), "OVER"),
}
"""Slurm's states; all others are deaths."""
CLOCK_S = 5.0
"""Clocks that differ by more are told; leases hold all the same."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Probed:
    """What a probe has found."""

    job: str
    host: str
    looks: tuple[Look, ...]
    clock_s: float
    """How far the node's clock is ahead of this one's, give or take the time that looking takes."""

    @property
    def unfit(self) -> tuple[Look, ...]:
        """Return what is not fine."""
        return tuple(look for look in self.looks if not look.fine)


def places(needs: Needs, profile: Profile) -> list[Request]:
    """Return what probes ask for: one for each different place that the jobs go to."""
    probe = profile.request("probe")
    own = profile.probe.model_dump(exclude_none=True)
    found: dict[Request, None] = {}
    for array in needs.arrays:
        request = replace(array.request, time_min=probe.time_min, at_once=1, nodes=1, tasks=1, save_s=None)
        found[replace(probe, nodes=1, tasks=1) if own else request] = None
    return list(found)


@dataclass(frozen=True, kw_only=True, slots=True)
class Preflight:
    """Sends probes of one run and waits for them."""

    run: RunPaths
    plan_name: str
    cluster: Cluster
    patience_s: float = PATIENCE_S
    tell: Callable[[str], None] = lambda _: None
    """Called with what it waits for, when that changes."""

    def probe(self, request: Request, snapshot: CodeSnapshot, cells: tuple[str, ...]) -> Probed:
        """Try one place out.

        Raises:
            SlurmError: If the probe can't be sent, doesn't start in time, or dies without a word.
        """
        name = uuid.uuid4().hex[:12]
        probe = Probe(
            run_root=str(self.run.root.absolute()),
            name=name,
            code=str(snapshot.folder),
            code_sha256=snapshot.sha256,
            gpus=request.gpus,
            cells=cells,
        )
        job = self._send(request, snapshot, probe)
        try:
            found, clock_s = self._wait(job, self.run.probe(name))
        except BaseException:
            with contextlib.suppress(Exception):
                job.cancel(check=False)
            raise
        looks = tuple(Look(**one) for one in found["looks"])
        return Probed(job=job.job_id, host=found["host"], looks=looks, clock_s=clock_s)

    def _send(self, request: Request, snapshot: CodeSnapshot, probe: Probe) -> submitit.Job[Any]:
        batch = Batch(
            name=f"{self.plan_name}-probe",
            comment="explorebench probe",
            folder=self.run.jobs.absolute(),
            code=snapshot.folder,
        )
        executor = make_executor(self.cluster, request, batch)
        variables = {**environment(request, snapshot.folder), "PYTHONPATH": with_rest_of_path(snapshot.folder)}
        with submission_explained(), variables_set(variables if self.cluster == "local" else {}):
            return executor.submit(probe)

    def _wait(self, job: submitit.Job[Any], path: Path) -> tuple[dict[str, Any], float]:
        """Return what the probe wrote, and how far its clock is ahead."""
        if self.cluster == "debug":
            job.result()
        started = time.monotonic()
        asked, over_since, said = -ASK_S, None, ""
        while True:
            looked = time.time()
            with contextlib.suppress(FileNotFoundError):
                found = json.loads(path.read_text(encoding="utf-8"))
                path.unlink()
                # It was written between the last look and this one.
                return found, _beyond(float(found["time"]), looked - POLL_S - 1, time.time())
            if time.monotonic() - asked >= ASK_S:
                asked = time.monotonic()
                state, reason = self._state(job)
                if state == "PENDING" and asked - started > self.patience_s:
                    raise SlurmError(
                        f"the probe (job {job.job_id}) hasn't started in {self.patience_s:g} s: {reason}; "
                        "nothing was sent. Type the same later, or with --no-preflight"
                    )
                if state in ("OVER", "DIED"):
                    over_since = asked if over_since is None else over_since
                    if state == "DIED" or asked - over_since > WRITING_S:
                        died = f"the probe (job {job.job_id}) died on its node; nothing was sent"
                        raise SlurmError(f"{died}. {_last_words(job)}")
                if (now := f"job {job.job_id} {state.lower()}{_because(reason)}") != said:
                    self.tell(now)
                    said = now
            time.sleep(POLL_S)

    def _state(self, job: submitit.Job[Any]) -> tuple[str, str]:
        """Return PENDING, RUNNING, OVER or DIED, and why it waits."""
        if self.cluster != "slurm":
            return ("OVER" if job.done() else "RUNNING"), ""
        try:
            line = ask("squeue", "--noheader", f"--jobs={job.job_id}", "--states=all", "--format=%T|%r").strip()
        except SlurmError as error:
            if "invalid job id" in str(error).lower():
                return "OVER", ""
            raise
        state, _, reason = line.partition("|")
        return STATES.get(state, "DIED"), reason


def _because(reason: str) -> str:
    return f" ({reason})" if reason not in ("", "None") else ""


def _beyond(value: float, low: float, high: float) -> float:
    """Return how far a time lies outside of those at which it must have been taken; 0 inside."""
    return value - high if value > high else min(0.0, value - low)


def _last_words(job: submitit.Job[Any]) -> str:
    """Return the end of what the job's process printed, and where the rest is."""
    text = (job.stderr() or "").strip().splitlines()
    said = f"It said: {text[-1][:300]}. " if text else "It said nothing: can the node write there? "
    return f"{said}See {job.paths.stderr}"
