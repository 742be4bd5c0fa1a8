"""What goes wrong on a cluster, done to it for real."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.slurm.cluster import daemons, machines
from tests.slurm.cluster.cluster import WELL, Cluster
from tests.slurm.cluster.layout import CONTROLLER
from tests.slurm.cluster.packages import fake_clock

PARTITIONS = ("main", "low", "abrupt", "high")
LAST = "the-last-to-be-saved"
"""The name of a job that shows that all jobs before it are saved."""


class FaultyCluster(Cluster):
    """A cluster that can be hurt."""

    def kill_node(self, node: str) -> None:
        """Kill a node as a power failure does: slurmd, its jobs and all else on it, at once.

        The controller sees it when the node has not answered for some 15 to 30 s, and requeues its jobs then; `notice`
        tells it at once. `start_node` switches the node on again.
        """
        machines.switch_off(self.layout, node)

    @property
    def dead(self) -> tuple[str, ...]:
        """Return the nodes that are killed; until the controller has seen it, it goes on sending jobs to them."""
        alive = {name for _, name in machines.machines(self.layout)}
        return tuple(node for node in self.nodes if node not in alive)

    def notice(self, node: str) -> None:
        """Have the controller know now that a node is down, as an administrator would."""
        self.command("scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=died")

    def start_node(self, node: str) -> None:
        """Switch on a node that was killed, and wait until it takes jobs.

        It gets none before the controller has told it to end those that it had: Slurm tells by number, and would end a
        job that has been requeued and started there again.
        """
        self.command("scontrol", "update", f"NodeName={node}", "State=DRAIN", "Reason=returns")
        self.boot(node)
        self.wait_for(f"{node} to answer", lambda: self.node_states()[node] == "drained")
        idle = re.compile(r"^Agent queue size: +0$\n^Agent count: +0$", re.MULTILINE)
        self.wait_for("the controller's messages to arrive", lambda: idle.search(self.command("sdiag")))
        self.command("scontrol", "update", f"NodeName={node}", "State=RESUME")
        self.wait_until_node_is_well(node)

    def kill_slurmd(self, node: str) -> None:
        """Kill slurmd alone: the jobs of the node go on."""
        self.end(f"slurmd-{node}", node)

    def start_slurmd(self, node: str) -> None:
        """Start slurmd on a node that is on, and wait until it takes jobs."""
        daemons.start_node(self.layout, node)
        self.wait_until_node_is_well(node)

    def wait_until_node_is_well(self, node: str) -> None:
        """Wait until a node answers; one that was taken to be down is taken back."""
        self.wait_for(f"{node} to be well", lambda: self.node_states()[node] in WELL)

    def restart_controller(self, *, forget: bool = False) -> None:
        """Kill slurmctld and start it again.

        Args:
            forget: Don't wait until all jobs are saved first: what changed in the last 5 s may be lost, jobs among it.
        """
        self.kill_controller(forget=forget)
        self.start_controller()

    def kill_controller(self, *, forget: bool = False) -> None:
        """Kill slurmctld, when all jobs are saved: no command of Slurm but sacct and sacctmgr answers.

        None may start between that and the end: the next controller would not know it, start it a second time on the
        same node, and drain that ("Duplicate jobid").
        """
        if not forget:
            self.open_partitions(False)
            self.wait_until_saved()
        self.end("slurmctld")

    def wait_until_saved(self) -> None:
        """Wait until the controller has saved all jobs as they are now, which it does within 5 s of a change.

        They are when a job is that comes after them: it is held, and cancelled then.
        """
        token = f"saved-{time.monotonic_ns()}"
        self.submit("true", "--hold", f"--job-name={LAST}", f"--comment={token}")
        saved = self.layout.state / "job_state"
        self.wait_for("all jobs to be saved", lambda: saved.exists() and token.encode() in saved.read_bytes())
        self.command("scancel", f"--name={LAST}")

    def start_controller(self) -> None:
        """Start slurmctld and wait until it answers."""
        daemons.start_controller(self.layout)
        self.command("scancel", f"--name={LAST}")  # that it was cancelled may have been forgotten
        self.open_partitions(True)

    def open_partitions(self, opened: bool) -> None:
        """Let jobs start, or only wait."""
        for partition in PARTITIONS:
            self.command("scontrol", "update", f"PartitionName={partition}", f"State={'UP' if opened else 'DOWN'}")

    def stop_accounting(self) -> None:
        """Stop slurmdbd: sacct fails, jobs go on."""
        self.end("slurmdbd", number=signal.SIGTERM)

    def start_accounting(self) -> None:
        """Start slurmdbd and wait until it answers."""
        daemons.start_accounting(self.layout)

    def requeue(self, job: str) -> None:
        """Requeue a running job, as its user or an administrator would."""
        self.command("scontrol", "requeue", job)

    def scancel(self, job: str, *options: str) -> None:
        """Cancel a job."""
        self.command("scancel", *options, job)

    def preempt(self, job: str) -> None:
        """Push a running job of `low` or `abrupt` off its nodes by one of `high`, and give the nodes back then.

        All other jobs there that can be preempted are pushed out too.
        """
        before = self.job(job)
        if before["JobState"] != "RUNNING" or before["Partition"] not in ("low", "abrupt"):
            raise ValueError(f"job {job} is {before['JobState']} in {before['Partition']}: "
                             "only a running job of low or abrupt can be preempted")  # fmt: skip
        other = self.submit("sleep 3600", "--partition=high", "--exclusive", f"--nodes={before['NumNodes']}",
                            f"--nodelist={before['NodeList']}", "--job-name=preempts")  # fmt: skip
        try:
            self.wait_for_state(other, "RUNNING")
        finally:
            self.scancel(other)

    def kill_processes(self, node: str, words: str) -> None:
        """Kill what runs on a node with these words in its command line, as the kernel does when memory is short."""
        machines.execute(self.layout, node, ["pkill", "-KILL", "-f", words])

    def end_in(self, job: str, seconds: int) -> None:
        """Move the time limit of a running job: it comes in so many seconds.

        Slurm looks at time limits each 30 s, and at `--signal` with them.
        """
        self.command("scontrol", "update", f"JobId={job}", f"EndTime=now+{seconds}seconds")

    def set_clock(self, node: str, seconds: int) -> None:
        """Restart slurmd with its clock off by so many seconds; jobs that start there from now on have that clock.

        0 sets it right. Clocks that measure time passed are left alone.
        """
        clock = self.layout.clocks / node
        if seconds:
            clock.write_text(f"LD_PRELOAD={fake_clock()}\nFAKETIME={seconds:+d}\nFAKETIME_DONT_FAKE_MONOTONIC=1\n")
        else:
            clock.unlink(missing_ok=True)
        self.kill_slurmd(node)
        self.start_slurmd(node)

    @contextmanager
    def small_disk(self, folder: Path, megabytes: int = 4, *, read_only: bool = False) -> Iterator[Path]:
        """Put a disk of a few megabytes at a folder below `shared`, seen by all nodes, and take it away in the end."""
        if not folder.resolve().is_relative_to(self.shared):
            raise ValueError(f"{folder}: the nodes see a disk only if it is mounted below {self.shared}")
        folder.mkdir(parents=True, exist_ok=True)
        options = f"size={megabytes}m{',ro' if read_only else ''}"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", folder], check=True)
        try:
            yield folder
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)

    def processes(self, node: str = CONTROLLER) -> list[str]:
        """Return the command lines of all that runs on a machine."""
        return machines.running(machines.machines(self.layout)[str(self.layout.folder), node])
