"""Bonuses on rewards and advantages that read numbers: likelihood, counts, hidden states."""

from strategies.contract import Strategy
from strategies.rewards.curiosity import Curiosity
from strategies.rewards.merci import Merci
from strategies.rewards.outcome_ucb import OutcomeUCB
from strategies.rewards.pass_at_k import PassAtK
from strategies.rewards.representation import Representation
from strategies.rewards.rnd import RND
from strategies.rewards.simhash_count import SimhashCount
from strategies.rewards.unlikeliness import Unlikeliness

STRATEGIES: dict[str, type[Strategy]] = {
    "curiosity": Curiosity,
    "merci": Merci,
    "outcome_ucb": OutcomeUCB,
    "pass_at_k": PassAtK,
    "representation": Representation,
    "rnd": RND,
    "simhash_count": SimhashCount,
    "unlikeliness": Unlikeliness,
}
