"""How rollouts are sampled, and how many."""

from strategies.contract import Strategy
from strategies.sampling.dynamic_sampling import DynamicSampling
from strategies.sampling.more_rollouts import MoreRollouts
from strategies.sampling.temperature import Temperature

STRATEGIES: dict[str, type[Strategy]] = {
    "temperature": Temperature,
    "dynamic_sampling": DynamicSampling,
    "more_rollouts": MoreRollouts,
}
