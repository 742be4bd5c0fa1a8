"""Watches: they look at a run and say when something is a cause for alarm."""

from strategies.watches.watch import Watch

WATCHES: dict[str, type[Watch]] = {}
"""By the name that plans, logs and parameters use."""
