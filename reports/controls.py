"""Each arm against its own controls: its score less theirs, paired by seed."""

from __future__ import annotations

from dataclasses import dataclass

from reports import formatting
from reports.comparison import PRIMARY, difference_of, scores_by_seed
from reports.read import Run
from reports.read.controls import ControlView
from reports.statistics import Interval, verdict

TITLE = "Controls: does the idea matter, or only the noise?"
FAILED = "failed"
VERDICTS = {"better": "more than its control", "worse": "less than its control", "can't tell": "can't tell"}
HEADER = ("arm", "control", "arm less its control (points)", "seeds", "verdict")


@dataclass(frozen=True, kw_only=True, slots=True)
class ControlRow:
    """One arm and one of its controls, at the checkpoint where arms are compared."""

    arm: str
    control: ControlView
    difference: Interval | None
    """Primary score of the arm less that of its control, paired by seed; None when no seed has both. The intervals of
    all rows hold together at 95%."""
    planned_seeds: int
    hopeless: bool
    """Whether every seed lacks a score because a cell of it failed: the difference won't come by itself."""

    @property
    def verdict(self) -> str:
        """Where the difference lies, in words."""
        return "no seed has both" if self.difference is None else VERDICTS[verdict(self.difference)]

    @property
    def side(self) -> str:
        """The verdict in one word: better, worse or unsure."""
        found = None if self.difference is None else verdict(self.difference)
        return found if found in ("better", "worse") else "unsure"

    @property
    def texts(self) -> tuple[str, ...]:
        """The row as it is shown, in the order of `HEADER`."""
        missing = FAILED if self.hopeless else formatting.MISSING
        return (
            self.arm,
            self.control.name,
            missing if self.difference is None else formatting.points(self.difference),
            f"{0 if self.difference is None else self.difference.count}/{self.planned_seeds}",
            self.verdict,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Controls:
    """What the controls of a run show."""

    rows: tuple[ControlRow, ...]
    uncounted: str
    """Which seeds of which arms have no score, and why; empty when all have one."""

    @property
    def header(self) -> tuple[str, ...]:
        """The column titles of the rows' texts."""
        return HEADER

    @property
    def joint(self) -> str:
        """What to say of the interval of a difference."""
        return formatting.interval_name(len(self.rows), "pairs")

    def of(self, arm: str) -> list[ControlRow]:
        """Return the rows of one arm."""
        return [row for row in self.rows if row.arm == arm]


def controls(run: Run, checkpoint: int) -> Controls:
    """Return each arm against each of its own controls at `checkpoint`; at 0 nothing has a score yet."""
    pairs = run.plan.controls.pairs
    scored = {
        arm: set(scores_by_seed(run, arm, checkpoint, PRIMARY)) if checkpoint else set()
        for pair, control in pairs
        for arm in (pair, control.name)
    }
    return Controls(
        rows=tuple(_row(run, arm, control, checkpoint, scored) for arm, control in pairs),
        uncounted="; ".join(text for arm in scored if (text := _uncounted(run, arm, scored[arm]))),
    )


def _row(run: Run, arm: str, control: ControlView, checkpoint: int, scored: dict[str, set[int]]) -> ControlRow:
    pairs, seeds = len(run.plan.controls.pairs), run.plan.seeds
    both = scored[arm] & scored[control.name]
    lost = {
        cell.seed
        for cell in run.cells
        if cell.arm in (arm, control.name) and cell.state == "failed" and cell.seed not in scored[cell.arm]
    }
    return ControlRow(
        arm=arm,
        control=control,
        difference=difference_of(run, arm, control.name, checkpoint, PRIMARY, pairs) if both else None,
        planned_seeds=len(seeds),
        hopeless=lost >= set(seeds),
    )


def _uncounted(run: Run, arm: str, scored: set[int]) -> str:
    """Return the seeds of an arm that have no score, by why; empty when all have one."""
    states = {cell.seed: cell.state for cell in run.cells if cell.arm == arm}
    by_state: dict[str, list[str]] = {}
    for seed in run.plan.seeds:
        if seed not in scored:
            by_state.setdefault(_why(states.get(seed)), []).append(str(seed))
    parts = [
        f"{'seed' if len(seeds) == 1 else 'seeds'} {formatting.listing(seeds)} {why}" for why, seeds in by_state.items()
    ]
    return f"{arm}: {', '.join(parts)}" if parts else ""


def _why(state: str | None) -> str:
    if state is None:
        return "without parameters yet"
    return "done, but not evaluated" if state == "done" else state
