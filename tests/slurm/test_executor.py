"""The scripts that are sent, as text."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from slurm.executor import Batch, make_executor, python_of, script
from slurm.requests import Request


@pytest.fixture(autouse=True)
def _srun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Submitit looks for srun before it writes a script."""
    srun = tmp_path / "bin" / "srun"
    srun.parent.mkdir()
    srun.write_text("#!/bin/sh\n")
    srun.chmod(0o755)
    monkeypatch.setenv("PATH", str(srun.parent), prepend=":")


def text_of(request: Request, folder: Path, jobs: int = 3, after: str | None = None) -> str:
    batch = Batch(name="n", comment="explorebench:n:all", folder=folder, code=Path("/shared/my code"), after=after)
    return script(make_executor("slurm", request, batch), jobs)


def options(text: str) -> dict[str, str]:
    words = [shlex.split(line)[1] for line in text.splitlines() if line.startswith("#SBATCH")]
    return {name: value for name, _, value in (word.removeprefix("--").partition("=") for word in words)}


def test_everything_that_is_asked_for_is_said(tmp_path: Path) -> None:
    request = Request(
        account="a", partition="p", qos="q", constraint="x&y", time_min=90, memory_gib=1.5, cpus=6, gpus=2,
        gpu_type="a100", nodes=2, tasks=3, at_once=2, sbatch=(("mail-type", "END"), ("hold", False)),
    )  # fmt: skip
    found = options(text_of(request, tmp_path))
    expected = {
        "account": "a", "partition": "p", "qos": "q", "constraint": "x&y", "time": "90", "mem": "1536MB",
        "cpus-per-task": "6", "gpus-per-node": "a100:2", "nodes": "2", "ntasks-per-node": "3", "array": "0-2%2",
        "requeue": "", "open-mode": "append", "signal": "USR2@90", "mail-type": "END",
        "comment": "explorebench:n:all", "job-name": "n",
    }  # fmt: skip
    assert expected.items() <= found.items()
    assert not {"kill-on-invalid-dep", "hold"} & found.keys()


def test_a_job_that_waits_is_cancelled_when_what_it_waits_for_fails(tmp_path: Path) -> None:
    found = options(text_of(Request(), tmp_path, after="aftercorr:12"))
    assert (found["dependency"], found["kill-on-invalid-dep"]) == ("aftercorr:12", "yes")


def test_what_is_not_asked_for_is_left_to_the_cluster(tmp_path: Path) -> None:
    found = options(text_of(Request(), tmp_path, jobs=1))
    assert not {"partition", "account", "qos", "constraint", "gpus-per-node", "array"} & found.keys()


def test_srun_is_told_the_cores_which_it_no_longer_takes_from_sbatch(tmp_path: Path) -> None:
    assert " --cpus-per-task=6 " in text_of(Request(cpus=6), tmp_path)


def test_a_job_imports_from_the_snapshot_after_its_modules_and_setup(tmp_path: Path) -> None:
    (tmp_path / "env.sh").write_text("export PYTHONPATH=/from/setup\n")
    request = Request(modules=("m/1",), setup=(f"source {tmp_path}/env.sh",), cpus=2)
    text = text_of(request, tmp_path)
    setup = text.split("# setup\n")[1].split("# command\n")[0]
    shown = f"module() {{ echo module $*; }}\n{setup}\nenv\n"
    done = subprocess.run(["bash", "-c", shown], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert lines[0] == "module load m/1"
    variables = {"PYTHONPATH=/shared/my code:/from/setup", "PYTHONSAFEPATH=1", "OMP_NUM_THREADS=2"}
    assert variables <= set(lines)


def test_a_setup_line_that_fails_ends_the_job(tmp_path: Path) -> None:
    setup = text_of(Request(setup=("false",)), tmp_path).split("# setup\n")[1].split("# command\n")[0]
    done = subprocess.run(["bash", "-c", f"{setup}\necho went on"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")


def test_a_container_stands_before_python() -> None:
    assert python_of(Request()) == shlex.quote(sys.executable)
    request = Request(container="apptainer exec --nv 'my image.sif'", python="/opt/py/bin/python")
    assert python_of(request) == "apptainer exec --nv 'my image.sif' /opt/py/bin/python"


def test_python_is_the_one_of_the_profile_in_an_array_too(tmp_path: Path) -> None:
    request = Request(container="c exec", python="/p")
    assert all(" c exec /p -u -m submitit.core._submit " in text_of(request, tmp_path, jobs) for jobs in (1, 4))
