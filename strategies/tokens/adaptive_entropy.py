"""Adaptive entropy: an entropy bonus that grows while the policy is too sure of itself, and shrinks again.

A fixed entropy bonus is too weak early or too strong late. Here its weight is steered: it goes up by a step whenever
the entropy is at or below a target and down otherwise, and it is applied only while the entropy is there.

Formula:
    After each optimizer step with token entropy H (nats): β ← min(β + δ, β_max) if H ≤ H*, else max(β − δ, β_min).
    The next step's loss is L − β·H if the last H ≤ H*, else L. No bonus in the first step.

Source:
    He et al. 2025 (Skywork-OR1), arXiv 2505.22312; here TRL 1.16's `use_adaptive_entropy`
    (`GRPOTrainer._compute_loss`, read). The paper's own code was not read.

Defaults:
    H* = 0.2 nats, δ = 0.005, β_max = 1, β_0 = β_min = 0: TRL's.

Known defects:
    The target means nothing by itself: set it near the entropy that a run starts with, or the bonus never acts. TRL
    writes β and the last entropy beside a checkpoint (`entropy_ctrl_state.json`), so a run resumes where it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from strategies.contract import SettingValue, Strategy
from strategies.parameters import Range


@dataclass(frozen=True, kw_only=True)
class AdaptiveEntropy(Strategy):
    """L − β·H with β steered toward a target entropy; the module says the rest."""

    family: ClassVar[str] = "loss and tokens"
    summary: ClassVar[str] = "an entropy bonus steered toward a target entropy (Skywork-OR1)"

    target: Annotated[float, Range(least=0)] = 0.2
    """H*, the mean token entropy in nats at or below which the bonus acts."""
    step: Annotated[float, Range(least=0)] = 0.005
    """δ, by how much the weight changes after an optimizer step."""
    initial: Annotated[float, Range(least=0)] = 0.0
    """β_0, the weight at the start."""
    least: Annotated[float, Range(least=0)] = 0.0
    """β_min, the smallest weight."""
    most: Annotated[float, Range(least=0)] = 1.0
    """β_max, the largest weight; 0 is plain GRPO."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.least <= self.initial <= self.most:
            raise ValueError(
                f"expected least <= initial <= most for the weight of the bonus, got {self.least}, {self.initial} and "
                f"{self.most}"
            )
        if self.most > 0 and self.step == 0 and self.initial == 0:
            raise ValueError("step and initial are both 0, so the bonus would stay at 0; give one of them a value")

    def trainer_settings(self) -> dict[str, SettingValue]:
        """Set TRL's controller."""
        if self.most == 0:
            return {}
        return {
            "use_adaptive_entropy": True,
            "entropy_target": self.target,
            "entropy_coef": self.initial,
            "entropy_coef_delta": self.step,
            "entropy_coef_min": self.least,
            "entropy_coef_max": self.most,
        }
