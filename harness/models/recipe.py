"""The recipe of the embedded model: everything that its weights depend on, beside the library versions."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """Shape, data mix and schedule of the warm start."""

    hidden_size: int = 96
    """Width of the residual stream."""
    intermediate_size: int = 288
    """Width inside the feed-forward layers."""
    layers: int = 4
    """Transformer blocks."""
    heads: int = 3
    """Query heads of `hidden_size / heads` dimensions."""
    key_value_heads: int = 3
    """Heads of keys and values; divides `heads`."""
    mix: tuple[tuple[str, int], ...] = (
        ("countdown", 88),
        ("countdown-five", 10),
        ("countdown-large", 10),
        ("arithmetic", 40),
        ("sorting", 14),
        ("graphs", 96),
    )
    """Problems per step by skill, all from the training side of the split."""
    steps: int = 600
    """Optimizer steps."""
    muon_learning_rate: float = 0.02
    """For the matrices inside the layers, at the peak; all rates fall to zero along a half cosine."""
    adamw_learning_rate: float = 3e-3
    """For embedding and norms, at the peak."""
    warmup_steps: int = 20
    """Steps over which the rates rise from near zero to their peaks."""
    weight_decay: float = 0.01
    """Of the matrices inside the layers."""
    beta2: float = 0.98
    """AdamW's decay of the second moment; that of the first is 0.9."""
    clip_norm: float = 1.0
    """Cap on the norm of the gradient."""
    threads: int = 2
    """CPU threads; sums are split among them, so the weights depend on it."""

    def __post_init__(self) -> None:
        for name in ("hidden_size", "intermediate_size", "layers", "heads", "key_value_heads", "steps", "threads"):
            value = getattr(self, name)
            if value <= 0:
                raise ValueError(f"Recipe.{name} must be positive, got {value}")
        if self.hidden_size % self.heads or self.heads % self.key_value_heads:
            raise ValueError(
                "Recipe.hidden_size must be a multiple of heads, and heads of key_value_heads, got "
                f"{self.hidden_size}, {self.heads} and {self.key_value_heads}"
            )


TINY = Recipe()
"""The recipe of the model that ships with the package."""
