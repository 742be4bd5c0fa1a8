"""What a strategy is, and all of them. Pure tensor code: imports torch, and nothing of ours.

A strategy of your own: subclass `Strategy` as a frozen keyword-only dataclass, override the hooks that you use, and
register it under the entry-point group `explorebench.strategies`.
"""

from strategies.contract import (
    Event,
    Progress,
    PromptPool,
    Rollouts,
    RunSettings,
    SettingValue,
    Shaped,
    SignalName,
    State,
    Strategy,
    TokenBatch,
    embeddings,
)
from strategies.parameters import Named, Range
from strategies.registry import StrategyError, build, describe, known_strategies, label

__all__ = [
    "Event",
    "Named",
    "Progress",
    "PromptPool",
    "Range",
    "Rollouts",
    "RunSettings",
    "SettingValue",
    "Shaped",
    "SignalName",
    "State",
    "Strategy",
    "StrategyError",
    "TokenBatch",
    "build",
    "describe",
    "embeddings",
    "known_strategies",
    "label",
]
