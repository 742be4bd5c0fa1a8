"""The leaderboard: one row per arm, one per failed cell; as numbers and as texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reports import formatting
from reports.beside import Beside, beside
from reports.comparison import PRIMARY, default_reading, score_of, scores_by_seed
from reports.consistency import spread_text
from reports.origin import origin_of_parameters
from reports.read import CellView, Run
from reports.read.plan import BASE_ARM, PlanView
from reports.read.spent import Spent
from reports.reading import Reading
from reports.spent import mean_spent, spent_texts
from reports.statistics import Interval, Target, Verdict
from reports.verdicts.family import Judged, judged, other_target, ranks

PARTIAL = "partial"
"""In the place of the rank of an arm that has cells still to come."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ArmRow:
    """One arm at the checkpoint where arms are compared."""

    arm: str
    family: str
    """Of its strategy."""
    role: str
    """"untrained", "baseline", "control of …", "control", two of them, or ""."""
    control: bool
    """Whether the arm is a control, which is never claimed as an improvement."""
    parameters: str
    """Where the arm's parameters come from, in words; empty for the untrained model."""
    seeds: int
    """Seeds behind the primary score."""
    planned_seeds: int
    rank: int | None
    """All that are not told from the leader of a group share its rank; None while a cell of the arm is to come."""
    primary: Interval | None
    against: Judged | None
    """Primary score less that of the baseline, paired by seed and item; None for the baseline itself. All challengers
    share the doubt."""
    suites: Mapping[str, Interval | None]
    spent: Spent | None
    """Mean over the seeds counted; None when there is none."""
    failures: tuple[tuple[CellView, Spent], ...]

    @property
    def difference(self) -> Interval | None:
        """Primary score less that of the baseline; None for the baseline, and where no seed has both."""
        return None if self.against is None else self.against.interval

    @property
    def verdict(self) -> Verdict | None:
        """What may be said of the difference; None for the baseline, and where no seed has both."""
        return None if self.against is None else self.against.verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class Leaderboard:
    """All arms, in the plan's order."""

    baseline: str
    at: Reading
    """Where the arms are compared."""
    trained: bool
    """Whether any trained arm has a score there."""
    suites: tuple[str, ...]
    """Those with a column of their own: all but a suite that is the primary score by itself."""
    primary: str
    """The primary score in words."""
    elsewhere: Target
    """What the verdicts are not on, which is printed beside them."""
    challengers: int
    """Arms that are compared with the baseline, controls counted and the untrained model not."""
    rows: tuple[ArmRow, ...]
    beside: Beside
    """Where the plan compares arms, wherever the scores are read."""

    @property
    def joint(self) -> str:
        """What to say of the interval of a difference."""
        return formatting.interval_name(self.challengers, "arms")

    @property
    def candidates(self) -> tuple[ArmRow, ...]:
        """The rows of the arms that may be an improvement: neither a control, nor the baseline, nor untrained."""
        references = (BASE_ARM, self.baseline)
        return tuple(row for row in self.rows if row.arm not in references and not row.control)

    @property
    def ranked(self) -> tuple[ArmRow, ...]:
        """The rows by falling primary score; arms without a score last; ties in the plan's order."""
        return tuple(sorted(self.rows, key=lambda row: -row.primary.mean if row.primary else 1.0))


def leaderboard(run: Run, at: Reading | None = None, others: Beside | None = None) -> Leaderboard:
    """Return the leaderboard of a run, finished or not.

    Args:
        run: The run.
        at: Where cells are compared; by default where the plan says.
        others: What stands beside the scores, if it is known already.
    """
    plan = run.plan
    at = default_reading(run) if at is None else at
    against = {
        found.arm: found
        for found in (
            *judged(run, [(arm, plan.baseline) for arm in plan.challengers], at, PRIMARY),
            *judged(run, [(arm, plan.baseline) for arm in (BASE_ARM,) if arm != plan.baseline], at, PRIMARY),
        )
    }
    ranked = _ranks(run, at)
    rows = tuple(_arm_row(run, arm, at, against.get(arm), ranked.get(arm)) for arm in plan.arms)
    return Leaderboard(
        baseline=plan.baseline,
        at=at,
        trained=any(row.seeds for row in rows if row.arm != BASE_ARM),
        suites=tuple(suite.name for suite in plan.suites if plan.primary_suites != (suite.name,)),
        primary=_primary_in_words(plan.primary_suites),
        elsewhere=other_target(plan.rule.items),
        challengers=len(plan.challengers),
        rows=rows,
        beside=beside(run, at) if others is None else others,
    )


