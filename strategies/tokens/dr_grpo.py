"""Dr. GRPO: GRPO without its two divisors, which favour long wrong answers and too easy or too hard prompts.

Dividing a rollout's loss by its length punishes long wrong answers less; dividing advantages by the group's standard
deviation blows up groups that are almost uniform. Both are left out.

Formula:
    A_i = R_i − mean R; L = −Σ_i,t min(ρ A, clip(ρ) A) / (rollouts · longest completion allowed).

Source:
    Liu et al. 2025, "Understanding R1-Zero-Like Training", arXiv 2503.20783; here TRL 1.16's loss type `dr_grpo` and
    `scale_rewards` none.

Defaults:
    Both divisors are left out, as in the paper.

Known defects:
    Against TRL's plain GRPO the length part changes little: its loss already divides by all tokens of the batch, not by
    each rollout's own. What it changes is the size of a step, which shrinks as completions get shorter than the cap.
    Without the standard deviation advantages are smaller too: ±0.5 in place of about ±1 in a group half solved.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from strategies.contract import SettingValue, Strategy


@dataclass(frozen=True, kw_only=True)
class DrGRPO(Strategy):
    """No division by length, none by the standard deviation; the module says the rest. Neither part is plain GRPO."""

    family: ClassVar[str] = "loss and tokens"
    summary: ClassVar[str] = "GRPO without its divisions by length and by standard deviation"

    constant_length: bool = True
    """Divide the loss by a constant length, the longest completion allowed, in place of the batch's tokens."""
    keep_difficulty: bool = True
    """Leave advantages undivided by the group's standard deviation."""

    def trainer_settings(self) -> dict[str, SettingValue]:
        """Set TRL's loss and scaling."""
        settings: dict[str, SettingValue] = {}
        if self.constant_length:
            settings["loss_type"] = "dr_grpo"
        if self.keep_difficulty:
            settings["scale_rewards"] = "none"
        return settings
