"""Resets: a strategy that lets go of something now and then, for a cause."""

from strategies.contract import Strategy
from strategies.resets.with_resets import WithResets

STRATEGIES: dict[str, type[Strategy]] = {
    "with_resets": WithResets,
}
