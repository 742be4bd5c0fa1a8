"""The baseline: plain GRPO."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from strategies.contract import Strategy


@dataclass(frozen=True, kw_only=True)
class GRPO(Strategy):
    """TRL's GRPOTrainer, untouched.

    References:
        Shao et al. 2024, https://arxiv.org/abs/2402.03300, section 4.1; TRL's default loss (`dapo`).
    """

    family: ClassVar[str] = "baseline"
    summary: ClassVar[str] = "plain GRPO, as TRL trains it"
