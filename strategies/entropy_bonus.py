"""Entropy bonus: the loss is lowered by the policy's token entropy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from strategies.contract import SettingValue, Strategy


@dataclass(frozen=True, kw_only=True)
class EntropyBonus(Strategy):
    """L − coefficient · mean_t H_t, with the gradient flowing through H; TRL's `entropy_coef`.

    References:
        Williams & Peng 1991; coefficient 0.001 is typical for large models (EVOL-RL's scripts list 0 to 0.005).
    """

    family: ClassVar[str] = "heuristic"
    summary: ClassVar[str] = "adds the policy's token entropy to the objective"

    coefficient: float = 0.001
    """Weight of the mean token entropy (nats) in the loss; positive."""

    def __post_init__(self) -> None:
        if not self.coefficient > 0:
            raise ValueError(f"coefficient must be positive, got {self.coefficient}; plain GRPO is `grpo`")

    def trainer_settings(self) -> dict[str, SettingValue]:
        """Set TRL's entropy coefficient."""
        return {"entropy_coef": self.coefficient}
