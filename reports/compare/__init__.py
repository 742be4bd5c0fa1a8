"""Two results side by side: runs, checkpoints, arms, or what was imported."""

from __future__ import annotations
