"""More rollouts: each prompt is tried more often.

The larger a group, the likelier that one of its rollouts finds the rare right answer, and the better its mean is known.
At the same budget it means fewer prompts, hence fewer steps: breadth is bought with length of training.

Formula:
    G' = f·G rollouts for each prompt, with as many prompts to a step as before.

Source:
    Hu et al. 2025 (BroRL), arXiv 2510.01180, who go from 16 to 512 rollouts where more steps no longer help; Liu et al.
    2025 (ProRL), arXiv 2505.24864, who go from 16 to 32.

Defaults:
    f = 2, ProRL's; BroRL's is 32. The BroRL paper was not read in full.

Known defects:
    At an equal budget there are f times fewer steps at the same learning rate: an arm may lose for having moved less.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from strategies.contract import SettingValue, Strategy
from strategies.parameters import Range


@dataclass(frozen=True, kw_only=True)
class MoreRollouts(Strategy):
    """Sample f·G rollouts for each prompt; the module says the rest."""

    family: ClassVar[str] = "sampling"
    summary: ClassVar[str] = "samples more rollouts of each prompt, in fewer steps (ProRL, BroRL)"

    factor: Annotated[int, Range(least=1)] = 2
    """f, how many times the plan's group size; 1 is plain GRPO."""

    def trainer_settings(self) -> dict[str, SettingValue]:
        """Enlarge the groups."""
        return {} if self.factor == 1 else {"rollouts_factor": self.factor}
