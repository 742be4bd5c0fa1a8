"""What the loss does with single tokens."""

from strategies.contract import Strategy
from strategies.tokens.adaptive_entropy import AdaptiveEntropy
from strategies.tokens.cispo import CISPO
from strategies.tokens.clip_cov import ClipCov
from strategies.tokens.clip_higher import ClipHigher
from strategies.tokens.dr_grpo import DrGRPO
from strategies.tokens.entropy_advantage import EntropyAdvantage
from strategies.tokens.entropy_bonus import EntropyBonus
from strategies.tokens.gspo import GSPO
from strategies.tokens.high_entropy_tokens import HighEntropyTokens
from strategies.tokens.kl_cov import KLCov

STRATEGIES: dict[str, type[Strategy]] = {
    "entropy_bonus": EntropyBonus,
    "adaptive_entropy": AdaptiveEntropy,
    "clip_higher": ClipHigher,
    "high_entropy_tokens": HighEntropyTokens,
    "clip_cov": ClipCov,
    "kl_cov": KLCov,
    "entropy_advantage": EntropyAdvantage,
    "dr_grpo": DrGRPO,
    "gspo": GSPO,
    "cispo": CISPO,
}
