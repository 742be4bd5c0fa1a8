"""What a strategy is, and all of them. Pure tensor code: imports torch, and nothing of ours.

A strategy of your own: subclass `Strategy` as a frozen keyword-only dataclass, override the hooks that you use, and
register it under the entry-point group `explorebench.strategies`.
"""

from strategies.contract import SettingValue, State, Strategy
from strategies.parameters import Named, Range
from strategies.pool import Probe, PromptPool
from strategies.progress import Event, Progress
from strategies.registry import StrategyError, build, build_watch, describe, known_strategies, label
from strategies.rollouts import Rollouts, Shaped, TokenBatch
from strategies.run import ModelFacts, RunSettings
from strategies.signals import SignalName, embeddings, projected_gradient

__all__ = [
    "Event",
    "ModelFacts",
    "Named",
    "Probe",
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
    "build_watch",
    "describe",
    "embeddings",
    "known_strategies",
    "label",
    "projected_gradient",
]
