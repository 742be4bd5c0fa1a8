"""A cluster: started, asked, taken down."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self, TypeVar

from tests.slurm.cluster import configuration, daemons, machines, packages
from tests.slurm.cluster.layout import CONTROLLER, Facts, Layout, Size, folder_of
from tests.slurm.cluster.waiting import until

T = TypeVar("T")
WELL = {"idle", "mixed", "allocated", "completing"}


class CommandError(RuntimeError):
    """A command of Slurm failed."""


class Cluster:
    """A real Slurm cluster on this machine, in a folder of its own.

    Its partitions are `main` (the default), `low` (preempted by the others, with `configuration.GRACE_S` seconds of
    grace), `abrupt` (preempted without grace) and `high` (at most an hour); its accounts `explore` (the default) and
    `root`; beside the QOS `normal` there is `tight`, with 10 jobs for each user and 2 that run.
    """

    def __init__(self, folder: Path):
        """Look at the cluster in a folder; `Cluster.start` makes one."""
        self.layout = Layout(folder)
        self.facts = Facts.read(self.layout)

    @classmethod
    def start(cls, name: str, size: Size | None = None) -> Self:
        """Start a cluster.

        Args:
            name: Tells it from others on this machine.
            size: How large it claims to be.

        Raises:
            ClusterUnavailableError: If this machine can't have one.
            FileExistsError: If there is a cluster of that name.
        """
        packages.require()
        layout = Layout(folder_of(name))
        layout.make()
        try:
            facts = Facts.choose(size or Size())
            facts.write(layout)
            configuration.write(layout, facts)
            share(layout.shared)
            machines.boot(layout, CONTROLLER)
            daemons.start_munge(layout)
            daemons.start_database(layout, facts)
            daemons.start_accounting(layout)
            daemons.make_account(layout)
            daemons.start_controller(layout)
            cluster = cls(layout.folder)
            for node in facts.nodes:
                cluster.boot(node)
            cluster.wait_until_well()
        except BaseException:
            machines.take_down(layout)
            raise
        return cluster

    def stop(self) -> None:
        """Kill all its machines at once, with all that runs on them, and delete it."""
        machines.take_down(self.layout)

    @property
    def nodes(self) -> tuple[str, ...]:
        return self.facts.nodes

    @property
    def shared(self) -> Path:
        """Return a folder on the disk that all nodes share; only in here they see what is mounted later."""
        return self.layout.shared

    @property
    def environment(self) -> dict[str, str]:
        """Return what a process needs in its environment to use this cluster, over what it has."""
        path = os.environ.get("PATH", "").split(os.pathsep)
        return {
            "SLURM_CONF": str(self.layout.configuration),
            "PATH": os.pathsep.join(dict.fromkeys([*path, *machines.PATH.split(os.pathsep)])),
        }

    def environ(self, **more: str) -> dict[str, str]:
        """Return the whole environment for a process that uses this cluster: ours without any job's, and `more`."""
        ours = {key: value for key, value in os.environ.items() if not key.startswith(("SLURM_", "SBATCH_", "SRUN_"))}
        return {**ours, **self.environment, **more}

    def command(self, *words: str | Path, environment: Mapping[str, str] | None = None) -> str:
        """Run a command, such as `squeue`, and return what it prints.

        Raises:
            CommandError: If it fails.
        """
        done = subprocess.run(
            [str(word) for word in words], env=self.environ(**(environment or {})), capture_output=True, text=True,
            check=False, cwd=self.shared, timeout=120,
        )  # fmt: skip
        if done.returncode:
            raise CommandError(
                f"{' '.join(map(str, words))}: exit status {done.returncode}\n{done.stderr}{done.stdout}"
            )
        return done.stdout

    def submit(self, script: str, *options: str) -> str:
        """Submit a shell script with options of sbatch and return the job's id; its output is in `output(job)`."""
        return self.command("sbatch", "--parsable", f"--output={self.shared}/slurm-%j.out", *options,
                            f"--wrap={script}").strip()  # fmt: skip

    def output(self, job: str) -> str:
        """Return what a job of `submit` has printed so far."""
        file = self.shared / f"slurm-{job}.out"
        return file.read_text() if file.exists() else ""

    def job(self, job: str) -> dict[str, str]:
        """Return what `scontrol show job` says of a job (JobState, Restarts, Reason, NodeList, ...)."""
        return fields(self.command("scontrol", "--oneliner", "show", "job", job).splitlines()[0])

    def state(self, job: str) -> str:
        """Return the state of a job: PENDING, RUNNING, COMPLETED, ..."""
        return self.job(job)["JobState"]

    def accounted(self, job: str, *columns: str) -> list[list[str]]:
        """Return rows of `sacct` with these columns, one for the job and one for each of its steps."""
        rows = self.command("sacct", "-n", "-P", "--duplicates", "-j", job, f"--format={','.join(columns)}")
        return [row.split("|") for row in rows.splitlines()]

    def node_states(self) -> dict[str, str]:
        """Return each node's state as sinfo writes it; with a `*` it doesn't respond."""
        rows = self.command("sinfo", "--noheader", "--Node", "--partition=main", "--format=%N %T").splitlines()
        return dict(row.split() for row in rows)

    def wait_for(self, what: str, look: Callable[[], T], seconds: float = 60) -> T:
        """Return what `look` says as soon as it is true.

        Raises:
            NeverHappenedError: If it isn't in time, with the queue, the nodes and the logs of the daemons.
        """
        return until(what, look, seconds=seconds, explain=self.explain)

    def wait_for_state(self, job: str, *states: str, seconds: float = 60) -> str:
        """Wait until a job is in one of these states and return which."""
        return self.wait_for(
            f"job {job} to be {' or '.join(states)}",
            lambda: found if (found := self.state(job)) in states else "",
            seconds,
        )

    def wait_until_well(self, seconds: float = 60) -> None:
        """Wait until every node answers and can take jobs."""
        self.wait_for("all nodes to be well", lambda: set(self.node_states().values()) <= WELL
                      and len(self.node_states()) == len(self.nodes), seconds)  # fmt: skip

    def explain(self) -> str:
        """Return the queue, the nodes, the newest jobs, and the end of the logs."""
        queue, nodes, jobs = (
            subprocess.run(words, env=self.environ(), capture_output=True, text=True, check=False)
            for words in (
                ("squeue", "--long"),
                ("sinfo", "--Node", "--partition=main", "--format=%N %T %C %E"),
                ("scontrol", "--oneliner", "show", "job"),
            )
        )
        told = ("JobId", "JobState", "Reason", "ExitCode", "Restarts", "Partition", "NodeList", "StartTime")
        said = ["--- squeue --long", queue.stdout + queue.stderr, "--- sinfo", nodes.stdout + nodes.stderr]
        for line in jobs.stdout.splitlines()[-20:]:
            said.append(" ".join(f"{key}={value}" for key, value in fields(line).items() if key in told))
        logs = ("slurmctld", "slurmdbd", *(f"slurmd-{node}" for node in self.nodes))
        return "\n".join([*said, *(daemons.tail(self.layout, log, 10) for log in logs)])

    def boot(self, node: str) -> None:
        """Switch a node on and start slurmd on it."""
        machines.boot(self.layout, node)
        daemons.start_node(self.layout, node)

    def end(self, daemon: str, machine: str = CONTROLLER, number: signal.Signals = signal.SIGKILL) -> None:
        """End a daemon and wait until it has ended."""
        machines.signal_daemon(self.layout, machine, daemon, number)


def fields(line: str) -> dict[str, str]:
    """Return the fields of one line of `scontrol --oneliner`."""
    return dict(pair for word in line.split() if len(pair := word.split("=", 1)) == 2)


def share(folder: Path) -> None:
    """Make mounts in a folder appear on machines that are started later."""
    subprocess.run(["mount", "--bind", folder, folder], check=True)
    subprocess.run(["mount", "--make-shared", folder], check=True)
