"""How an evaluation samples. The same for every arm of a plan."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class EvaluationSettings:
    """Sampling settings; limits on length and stop texts belong to the suite."""

    samples: int
    """K, the answers drawn for each item."""
    seed: int
    """Seed of the draws, 0..2**63-1. With the suite's hash it alone decides them."""
    temperature: float = 1.0
    """Divides the logits; 0 takes the most likely token."""
    top_p: float = 1.0
    """Probability mass of the nucleus that tokens are drawn from, above 0 and at most 1 (all tokens)."""
    batch_size: int = 256
    """Sequences generated at once. Affects speed and memory, and results only through rounding."""

    def __post_init__(self) -> None:
        for name in ("samples", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"EvaluationSettings.{name} must be at least 1, got {getattr(self, name)}")
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"EvaluationSettings.seed must be in 0..2**63-1, got {self.seed}")
        if not (math.isfinite(self.temperature) and self.temperature >= 0):
            raise ValueError(f"EvaluationSettings.temperature must be 0 or more, got {self.temperature}")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"EvaluationSettings.top_p must be above 0 and at most 1, got {self.top_p}")
