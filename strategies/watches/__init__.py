"""Watches: they look at a run and say when something is a cause for alarm."""

from strategies.watches.collapse import Collapse
from strategies.watches.diversity import Diversity
from strategies.watches.drift import Drift
from strategies.watches.plateau import Plateau
from strategies.watches.watch import Verdict, Watch

WATCHES: dict[str, type[Watch]] = {kind.name: kind for kind in (Diversity, Plateau, Drift, Collapse)}
"""By the name that plans, logs and parameters use."""

__all__ = ["WATCHES", "Collapse", "Diversity", "Drift", "Plateau", "Verdict", "Watch"]
