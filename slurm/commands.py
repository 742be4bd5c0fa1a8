"""Asking Slurm: one place where its commands are run."""

from __future__ import annotations

import shutil
import subprocess

PATIENCE_S = 60
"""Slurm's own commands give up on a controller that doesn't answer after some 40 s."""


class SlurmError(RuntimeError):
    """Slurm can't be asked, or has refused something. One line a problem."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def require_slurm() -> None:
    """Raise SlurmError if Slurm's commands aren't on this machine."""
    missing = [name for name in ("sbatch", "squeue", "scontrol") if shutil.which(name) is None]
    if missing:
        raise SlurmError(
            f"no Slurm here: {', '.join(missing)} not found on the PATH; type this on a login node of the cluster "
            "(or load its module), or leave out --on slurm to run on this machine"
        )


def ask(*command: str, errors: bool = False) -> str:
    """Return what a command of Slurm prints, to its error output with `errors`.

    Raises:
        SlurmError: If it isn't there, fails or doesn't answer.
    """
    name = command[0]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE_S)
    except FileNotFoundError as error:
        raise SlurmError(f"{name} not found on the PATH; type this on a login node of the cluster") from error
    except subprocess.TimeoutExpired as error:
        raise SlurmError(f"{name} didn't answer for {PATIENCE_S} s; is slurmctld running? (scontrol ping)") from error
    except subprocess.CalledProcessError as error:
        said = (error.stderr or error.stdout).strip().splitlines()
        raise SlurmError(f"{name} failed: {said[-1] if said else f'exit code {error.returncode}'}") from error
    return done.stderr if errors else done.stdout
