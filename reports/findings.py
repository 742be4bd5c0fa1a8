"""Everything that a report says of a run, found once: what sections, sentences and files are made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from reports.beside import Beside, beside
from reports.comparison import default_reading
from reports.controls import Controls, controls
from reports.errors import ReportError
from reports.figures import Look, looks
from reports.leaderboard import Leaderboard, leaderboard
from reports.manifest import Counted, manifest
from reports.read import Run
from reports.read.plan import BASE_ARM
from reports.reading import UNITS, Reading, at_budget
from reports.side_by_side import side_by_side
from reports.summary import plain_answer, standing


@dataclass(frozen=True, kw_only=True)
class Findings:
    """One run, read at one place of each cell's way."""

    run: Run
    at: Reading
    unit: str
    """Of compute that scores are set against; of `reports.reading.UNITS`."""

    def settle(self) -> None:
        """Find all that several sections need, so that none of them finds it for itself."""
        for name in ("beside", "board", "matched", "controls", "standing", "answer", "looks", "manifest"):
            getattr(self, name)

    @cached_property
    def beside(self) -> Beside:
        """What stands beside the scores."""
        return beside(self.run, self.at)

    @cached_property
    def board(self) -> Leaderboard:
        """The leaderboard where the arms are compared."""
        return leaderboard(self.run, self.at, self.beside)

    @cached_property
    def matched(self) -> Mapping[str, Leaderboard | str]:
        """Of each unit of compute, the leaderboard at equal compute, or why there is none."""
        _ = self.beside  # found before the processes part, for all of them
        return dict(zip(UNITS, side_by_side(self._matched_in, tuple(UNITS)), strict=True))

    def _matched_in(self, unit: str) -> Leaderboard | str:
        try:
            return leaderboard(self.run, at_budget(self.run, unit), self.beside)
        except ReportError as error:
            return str(error)

    @cached_property
    def controls(self) -> Controls:
        """The arms against their controls."""
        return controls(self.run, self.at)

    @cached_property
    def standing(self) -> str | None:
        """How unfinished the run is."""
        return standing(self.run, self.board)

    @cached_property
    def answer(self) -> list[str]:
        """What the run shows, in sentences."""
        return plain_answer(self.run, self.board)

    @cached_property
    def manifest(self) -> Sequence[Counted]:
        """The records behind the leaderboard."""
        return manifest(self.run, self.at)

    @cached_property
    def looks(self) -> Mapping[str, Look]:
        """How each trained arm is drawn in every figure."""
        best = [row.arm for row in self.board.ranked if row.arm != BASE_ARM]
        return looks(self.run.plan.trained_arms, self.run.plan.baseline, best)


def findings(run: Run, unit: str | None = None, amount: float | None = None) -> Findings:
    """Return what is found where the plan compares arms, or at equal compute.

    Args:
        run: The run.
        unit: Of compute at which arms are matched; by default they are compared where the plan says.
        amount: How much of it; by default the most that all have used.

    Raises:
        ReportError: If the arms can't be matched.
    """
    at = default_reading(run) if unit is None else at_budget(run, unit, amount)
    return Findings(run=run, at=at, unit=unit or run.compute_unit)
