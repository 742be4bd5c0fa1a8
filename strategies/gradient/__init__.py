"""Strategies and signals that let the model's own update directions say where to explore."""

from strategies.contract import Strategy
from strategies.gradient.g2rl import G2RL
from strategies.gradient.grad_align import GradAlign
from strategies.gradient.learn_align import LearnAlign

STRATEGIES: dict[str, type[Strategy]] = {
    "g2rl": G2RL,
    "grad_align": GradAlign,
    "learn_align": LearnAlign,
}
