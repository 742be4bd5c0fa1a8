"""Machines on one machine: a process that is the first of its own process, mount and host-name namespaces.

When it is killed, the kernel kills all that ever ran on that machine, and nothing can be left behind: that is what the
death of a node looks like, and how a cluster is taken down.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tests.slurm.cluster.layout import Layout
from tests.slurm.cluster.waiting import until

MARK = "explorebench-slurm-machine"
FIRST_PROCESS = """
set -e
hostname "$2"
mount --bind "$1/etc/hosts" /etc/hosts
if [ "$2" = controller ]; then mount -t tmpfs -o mode=755,size=1g none "$1/mysql"; fi
touch "$1/machines/$2"
sleep infinity &
wait
"""
"""The shell reaps what is orphaned on its machine, as the first process of one must."""
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class MachineError(RuntimeError):
    """A machine, or a program on it, doesn't start."""


def machines(layout: Layout | None = None) -> dict[tuple[str, str], int]:
    """Return the process of each machine by (folder of the cluster, name), of one cluster or of all."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if len(words) > 5 and words[0] == b"bash" and words[3] == MARK.encode():
            folder, name = os.fsdecode(words[4]), os.fsdecode(words[5])
            if layout is None or folder == str(layout.folder):
                found[folder, name] = int(entry.name)
    return found


def boot(layout: Layout, name: str) -> None:
    """Start a machine.

    Raises:
        NeverHappenedError: If it isn't up in 20 s, with what was said.
    """
    up = layout.machines / name
    up.unlink(missing_ok=True)
    log = layout.logs / f"{name}.machine.log"
    with log.open("ab") as output:
        subprocess.run(
            ["setsid", "--fork", "unshare", "--mount", "--uts", "--pid", "--fork", "--mount-proc", "--propagation",
             "slave", "bash", "-c", FIRST_PROCESS, MARK, str(layout.folder), name],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=True, cwd="/", env={"PATH": PATH},
        )  # fmt: skip
    until(f"machine {name}", up.exists, seconds=20, explain=log.read_text)


def switch_off(layout: Layout, name: str) -> None:
    """Kill a machine with all that runs on it, at once; nothing is done if it is off."""
    process = machines(layout).get((str(layout.folder), name))
    if process is not None:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
        until(f"the end of machine {name}", lambda: ended(process))
    (layout.machines / name).unlink(missing_ok=True)


def ended(process: int) -> bool:
    """Return whether a machine's first process is dead: it dies last, when all others have been reaped."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def running(first: int) -> list[str]:
    """Return the command lines of all that runs on the machine of this first process."""
    home = os.readlink(f"/proc/{first}/ns/pid")
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and os.readlink(entry / "ns" / "pid") == home:
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip())
        except OSError:  # it has ended
            continue
    return found


def on(layout: Layout, name: str, words: Sequence[str], environment: Mapping[str, str] | None = None) -> list[str]:
    """Return the command that runs `words` on a machine, in the environment that its daemons have."""
    process = machines(layout).get((str(layout.folder), name))
    if process is None:
        raise MachineError(f"machine {name} is off")
    settings = {"PATH": PATH, "LANG": "C.UTF-8", "SLURM_CONF": str(layout.configuration), **(environment or {})}
    return ["nsenter", "--target", str(process), "--root", "--mount", "--uts", "--pid", "--", "env", "-i",
            *(f"{key}={value}" for key, value in settings.items()), *words]  # fmt: skip


def execute(layout: Layout, name: str, words: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
    """Run a command on a machine and wait for it; what it prints goes to the log of that program.

    Raises:
        MachineError: If it fails.
    """
    log = layout.logs / f"{name}.{words[2] if words[0] == 'setsid' else words[0]}.out"
    with log.open("ab") as output:
        done = subprocess.run(
            on(layout, name, words, environment),
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False, cwd="/",
        )  # fmt: skip
    if done.returncode:
        said = [one.read_text(errors="replace")[-2000:] for one in (log, *layout.logs.glob(f"{words[0]}*.log"))]
        raise MachineError("\n".join([f"{' '.join(words)} failed on {name}:", *said]))


def signal_daemon(layout: Layout, name: str, daemon: str, number: signal.Signals) -> None:
    """Send a signal to a daemon and wait until it has ended; nothing is done if it isn't there."""
    file = layout.pid_file(daemon)
    if not file.exists() or (str(layout.folder), name) not in machines(layout):
        return
    process = file.read_text().strip()

    def gone() -> bool:
        program = f'read -r found </proc/{process}/comm && [ "$found" = {daemon.partition("-")[0]} ]'
        return (
            subprocess.run(on(layout, name, ["bash", "-c", program]), capture_output=True, check=False).returncode != 0
        )

    if not gone():
        subprocess.run(
            on(layout, name, ["bash", "-c", f"kill -{number.value} {process}"]), capture_output=True, check=False
        )
        until(f"the end of {daemon}", gone)
    file.unlink(missing_ok=True)


def take_down(layout: Layout) -> None:
    """Kill all machines of a cluster, unmount what is mounted in its folder, and delete the folder.

    Raises:
        MachineError: If something in there can't be unmounted; the folder is left then.
    """
    for _, name in machines(layout):
        switch_off(layout, name)
    for place in sorted(mounts(layout.folder), reverse=True):
        subprocess.run(["umount", "--lazy", place], capture_output=True, check=False)  # another may be at it too
    if left := mounts(layout.folder):
        raise MachineError(f"can't unmount {', '.join(left)}: unmount it, then delete {layout.folder}")
    shutil.rmtree(layout.folder, ignore_errors=True)


def mounts(folder: Path) -> list[str]:
    """Return where something is mounted inside a folder."""
    points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    decoded = [point.encode().decode("unicode_escape") for point in points]
    return [point for point in decoded if Path(point).is_relative_to(folder)]
