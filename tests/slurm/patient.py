"""A strategy that takes its time, in a package of its own."""

from __future__ import annotations

from pathlib import Path

PATIENT = '''
import os
import threading
from dataclasses import dataclass
from typing import ClassVar

from strategies.contract import Strategy


@dataclass(frozen=True, kw_only=True)
class Patient(Strategy):
    """GRPO that waits after each step from one on, so that there is time for something to happen; a job that was
    requeued doesn't, if it shall wait once."""

    family: ClassVar[str] = "controls"
    summary: ClassVar[str] = "GRPO, slowly"

    def react(self, progress, state):
        again = os.environ.get("SLURM_RESTART_COUNT", "0") != "0" and "PATIENT_ONCE" in os.environ
        if progress.step >= int(os.environ.get("PATIENT_FROM", "0")) and not again:
            threading.Event().wait(float(os.environ.get("PATIENT_S", "0")))  # sleep fails under libfaketime
        return [], state
'''


def install(site: Path) -> Path:
    """Install it in a folder, and return that: it belongs on PYTHONPATH."""
    info = site / "patient-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "patient.py").write_text(PATIENT)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: patient\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[explorebench.strategies]\npatient = patient:Patient\n")
    return site
