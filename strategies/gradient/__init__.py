"""Strategies and signals that let the model's own update directions say where to explore."""

from strategies.contract import Strategy
from strategies.gradient.alignment_bonus import AlignmentBonus
from strategies.gradient.g2rl import G2RL
from strategies.gradient.gar import Gar
from strategies.gradient.grad_align import GradAlign
from strategies.gradient.learn_align import LearnAlign
from strategies.gradient.learning_signal import LearningSignal

STRATEGIES: dict[str, type[Strategy]] = {
    "g2rl": G2RL,
    "gar": Gar,
    "alignment_bonus": AlignmentBonus,
    "learning_signal": LearningSignal,
    "grad_align": GradAlign,
    "learn_align": LearnAlign,
}
