"""What may be said of a run: differences with their verdicts, regressions, consistency, noise, efficiency."""

from __future__ import annotations
