"""What speaks against an arm beside its score, in sentences: what it broke, how it fell, what it cost."""

from __future__ import annotations

from reports import formatting
from reports.leaderboard import ArmRow, Leaderboard
from reports.read.plan import BASE_ARM
from reports.reading import UNITS

MUCH = 1.25
"""An arm off the front is called dear if it used so many times the compute of the cheapest one on it."""


def broken_and_dear(board: Leaderboard) -> list[str]:
    """Return a sentence each for arms that regressed somewhere, fell on their way, or cost more for no more."""
    rows = [row for row in board.rows if row.arm != BASE_ARM and row.seeds]
    return [sentence for sentence in (_broken(board, rows), _fell(board, rows), _dear(board, rows)) if sentence]


def _broken(board: Leaderboard, rows: list[ArmRow]) -> str:
    parts = []
    for row in rows:
        found: dict[str, list[str]] = {}
        for one in board.beside.side_effects(row.arm):
            below = "the untrained model" if one.reference == BASE_ARM else one.reference
            found.setdefault(one.suite, []).append(below)
        parts += [f"{row.arm} on {suite} (below {formatting.listing(below)})" for suite, below in found.items()]
    return f"Something broke: {'; '.join(parts)}." if parts else ""


def _fell(board: Leaderboard, rows: list[ArmRow]) -> str:
    parts = []
    for row in rows:
        steady = board.beside.steadiness_of(row.arm)
        if steady is None or not steady.jumps:
            continue
        deepest = max((fall.size for _, fall in steady.jumps), default=0.0)
        seeds = len({seed for seed, _ in steady.jumps})
        falls = formatting.counted(len(steady.jumps), "time")
        parts.append(
            f"{row.arm} fell {falls} beyond noise on its way, by up to {100 * deepest:.1f} points, in "
            f"{formatting.counted(seeds, 'seed')}"
        )
    return f"{'; '.join(parts)}." if parts else ""


def _dear(board: Leaderboard, rows: list[ArmRow]) -> str:
    """Return which arms cost much more than one that scores at least as much, in the unit in which that is worst."""
    parts = []
    for row in rows:
        ratios = {unit: ratio for unit in UNITS if (ratio := _ratio(board, row.arm, unit)) >= MUCH}
        if ratios:
            unit = max(ratios, key=lambda one: ratios[one])
            name = UNITS[unit][1]
            parts.append(f"{row.arm} used {ratios[unit]:.1f} times the {name} of an arm that scores at least as much")
    return f"{'; '.join(parts)}." if parts else ""


def _ratio(board: Leaderboard, arm: str, unit: str) -> float:
    """Return an arm's compute by that of the cheapest other arm that scores at least as much; 1 where there is none."""
    made = board.beside.made[unit]
    ours = next(one for one in made if one.arm == arm)
    costs = [one.cost for one in made if one.arm != arm and one.score >= ours.score and one.cost > 0]
    return ours.cost / min(costs) if costs and ours.cost > 0 else 1.0
