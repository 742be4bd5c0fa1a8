"""Collapse: is there still chance in what is sampled, and still something to learn from it?

Two ways to die: token entropy falls until every rollout is the same, and groups become all right or all wrong, which
gives GRPO no advantage at all.

Formula:
    Alarm: the mean token entropy of `window_steps` steps is below `threshold`, by default a quarter of its mean in the
    first tenth of the run; or the mean share of groups with one reward is above `most_uniform`, by default halfway from
    that of the first tenth to 1.

Source:
    Entropy collapse as in Cui et al. 2025, arXiv 2505.22617; groups without variance as in DAPO, arXiv 2503.14476.

Known defects:
    A low entropy is no fault where the model knows the answer. Entropy is measured at the sampling temperature.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from strategies.contract import State
from strategies.parameters import Range
from strategies.progress import Progress
from strategies.watches import level
from strategies.watches.watch import Verdict, Watch


@dataclass(frozen=True, kw_only=True)
class Collapse(Watch):
    """Alarms when token entropy or the share of groups that teach something is gone; the module says the rest."""

    name: ClassVar[str] = "collapse"

    threshold: Annotated[float | None, Range(least=0)] = None
    """Token entropy, in nats, below which it alarms; None: a quarter of that of the first tenth of the run."""
    most_uniform: Annotated[float | None, Range(least=0, most=1)] = None
    """Share of groups with one reward above which it alarms; None: halfway from that of the first tenth to 1."""
    window_steps: Annotated[int, Range(least=1)] = 10
    """Steps that both are averaged over."""

    def init(self) -> State:
        """Hold the last entropies and shares, and those of the first tenth."""
        return {"entropy": level.begun(), "uniform": level.begun()}

    def judge(self, measured: Mapping[str, float], progress: Progress, state: State) -> tuple[Verdict, State]:
        """Alarm when either is past its threshold."""
        seen = {"entropy": progress.entropy, "uniform": progress.zero_variance}
        state = {
            name: level.followed(state[name], value, progress.share, self.window_steps) for name, value in seen.items()
        }
        numbers: dict[str, float] = {"entropy": progress.entropy, "zero_variance": progress.zero_variance}
        entropy, uniform = (level.average(state[name], self.window_steps) for name in seen)
        least, most = self._thresholds(state)
        if entropy is None or uniform is None or least is None or most is None:
            return Verdict(alarm=False, numbers=numbers), state
        numbers |= {
            "window_entropy": entropy,
            "window_zero_variance": uniform,
            "threshold": least,
            "most_uniform": most,
        }
        reasons = []
        if entropy < least:
            reasons.append(f"token entropy was {entropy:.3g} nats, below {least:.3g}")
        if uniform > most:
            reasons.append(f"{100 * uniform:.0f}% of groups had one reward, more than {100 * most:.0f}%")
        because = f"over {self.window_steps} steps {' and '.join(reasons)}" if reasons else ""
        return Verdict(alarm=bool(reasons), numbers=numbers, because=because), state

    def _thresholds(self, state: State) -> tuple[float | None, float | None]:
        """Return the least entropy and the most uniform groups; None before they are known."""
        entropy, uniform = state["entropy"]["base"], state["uniform"]["base"]
        least = self.threshold if self.threshold is not None else None if entropy is None else entropy / 4
        most = self.most_uniform if self.most_uniform is not None else None if uniform is None else (1 + uniform) / 2
        return least, most
