"""Watches."""

from strategies.watches.watch import Watch

WATCHES: dict[str, type[Watch]] = {}
