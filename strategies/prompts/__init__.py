"""Which prompts are trained on."""

from strategies.contract import Strategy
from strategies.prompts.accuracy_band import AccuracyBand
from strategies.prompts.greso import Greso
from strategies.prompts.random_subset import RandomSubset

STRATEGIES: dict[str, type[Strategy]] = {
    "greso": Greso,
    "accuracy_band": AccuracyBand,
    "random_subset": RandomSubset,
}
