"""The daemons of a cluster, each on its machine."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from tests.slurm.cluster.layout import CONTROLLER, Facts, Layout
from tests.slurm.cluster.machines import execute, on, signal_daemon
from tests.slurm.cluster.waiting import until

ACCOUNT = "explore"
"""The account that jobs are booked on unless they say another; `root` is the other one."""
QOS = "tight"
"""A quality of service under which a user has at most 10 jobs, 2 of them running."""


def answers(layout: Layout, *words: str, machine: str = CONTROLLER) -> str | None:
    """Return what a command on a machine prints, or None if it fails."""
    done = subprocess.run(on(layout, machine, words), capture_output=True, text=True, check=False, cwd="/")
    return done.stdout if done.returncode == 0 else None


def start_munge(layout: Layout) -> None:
    """Start munged with a key and a socket of its own."""
    key = layout.munge / "key"
    key.touch(mode=0o600)
    key.write_bytes(os.urandom(128))
    execute(layout, CONTROLLER, [
        "munged", "--force", "--num-threads=4", f"--socket={layout.munge_socket}", f"--key-file={key}",
        f"--pid-file={layout.munge}/pid", f"--seed-file={layout.munge}/seed", f"--log-file={layout.logs}/munged.log",
    ])  # fmt: skip
    until("munged", lambda: answers(layout, "munge", "-S", str(layout.munge_socket), "-n") is not None)


def start_database(layout: Layout, facts: Facts) -> None:
    """Start MariaDB, empty but for its own tables, in memory."""
    execute(layout, CONTROLLER, [
        "mariadb-install-db", "--no-defaults", "--user=root", f"--datadir={layout.database}", "--skip-test-db",
        f"--tmpdir={layout.database}",  # names in /tmp are made of process numbers, which two clusters share
        "--auth-root-authentication-method=socket", "--auth-root-socket-user=root", "--innodb-log-file-size=32M",
    ])  # fmt: skip
    execute(layout, CONTROLLER, [
        "setsid", "--fork", "mariadbd", "--no-defaults", "--user=root", f"--datadir={layout.database}",
        f"--tmpdir={layout.database}", f"--socket={layout.database_socket}",
        f"--port={facts.database_port}", "--bind-address=127.0.0.1",
        f"--pid-file={layout.pid_file('mariadbd')}", f"--log-error={layout.logs}/mariadbd.log",
        "--innodb-buffer-pool-size=64M", "--innodb-log-file-size=32M", "--innodb-lock-wait-timeout=900",
        "--innodb-flush-log-at-trx-commit=2", "--performance-schema=OFF", "--skip-name-resolve",
    ])  # fmt: skip
    statements = f"""create database slurm_acct_db;
        create user 'slurm'@'127.0.0.1' identified by '{facts.password}';
        grant all on slurm_acct_db.* to 'slurm'@'127.0.0.1';"""
    client = ["mariadb", "--no-defaults", "-S", str(layout.database_socket), "-uroot", "-N", "-e"]
    until("MariaDB", lambda: answers(layout, *client, "select 1") is not None)
    execute(layout, CONTROLLER, [*client, statements])


def start_accounting(layout: Layout) -> None:
    """Start slurmdbd and wait until it answers."""
    execute(layout, CONTROLLER, ["slurmdbd"])
    until("slurmdbd", lambda: answers(layout, "sacctmgr", "-n", "-P", "list", "cluster", "format=cluster") is not None,
          seconds=60, explain=lambda: tail(layout, "slurmdbd"))  # fmt: skip


def make_account(layout: Layout) -> None:
    """Add the cluster to the accounting, an account with its one user, root, and a quality of service with limits."""
    for words in (
        ("qos", QOS, "MaxSubmitJobsPerUser=10", "MaxJobsPerUser=2"),
        ("cluster", "explorebench", f"QOS=normal,{QOS}"),
        ("account", ACCOUNT, "Description=exploration", "Organization=tests"),
        ("user", "root", f"Account={ACCOUNT}", f"DefaultAccount={ACCOUNT}"),
    ):
        execute(layout, CONTROLLER, ["sacctmgr", "-i", "-Q", "add", *words])


def start_controller(layout: Layout) -> None:
    """Start slurmctld and wait until it answers."""
    execute(layout, CONTROLLER, ["slurmctld"])
    until("slurmctld", lambda: "is UP" in (answers(layout, "scontrol", "ping") or ""),
          explain=lambda: tail(layout, "slurmctld"))  # fmt: skip


def start_node(layout: Layout, node: str) -> None:
    """Start slurmd on its node; if its clock is wrong, that of slurmd is too."""
    (layout.spool / node).mkdir(exist_ok=True)
    clock = layout.clocks / node
    settings = dict(line.split("=", 1) for line in clock.read_text().split()) if clock.exists() else {}
    execute(layout, node, ["slurmd", "-N", node], settings)


def stop(layout: Layout, daemon: str, machine: str, number: signal.Signals) -> None:
    """End a daemon with a signal and wait until it has ended."""
    signal_daemon(layout, machine, daemon, number)


def tail(layout: Layout, daemon: str, lines: int = 15) -> str:
    """Return the end of a daemon's log."""
    log: Path = layout.logs / f"{daemon}.log"
    said = log.read_text(errors="replace").splitlines() if log.exists() else ["(no log)"]
    return "\n".join([f"--- {log.name}", *[line for line in said if "mpi" not in line.lower()][-lines:]])
