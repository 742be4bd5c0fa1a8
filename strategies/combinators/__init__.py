"""Strategies made of strategies."""

from strategies.combinators.filtered import Filtered
from strategies.combinators.hybrid import Hybrid
from strategies.combinators.recalibrated import Recalibrated
from strategies.contract import Strategy

STRATEGIES: dict[str, type[Strategy]] = {
    "hybrid": Hybrid,
    "filtered": Filtered,
    "recalibrated": Recalibrated,
}
