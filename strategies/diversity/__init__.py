"""Bonuses on rewards that read texts: how much the completions of a group differ."""

from strategies.contract import Strategy
from strategies.diversity.darling import Darling
from strategies.diversity.diver import Diver
from strategies.diversity.dra import DRA
from strategies.diversity.evol_rl import EvolRL

STRATEGIES: dict[str, type[Strategy]] = {
    "darling": Darling,
    "diver": Diver,
    "dra": DRA,
    "evol_rl": EvolRL,
}
