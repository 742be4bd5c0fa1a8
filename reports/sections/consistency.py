"""Consistency: the seeds, what each period gained, falls, and the noise of the measurement."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from reports.blocks import Drawing, Section
from reports.comparison import PRIMARY, score_of, scores_at, scores_by_seed
from reports.consistency import Steadiness, consistency_table, noise_table
from reports.curves import gain_bands
from reports.figures import AxisLabels, Mark, dot_chart, panel_chart
from reports.findings import Findings
from reports.sections.draw import bands_drawing

if TYPE_CHECKING:
    import pandas as pd

NOTE = (
    "On the primary score. Spread over training seeds with its 95% interval (chi-squared). A fall from one evaluation "
    "to the next is erratic if measurement alone makes any fall of an arm as large once in a hundred arms; a would-be "
    "rollback is where the score lies that far below the best one so far."
)
PANELS = 12
"""Most arms whose seeds are drawn one by one: those that fell first, then the best."""


def consistency(found: Findings) -> Section:
    """Return how steady the arms are."""
    run, steady = found.run, found.beside.steadiness
    noise = noise_table(run).named(
        "noise",
        "Noise of the measurement",
        note="The same model, evaluated once a seed with other random numbers: what differs is noise. No difference "
        "below it counts.",
    )
    labels = AxisLabels(x="evaluation", y="gain since the one before", percent=True)
    gains = bands_drawing(found, gain_bands(run), ("gains", "Gain of each period"), labels)
    table = consistency_table(run, steady).named("consistency", "Steadiness")
    return Section(
        id="consistency",
        title="Consistency",
        note=NOTE,
        blocks=(_seeds(found), gains, _falls(found), table, noise),
    )


def _seeds(found: Findings) -> Drawing:
    import pandas as pd

    title = f"Seeds, {found.board.primary}"
    rows = []
    for arm in found.run.plan.trained_arms:
        interval = score_of(found.run, arm, found.at, PRIMARY)
        if interval is None:
            continue
        low, high = (math.nan if end is None else end for end in (interval.low, interval.high))
        rows += [
            {"arm": arm, "seed": seed, "score": score, "mean": interval.mean, "low": low, "high": high}
            for seed, score in scores_by_seed(found.run, arm, found.at, PRIMARY).items()
        ]
    if not rows:
        return Drawing(name="seeds", title=title, figure=None, caption="No trained arm has a score there yet.")
    points = pd.DataFrame(rows)
    figure = dot_chart(points, f"{found.board.primary}, score of each seed", found.looks)
    said = "; ".join(
        f"{arm}: {', '.join(f'{100 * score:.1f}' for score in ours['score'])}"
        for arm, ours in points.groupby("arm", sort=False)
    )
    caption = "A dot for each training seed; stroke: mean; bar: 95% t interval."
    described = f"{title}: {said}"
    return Drawing(
        name="seeds", title=title, figure=figure, data=points, described=described, caption=caption, wide=True
    )


def _falls(found: Findings) -> Drawing:
    """Return the way of every seed, with erratic falls and would-be rollbacks marked."""
    import pandas as pd

    run, title = found.run, "Seeds on their way, falls marked"
    fallen = [one.arm for one in found.beside.steadiness if one.jumps or one.rollbacks]
    best = [row.arm for row in found.board.ranked if row.arm in found.looks]
    shown = list(dict.fromkeys([*fallen, *best]))[:PANELS]
    rows = []
    for arm in shown:
        for number in range(run.plan.checkpoints + 1):
            scored = scores_at(run, arm, number, PRIMARY)
            rows += [{"arm": arm, "seed": seed, "x": number, "y": score} for seed, score in scored.items()]
    lines = pd.DataFrame(rows, columns=["arm", "seed", "x", "y"])
    if lines.empty:
        return Drawing(name="falls", title=title, figure=None, caption="No checkpoint has been evaluated yet.")
    marks = [mark for one in found.beside.steadiness if one.arm in shown for mark in _marks(one, lines)]
    looks = {arm: found.looks[arm] for arm in run.plan.trained_arms if arm in shown}
    figure = panel_chart(lines, marks, AxisLabels(x="evaluation", y=found.board.primary, percent=True), looks)
    said = "; ".join(f"{one.arm}: {one.what} at evaluation {one.x:g}" for one in marks) or "no fall beyond noise"
    left = len(run.plan.trained_arms) - len(shown)
    caption = f"A line for each seed.{f' {left} more arms are in the table.' if left else ''}"
    return Drawing(
        name="falls", title=title, figure=figure, data=lines, described=f"{title}: {said}", caption=caption, wide=True
    )


def _marks(one: Steadiness, lines: pd.DataFrame) -> Iterator[Mark]:
    for what, falls in (("erratic fall", one.jumps), ("would-be rollback", one.rollbacks)):
        for seed, fall in falls:
            number = one.checkpoints[seed][fall.at]
            there = lines[(lines["arm"] == one.arm) & (lines["seed"] == seed) & (lines["x"] == number)]
            yield Mark(arm=one.arm, x=number, y=float(there["y"].iloc[0]), what=what)
