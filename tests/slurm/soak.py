"""Twenty cells on four nodes while faults befall the cluster at random: `python -m tests.slurm.soak`.

Nobody helps but as on a real cluster: an administrator takes back nodes and lets go jobs that Slurm holds, and the user
types `explorebench queue` every now and then. In the end each cell must have the records of a run left alone.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import click

from harness.store.atomic import read_lines
from harness.store.attempts import is_lost, read_attempts, read_resumes
from harness.store.paths import CellPaths, RunPaths
from harness.store.status import read_cells
from tests.conftest import record_hashes
from tests.harness.training.test_resuming import require_reconciled
from tests.slurm.cluster.faults import FaultyCluster
from tests.slurm.patient import install

PLAN = """
name: soak
arms: [patient]
controls: false
baseline: patient
seeds: {seeds}
budget: {{steps: {steps}}}
checkpoints: 4
training: {{prompts_per_step: 2, group_size: 4, pool: 64}}
suites: [{{sorting: {{samples: 1}}}}]
limits: {{attempts: 200}}
"""
PROFILE = "memory: 2G\ntime: 60\ncpus: 1\npartition: low\nat_once: {at_once}\n"
AT_ONCE = 8
TYPED_EACH_S = 45.0
PAUSES_S = (2.0, 8.0)
"""Between two faults."""
OUTAGES_S = (2.0, 12.0)
"""Of a node, a slurmd or accounting."""


class Job(NamedTuple):
    """One that runs."""

    number: str
    node: str


@dataclass(kw_only=True)
class Soak:
    """A run on a cluster, and what befell it."""

    cluster: FaultyCluster
    folder: Path
    random: random.Random
    path: str
    """PYTHONPATH of what is typed."""
    befell: Counter[str] = field(default_factory=Counter)
    _typed: float = 0.0

    @property
    def run(self) -> RunPaths:
        return RunPaths(self.folder / "runs" / "soak")

    def explorebench(self, *words: str, pause_s: float = 0.0) -> subprocess.CompletedProcess[str]:
        """Type a command in the run's folder."""
        return subprocess.run(
            [str(Path(sys.executable).with_name("explorebench")), *words],
            cwd=self.folder, env=self.cluster.environ(PATIENT_S=str(pause_s), PYTHONPATH=self.path),
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    def queue(self, pause_s: float) -> None:
        """Send what is missing and not in the queue, failed cells too: a killed process is a failure like another."""
        done = self.explorebench(
            "queue", "plan.yaml", "--on", "slurm", "--no-preflight", "--retry-failed", pause_s=pause_s
        )
        if done.returncode:
            raise AssertionError(f"queue: exit code {done.returncode}\n{done.stdout}{done.stderr}")
        self._typed = time.monotonic()

    def jobs(self) -> list[Job]:
        """Return what runs."""
        rows = self.cluster.command("squeue", "-h", "-r", "-t", "R", "-p", "low", "-o", "%A %N").splitlines()
        return [Job(*row.split()) for row in rows if len(row.split()) == 2]

    def suffer(self, seconds: float, pause_s: float) -> None:
        """Have one fault after the other befall the cluster for so long."""
        until = time.monotonic() + seconds
        faults: list[Callable[[], None]] = [
            self.requeued, self.preempted, self.cancelled, self.killed, self.node_dead, self.slurmd_dead,
            self.controller_dead, self.accounting_away, self.clock_wrong,
        ]  # fmt: skip
        while time.monotonic() < until:
            fault = self.random.choice(faults)
            if fault in faults[:4] and not self.jobs():
                fault = self.controller_dead
            fault()
            self.befell[fault.__name__.replace("_", " ")] += 1
            self.mend()
            if time.monotonic() - self._typed > TYPED_EACH_S:
                self.queue(pause_s)
            time.sleep(self.random.uniform(*PAUSES_S))

    def finish(self, seconds: float) -> None:
        """Leave the cluster alone, and type `queue` until all is done."""
        until = time.monotonic() + seconds
        self.cluster.set_clock("node3", 0)
        while any(cell.state != "done" for cell in read_cells(self.run)):
            if time.monotonic() > until:
                left = [
                    f"{cell.id}: {cell.state}, {cell.cause}" for cell in read_cells(self.run) if cell.state != "done"
                ]
                raise AssertionError("\n".join([f"not done after {seconds:g} s:", *left, self.cluster.explain()]))
            self.mend()
            self.queue(0.0)
            time.sleep(5)

    def mend(self) -> None:
        """Do what an administrator does: take back nodes that Slurm has drained, let go jobs that it holds."""
        for node, state in self.cluster.node_states().items():
            if state.startswith(("drain", "down")):
                self.cluster.command("scontrol", "update", f"NodeName={node}", "State=RESUME")
        for row in self.cluster.command("squeue", "-h", "-r", "-t", "PD", "-o", "%A|%r").splitlines():
            number, _, reason = row.partition("|")
            if "held" in reason:
                self.cluster.command("scontrol", "release", number)
                self.befell["job held by Slurm"] += 1

    def requeued(self) -> None:
        self._if_it_still_runs(self.cluster.requeue)

    def preempted(self) -> None:
        self._if_it_still_runs(self.cluster.preempt)

    def cancelled(self) -> None:
        self._if_it_still_runs(self.cluster.scancel)

    def killed(self) -> None:
        """Kill the process of a cell, as the kernel does when memory is short."""
        self._if_it_still_runs(lambda job: self.cluster.scancel(job, "--signal=KILL"))

    def node_dead(self) -> None:
        node = self.random.choice(self.cluster.nodes)
        self.cluster.kill_node(node)
        self.cluster.notice(node)
        self._outage()
        self.cluster.start_node(node)

    def slurmd_dead(self) -> None:
        node = self.random.choice(self.cluster.nodes)
        self.cluster.kill_slurmd(node)
        self._outage()
        self.cluster.start_slurmd(node)

    def controller_dead(self) -> None:
        self.cluster.kill_controller()
        self._outage()
        self.cluster.start_controller()

    def accounting_away(self) -> None:
        self.cluster.stop_accounting()
        self._outage()
        self.cluster.start_accounting()

    def clock_wrong(self) -> None:
        self.cluster.set_clock("node3", self.random.choice((-3600, 0, 3600)))

    def _outage(self) -> None:
        time.sleep(self.random.uniform(*OUTAGES_S))

    def _if_it_still_runs(self, hurt: Callable[[str], None]) -> None:
        job = self.random.choice(self.jobs()).number
        try:
            hurt(job)
        except (RuntimeError, ValueError, AssertionError) as error:
            print(f"  job {job} was gone: {str(error).splitlines()[0]}", flush=True)


class Account(NamedTuple):
    """What one cell went through."""

    attempts: int
    causes: list[str]
    lost_steps: int


def account_of(paths: CellPaths, steps: int) -> Account:
    """Return what a cell went through; raise AssertionError if a step doesn't count exactly once."""
    made, resumes, lines = read_attempts(paths), read_resumes(paths), read_lines(paths.train)
    kept = [line["step"] for line in lines if not is_lost(line["attempt"], line["step"], resumes)]
    assert kept == list(range(1, steps + 1)), f"{paths.root}: steps {kept}"
    assert [one.outcome for one in made].count("done") == 1, f"{paths.root}: not done once"
    assert made[-1].outcome == "done"
    require_reconciled(paths)
    return Account(len(made), [one.cause["kind"] for one in made if one.cause], len(lines) - len(kept))


def soak(cluster: FaultyCluster, *, cells: int, seconds: float, steps: int, pause_s: float, seed: int) -> list[Account]:
    """Run cells through it all, and return what each went through.

    Args:
        cluster: Is hurt.
        cells: How many; half of them train.
        seconds: For which faults come.
        steps: Of each training.
        pause_s: After each step, so that there is something to hurt.
        seed: Of the faults.

    Raises:
        AssertionError: If a cell isn't done, is done twice, has lost anything, or has other records than it should.
    """
    folder = cluster.shared / "soak"
    folder.mkdir()
    path = os.pathsep.join([str(install(folder / "site")), str(Path(__file__).parents[2])])
    (folder / "plan.yaml").write_text(PLAN.format(seeds=cells // 2, steps=steps))
    (folder / "cluster.yaml").write_text(PROFILE.format(at_once=AT_ONCE))
    one = Soak(cluster=cluster, folder=folder, random=random.Random(seed), path=path)
    one.queue(pause_s)
    one.suffer(seconds, pause_s)
    print(f"{sum(one.befell.values())} faults: {', '.join(f'{n} x {what}' for what, n in one.befell.most_common())}")
    one.finish(900)
    accounts = [account_of(one.run.cell(cell.id), steps) for cell in read_cells(one.run) if cell.arm == "patient"]
    calm = one.explorebench("queue", "plan.yaml", "--runs", "calm", "--workers", "2")
    assert calm.returncode == 0, calm.stdout + calm.stderr
    assert record_hashes(one.run.root) == record_hashes(folder / "calm" / "soak")
    return accounts


@click.command(help=__doc__)
@click.option("--cells", default=20, show_default=True)
@click.option("--minutes", default=10.0, show_default=True)
@click.option("--steps", default=60, show_default=True)
@click.option("--pause", default=3.0, show_default=True, help="Seconds after each step.")
@click.option("--seed", default=0, show_default=True)
def main(cells: int, minutes: float, steps: int, pause: float, seed: int) -> None:
    cluster = FaultyCluster.start(f"soak-{os.getpid()}")
    try:
        found = soak(cluster, cells=cells, seconds=60 * minutes, steps=steps, pause_s=pause, seed=seed)
    finally:
        cluster.stop()
    causes = Counter(cause for one in found for cause in one.causes)
    attempts = [one.attempts for one in found]
    print(f"{cells} cells done, records as those of a run left alone; each step counts once, ledgers reconcile")
    print(f"attempts a trained cell: {min(attempts)} to {max(attempts)}, {sum(attempts)} in all")
    print(f"ended by: {', '.join(f'{n} x {cause}' for cause, n in causes.most_common())}")
    print(f"steps taken again: {sum(one.lost_steps for one in found)} of {steps * len(found)}")


if __name__ == "__main__":
    main()
