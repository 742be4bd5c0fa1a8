"""The proof that verdicts are right: simulated comparisons whose truth is known."""

from __future__ import annotations
