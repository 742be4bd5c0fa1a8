"""Plateau: does more compute still buy more than the evaluation could see?

The reward's gain over a window of steps, for the budget spent in it, says what another tenth of the budget would buy.
When even a generous reading of that is less than what the primary suite can tell from noise, going on is not worth it.

Formula:
    Of the last `window_steps` steps, m1, m2 the mean rewards of the earlier and the later half: gain = m2 − m1,
    se = √(e1² + e2²), e² the larger of m (1 − m) by the half's rollouts and the variance of its steps by their number.
    The halves are a distance of d of the budget apart. The next tenth buys at most u = (gain + 1.645 se) · 0.1 / d.
    Alarm, after the first tenth of the run: u < threshold; by default the suite's noise floor,
    1.96 √(2 p (1 − p) / N), N the answers that the suite draws at a checkpoint and p = (N m2 + 1) / (N + 2).

Source:
    Ours. The noise floor is the half-width of an interval for a difference of two accuracies (Miller 2024, arXiv
    2411.00640, without the part that comes from the choice of items).

Known defects:
    It takes the reward in training for what the suite would say. Steps differ by their prompts, which se counts, but
    neighbouring steps go together, which it does not. A run may plateau and rise again. Without a suite N is 1,000.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, variance
from typing import Annotated, ClassVar

from strategies.contract import State
from strategies.parameters import Range
from strategies.progress import Progress
from strategies.watches.level import FIRST_SHARE
from strategies.watches.watch import Verdict, Watch

Z_ONE_SIDED, Z_TWO_SIDED = 1.6449, 1.96
TENTH = 0.1
SAMPLES = 1000
"""Answers of a suite that nothing is known of."""


def noise_floor(accuracy: float, samples: int) -> float:
    """Return the smallest difference of two accuracies near `accuracy`, 0..1, that `samples` answers each can tell."""
    rate = (samples * accuracy + 1) / (samples + 2)  # never 0 or 1, where there would be no noise at all
    return Z_TWO_SIDED * sqrt(2 * rate * (1 - rate) / samples)


def _variance_of_mean(rewards: list[float], rollouts: int) -> float:
    """Return the variance of a mean of steps: that of its rollouts at least, which few steps may not show."""
    mean = fmean(rewards)
    of_steps = variance(rewards) / len(rewards) if len(rewards) > 1 else 0.0
    return max(of_steps, mean * (1 - mean) / rollouts)


@dataclass(frozen=True, kw_only=True)
class Plateau(Watch):
    """Alarms when the next tenth of the budget would buy less than can be seen; the module says the rest."""

    name: ClassVar[str] = "plateau"

    threshold: Annotated[float | None, Range(least=0)] = None
    """Reward that the next tenth of the budget has to buy; None: the noise floor of the primary suite."""
    window_steps: Annotated[int, Range(least=2)] = 20
    """Steps that the gain is measured over, half against half."""

    def init(self) -> State:
        """Hold reward, rollouts, share of the budget and FLOPs of the last steps."""
        return {"rewards": [], "rollouts": [], "shares": [], "flops": []}

    def judge(self, measured: Mapping[str, float], progress: Progress, state: State) -> tuple[Verdict, State]:
        """Alarm when the gain that can still be hoped for is below the threshold."""
        now = {
            "rewards": progress.reward,
            "rollouts": progress.rollouts,
            "shares": progress.share,
            "flops": progress.flops,
        }
        state = {name: [*state[name], value][-self.window_steps :] for name, value in now.items()}
        if len(state["rewards"]) < self.window_steps:
            return Verdict(alarm=False), state
        half = self.window_steps // 2
        early, late = state["rewards"][:half], state["rewards"][-half:]
        gain = fmean(late) - fmean(early)
        rollouts = sum(state["rollouts"][:half]), sum(state["rollouts"][-half:])
        error = sqrt(_variance_of_mean(early, rollouts[0]) + _variance_of_mean(late, rollouts[1]))
        apart = fmean(state["shares"][-half:]) - fmean(state["shares"][:half])
        if apart <= 0:
            return Verdict(alarm=False), state
        hoped = (gain + Z_ONE_SIDED * error) * TENTH / apart
        level = min(max(fmean(late), 0.0), 1.0)
        floor = noise_floor(level, progress.suite_samples or SAMPLES) if self.threshold is None else self.threshold
        numbers = {"gain": gain, "gain_error": error, "gain_hoped": hoped, "threshold": floor}
        spent = fmean(state["flops"][-half:]) - fmean(state["flops"][:half])
        if spent > 0:
            numbers["gain_per_exaflop"] = gain / spent * 1e18
        if hoped >= floor or progress.share <= FIRST_SHARE:
            return Verdict(alarm=False, numbers=numbers), state
        because = (
            f"over {self.window_steps} steps the reward went from {fmean(early):.3f} to {fmean(late):.3f}: another "
            f"tenth of the budget buys at most {hoped:+.4f}, less than {floor:.4f}, which the evaluation could tell"
        )
        return Verdict(alarm=True, numbers=numbers, because=because), state
