"""High-entropy tokens (80/20): only the tokens at which the policy hesitates are trained on.

Most tokens of a solution follow from those before them; a minority are forks. The policy gradient is kept at the
forks, the tokens with the highest entropy, and dropped elsewhere.

Formula:
    L = −Σ_t 1{H_t ≥ τ} min(ρ A, clip(ρ) A) / N, with τ the (1 − q)-quantile of the entropies of a forward pass and N
    the number of all its tokens.

Source:
    Wang et al. 2025, "Beyond the 80/20 Rule", arXiv 2506.01939; here TRL 1.16's `top_entropy_quantile`
    (`GRPOTrainer.get_high_entropy_mask`).

Defaults:
    q = 0.2, the paper's and the one TRL recommends.

Known defects:
    TRL divides by all tokens; the authors' code (Shenzhi-Wang/Beyond-the-80-20-Rule-RLVR @6f5dda6) by those selected,
    so its steps are up to 1/q times larger at the same learning rate. Their code also takes exactly ⌈q·n⌉ tokens of a
    micro-batch, where TRL takes all at or above the quantile. Both take the quantile of a micro-batch, while the
    paper's formula has that of the batch. The authors advise models of 14B or more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from strategies.contract import SettingValue, Strategy
from strategies.parameters import Range


@dataclass(frozen=True, kw_only=True)
class HighEntropyTokens(Strategy):
    """Gradient at the q share of tokens with the most entropy; the module says the rest."""

    family: ClassVar[str] = "loss and tokens"
    summary: ClassVar[str] = "trains on the fifth of the tokens with the highest entropy (80/20)"

    top_entropy_quantile: Annotated[float, Range(above=0, most=1)] = 0.2
    """q, the share of tokens that are trained on; 1 is plain GRPO."""

    def trainer_settings(self) -> dict[str, SettingValue]:
        """Set TRL's quantile."""
        return {} if self.top_entropy_quantile == 1 else {"top_entropy_quantile": self.top_entropy_quantile}
