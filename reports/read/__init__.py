"""From the files of a run to tidy frames: scores, training curves, compute, and where it ran."""

from __future__ import annotations

from reports.read.plan import PlanView, SuiteView, read_plan
from reports.read.run import CellView, Run, read_run
from reports.read.tuning import TuningRun

__all__ = ["CellView", "PlanView", "Run", "SuiteView", "TuningRun", "read_plan", "read_run"]
