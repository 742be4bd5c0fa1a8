"""Strategies and signals that let the model's own update directions say where to explore."""

from strategies.contract import Strategy
from strategies.gradient.g2rl import G2RL

STRATEGIES: dict[str, type[Strategy]] = {
    "g2rl": G2RL,
}
