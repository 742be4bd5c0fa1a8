"""GRPO: plain group-relative policy optimisation, the baseline of every comparison.

Formula:
    A_i = (R_i − mean R) / (std R + 1e-4) over the G rollouts of a prompt (std with G − 1), the same for each of their
    tokens; L = −Σ_i,t min(ρ A, clip(ρ, 1 − 0.2, 1 + 0.2) A) / (all tokens of the batch).

Source:
    Shao et al. 2024, arXiv 2402.03300, section 4.1; TRL 1.16's `GRPOTrainer`, untouched, with its default loss
    `dapo` (token mean) and no KL penalty unless the plan sets one.

Defaults:
    TRL's.

Known defects:
    Groups whose rewards are all the same teach nothing. Sharpens: pass@1 rises while pass@k at large k falls
    (Yue et al. 2025, arXiv 2504.13837).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from strategies.contract import Strategy


@dataclass(frozen=True, kw_only=True)
class GRPO(Strategy):
    """TRL's GRPOTrainer, untouched."""

    family: ClassVar[str] = "controls"
    summary: ClassVar[str] = "plain GRPO, as TRL trains it: the baseline"
