"""The name of every file a run writes, in one place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class CellPaths:
    """The folder of one cell: one writer at a time, any number of readers."""

    root: Path

    @property
    def identity(self) -> Path:
        """What the cell is (arm, seed, everything its hash covers) and the fingerprint of where it ran."""
        return self.root / "cell.json"

    @property
    def wish(self) -> Path:
        """What a user wants of the cell beyond the plan: see `harness.store.wishes`."""
        return self.root / "wish.json"

    @property
    def attempts(self) -> Path:
        """The folder of attempts."""
        return self.root / "attempts"

    def attempt(self, number: int) -> Path:
        """One start of the cell: host, process, start, end, outcome, last event."""
        return self.attempts / f"{number:03d}.json"

    def lease(self, number: int) -> Path:
        """Empty; while it is there, the attempt of that number may write. Its time is the last sign of life."""
        return self.attempts / f"{number:03d}.lease"

    def log(self, number: int) -> Path:
        """What the process of one attempt printed."""
        return self.attempts / f"{number:03d}.log"

    @property
    def server(self) -> Path:
        """Where the server answers that writes the cell's rollouts, while it is up."""
        return self.root / "server.json"

    def server_log(self, number: int) -> Path:
        """What the server of one attempt printed."""
        return self.attempts / f"{number:03d}.server.log"

    def last_words(self, number: int) -> Path:
        """Why one attempt was about to be ended in the middle of a step, for the next one, which closes it."""
        return self.attempts / f"{number:03d}.last.json"

    def lost_rank(self, number: int, rank: int) -> Path:
        """Why one rank of an attempt had to give up, for the first one, which writes the attempt."""
        return self.attempts / f"{number:03d}.rank{rank}.json"

    @property
    def train(self) -> Path:
        """One JSON line per optimizer step."""
        return self.root / "train.jsonl"

    @property
    def paths(self) -> Path:
        """One JSON line per looked-at step: candidates as the strategy ranked them."""
        return self.root / "paths.jsonl"

    @property
    def cosines(self) -> Path:
        """One JSON line per looked-at step: how the cosines that the strategy or a watch saw are spread."""
        return self.root / "cosines.jsonl"

    @property
    def ledger(self) -> Path:
        """One JSON line per step, phase and part: compute used."""
        return self.root / "ledger.jsonl"

    @property
    def checkpoints(self) -> Path:
        """The folder of sealed checkpoints."""
        return self.root / "checkpoints"

    def checkpoint(self, index: int) -> Path:
        """A sealed checkpoint; 0 is the start of training and is not stored here."""
        return self.checkpoints / f"{index:04d}"

    @property
    def resumable(self) -> Path:
        """The folder of states between two sealed checkpoints that an interrupted attempt left; none is evaluated."""
        return self.root / "resumable"

    def resumable_at(self, step: int) -> Path:
        """The state after an optimizer step."""
        return self.resumable / f"{step:08d}"

    @property
    def scratch(self) -> Path:
        """The folder of what trainers write before sealing; may be deleted whenever the cell is not running."""
        return self.root / "scratch"

    def scratch_of(self, number: int) -> Path:
        """That of one attempt: one that was overtaken must not touch what its successor writes."""
        return self.scratch / f"{number:03d}"

    @property
    def records(self) -> Path:
        """The folder of evaluation records."""
        return self.root / "records"

    def record(self, checkpoint: int, suite: str) -> Path:
        """The records of one checkpoint on one suite."""
        return self.records / f"{checkpoint:04d}-{suite}.parquet"

    def answers(self, checkpoint: int, suite: str) -> Path:
        """The folder of answers that are not all there, or not graded yet."""
        return self.records / f"{checkpoint:04d}-{suite}.answers"


@dataclass(frozen=True, slots=True)
class RunPaths:
    """The folder of one plan's run."""

    root: Path

    @property
    def plan(self) -> Path:
        """The plan as the user gave it."""
        return self.root / "plan.yaml"

    @property
    def resolved(self) -> Path:
        """The plan with every default filled in, every arm and cell spelled out, and all hashes."""
        return self.root / "plan.resolved.json"

    @property
    def tuning(self) -> Path:
        """Which parameters the trials of each tuned arm have chosen, and why."""
        return self.root / "tuning.json"

    @property
    def cells(self) -> Path:
        """The folder of cells, trials among them."""
        return self.root / "cells"

    @property
    def accounting(self) -> Path:
        """What the scheduler counted for the jobs of the run's attempts, by job."""
        return self.root / "accounting.json"

    @property
    def jobs(self) -> Path:
        """Where a scheduler keeps what it needs: scripts, pickles and the output of jobs."""
        return self.root / "jobs"

    def kept(self, name: str) -> Path:
        """What reports have read of all cells, as a table that spares the next one the reading; may be deleted."""
        return self.root / "kept" / f"{name}.arrow"

    @property
    def profile(self) -> Path:
        """What the jobs of the run were last queued with: what they ask a cluster for."""
        return self.root / "cluster.yaml"

    @property
    def dry_run(self) -> Path:
        """The scripts that would be sent to a scheduler, to look at."""
        return self.jobs / "dry-run"

    @property
    def submitting(self) -> Path:
        """Locked by whoever is sending jobs."""
        return self.jobs / "submitting.lock"

    def probe(self, name: str) -> Path:
        """What a probe has found on a compute node."""
        return self.jobs / "probes" / f"{name}.json"

    def code(self, sha256: str) -> Path:
        """A snapshot of the code that jobs run from; one of other code stands beside it."""
        return self.root / "code" / sha256[:16]

    def environment(self, sha256: str) -> Path:
        """The Python and the packages that jobs were queued with."""
        return self.root / "environments" / f"{sha256[:16]}.json"

    @property
    def submitted(self) -> Path:
        """One JSON line per job that was sent: which cell and stage it is for."""
        return self.jobs / "submitted.jsonl"

    def questions(self, suite: str, sha256: str) -> Path:
        """What the items of a suite ask."""
        return self.root / "questions" / f"{suite}-{sha256[:12]}.json"

    def cell(self, cell_id: str) -> CellPaths:
        """The files of one cell."""
        return CellPaths(self.cells / cell_id)
