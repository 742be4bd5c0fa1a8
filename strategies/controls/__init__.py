"""Controls: what a result must be compared with before it is believed."""

from strategies.contract import Strategy
from strategies.controls.base import Base
from strategies.controls.format_reward import FormatReward
from strategies.controls.grpo import GRPO
from strategies.controls.noise_novelty import NoiseNovelty
from strategies.controls.random_reward import RandomReward

STRATEGIES: dict[str, type[Strategy]] = {
    "base": Base,
    "grpo": GRPO,
    "noise_novelty": NoiseNovelty,
    "random_reward": RandomReward,
    "format_reward": FormatReward,
}
