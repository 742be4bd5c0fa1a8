"""Each arm against its own controls: its score less theirs, paired by seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reports import formatting
from reports.comparison import PRIMARY, scores_by_seed
from reports.read import Run
from reports.read.controls import ControlView
from reports.reading import Reading
from reports.statistics import Interval, Verdict
from reports.verdicts.family import Judged, judged

TITLE = "Controls: does the idea matter, or only the noise?"
FAILED = "failed"
VERDICTS: Mapping[Verdict, str] = {
    "improved": "more than its control",
    "regressed": "less than its control",
    "equivalent": "as much as its control",
    "can't tell": "can't tell",
}
HEADER = ("arm", "control", "arm less its control (points)", "seeds", "verdict")


@dataclass(frozen=True, kw_only=True, slots=True)
class ControlRow:
    """One arm and one of its controls, at the checkpoint where arms are compared."""

    arm: str
    control: ControlView
    against: Judged
    """Primary score of the arm less that of its control, paired by seed and item; all rows share the doubt."""
    planned_seeds: int
    hopeless: bool
    """Whether every seed lacks a score because a cell of it failed: the difference won't come by itself."""

    @property
    def difference(self) -> Interval | None:
        """The arm less its control; None when no seed has both."""
        return self.against.interval

    @property
    def verdict(self) -> str:
        """What may be said of the difference, in words."""
        return "no seed has both" if self.against.verdict is None else VERDICTS[self.against.verdict]

    @property
    def side(self) -> str:
        """The verdict in one word."""
        return self.against.verdict or "none"

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


def controls(run: Run, at: Reading) -> Controls:
    """Return each arm against each of its own controls where the cells are compared."""
    owned = run.plan.controls.pairs
    found = judged(run, [(arm, control.name) for arm, control in owned], at, PRIMARY)
    scored = {
        arm: set(scores_by_seed(run, arm, at, PRIMARY)) for owner, control in owned for arm in (owner, control.name)
    }
    return Controls(
        rows=tuple(_row(run, control, against, scored) for (_, control), against in zip(owned, found, strict=True)),
        uncounted="; ".join(text for arm in scored if (text := _uncounted(run, arm, scored[arm]))),
    )


def _row(run: Run, control: ControlView, against: Judged, scored: dict[str, set[int]]) -> ControlRow:
    lost = {
        cell.seed
        for cell in run.cells
        if cell.arm in (against.arm, control.name) and cell.state == "failed" and cell.seed not in scored[cell.arm]
    }
    return ControlRow(
        arm=against.arm,
        control=control,
        against=against,
        planned_seeds=len(run.plan.seeds),
        hopeless=lost >= set(run.plan.seeds),
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