def _ranks(run: Run, at: Reading) -> dict[str, int]:
    """Return the ranks of the trained arms that have a score and no cell that is still to come."""
    scored = [arm for arm in run.plan.trained_arms if scores_by_seed(run, arm, at, PRIMARY)]
    coming = {cell.arm for cell in run.cells if cell.state not in ("done", "failed")}
    return ranks(run, [arm for arm in scored if arm not in coming], at)


def header(board: Leaderboard) -> list[str]:
    """Return the column titles, each with its unit."""
    suites = [f"{suite} (%)" for suite in board.suites]
    amounts = ["generated tokens", "FLOPs", "device-seconds", "of which lost (s)", "steps"]
    return [
        "arm",
        "rank",
        "seeds",
        f"{board.primary} (%)",
        f"less {board.baseline} (points)",
        "verdict",
        f"for {board.elsewhere} (points)",
        *suites,
        "sd over seeds (points)",
        "erratic falls",
        "regressed on",
        "mean score over equal compute (%)",
        *amounts,
    ]


def cells(row: ArmRow, board: Leaderboard) -> list[str]:
    """Return the texts of one arm, in the order of `header`."""
    reference = row.arm == board.baseline
    return [
        f"{row.arm} ({row.role})" if row.role else row.arm,
        rank_text(row),
        f"{row.seeds}/{row.planned_seeds}",
        formatting.score(row.primary),
        "reference" if reference else formatting.points(row.difference),
        _verdict_text(row),
        "" if row.against is None else formatting.points(row.against.elsewhere),
        *(formatting.score(row.suites[suite]) for suite in board.suites),
        *beside_texts(row, board),
        *spent_texts(row.spent),
    ]


def beside_texts(row: ArmRow, board: Leaderboard) -> list[str]:
    """Return how steady an arm is, what it broke, and its mean score over equal compute; nothing of the untrained."""
    steady, made = board.beside.steadiness_of(row.arm), board.beside.efficiency_of(row.arm)
    if steady is None or made is None:
        return [""] * 4
    falls, broken = len(steady.jumps), list(dict.fromkeys(one.suite for one in board.beside.broken(row.arm)))
    return [
        spread_text(steady.spread),
        formatting.Number(str(falls), falls),
        formatting.listing(broken) if broken else "none",
        formatting.score(made.area),
    ]


def rank_text(row: ArmRow) -> str:
    """Return the rank of an arm, if it has one."""
    if row.arm == BASE_ARM or not row.seeds:
        return ""
    return PARTIAL if row.rank is None else formatting.Number(f"{row.rank}", row.rank)


def _verdict_text(row: ArmRow) -> str:
    """Return the verdict; the untrained model is no contestant."""
    return "" if row.verdict is None or row.arm == BASE_ARM else row.verdict


def failure_cells(cell: CellView, spent: Spent, board: Leaderboard) -> list[str]:
    """Return the texts of one failed cell, in the order of `header`."""
    blank = [""] * (8 + len(board.suites))
    return [failure_title(cell), "", "", *blank, *spent_texts(spent)]


def failure_title(cell: CellView) -> str:
    """Return what failed, how far it came, and why."""
    cause = cell.cause or "cause unknown"
    return f"{cell.arm}, seed {cell.seed}: failed at {cell.share:.0%} of the budget: {cause}"


def _arm_row(run: Run, arm: str, at: Reading, against: Judged | None, rank: int | None) -> ArmRow:
    plan = run.plan
    seeds = scores_by_seed(run, arm, at, PRIMARY)
    ours = [cell for cell in run.cells if cell.arm == arm]
    counted = [run.spent[cell.id] for cell in ours if cell.seed in seeds]
    return ArmRow(
        arm=arm,
        family=plan.families[arm],
        role=_role(plan, arm, at),
        control=arm in plan.controls.arms,
        parameters=origin_of_parameters(run, arm),
        seeds=len(seeds),
        planned_seeds=len(plan.seeds),
        rank=rank,
        primary=score_of(run, arm, at, PRIMARY),
        against=against,
        suites={suite.name: score_of(run, arm, at, suite.name) for suite in plan.suites},
        spent=mean_spent(counted) if counted else None,
        failures=tuple((cell, run.spent[cell.id]) for cell in ours if cell.state == "failed"),
    )


def _role(plan: PlanView, arm: str, at: Reading) -> str:
    roles = {BASE_ARM: ["untrained"], plan.baseline: ["baseline"]}.get(arm, [])
    if arm in plan.controls.arms:
        of = list(plan.controls.arms[arm].of)
        roles = [*roles, f"control of {formatting.listing(of)}" if of else "control"]
    return ", ".join([*roles, at.mark] if at.mark and arm != BASE_ARM else roles)


def _primary_in_words(suites: tuple[str, ...]) -> str:
    return suites[0] if len(suites) == 1 else f"mean of {formatting.listing(list(suites))}"
