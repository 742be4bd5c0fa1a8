"""Score against compute: curves, the front, what compute bought, profiles, and each suite."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from reports.aggregates import aggregate_table, profile_bands
from reports.blocks import Drawing, Section, Table
from reports.comparison import PRIMARY, score_of
from reports.curves import score_bands
from reports.efficiency import efficiency_table
from reports.figures import AxisLabels, front_chart
from reports.findings import Findings
from reports.read import SuiteView
from reports.read.plan import BASE_ARM
from reports.reading import UNITS, at_checkpoint
from reports.sections.draw import bands_drawing
from reports.tables import suite_table

if TYPE_CHECKING:
    from reports.efficiency import Efficiency

NOTE = (
    "A dot for each sealed checkpoint, starting at the untrained model (dashed). Line: mean over seeds; band: 95% t "
    "interval over seeds, cut where it leaves the panel. Evaluation is outside the budget and not counted here. On the "
    "front: no other arm scores at least as much for at most as much compute. Suites: against the untrained model and "
    "the baseline, paired by seed and item, 95% intervals; their verdicts are secondary, arms share the doubt within a "
    "suite (Benjamini-Hochberg)."
)


def scores(found: Findings) -> Section:
    """Return score against compute."""
    run = found.run
    others = [suite for suite in run.plan.suites if run.plan.primary_suites != (suite.name,)]
    made = found.beside.made
    blocks: list[Drawing | Table] = []
    blocks += [_curve(found, PRIMARY, found.board.primary, unit) for unit in UNITS]
    blocks += [_front(found, unit, rows) for unit, rows in made.items()]
    blocks.append(_profile(found))
    blocks.append(
        efficiency_table(run, found.unit, made[found.unit]).named(
            "efficiency",
            "Score for compute",
            note="Between checkpoints linearly, never beyond the last. Compute to the baseline's final score: median "
            "over seeds, with an interval between two of them and what it covers; a seed that never got there is "
            "infinite.",
        )
    )
    blocks.append(aggregate_table(run, found.at).named("aggregates", "Over seeds and suites"))
    blocks += [_curve(found, suite.name, suite.name, found.unit) for suite in others]
    blocks += [_suite(found, suite) for suite in run.plan.suites]
    return Section(id="scores", title="Score against compute", note=NOTE, blocks=tuple(blocks))


def _curve(found: Findings, suite: str | None, title: str, unit: str) -> Drawing:
    run, along = found.run, UNITS[unit][1]
    primary = suite is PRIMARY
    place = "primary" if primary else f"suite-{[one.name for one in run.plan.suites].index(title)}"
    name, heading = f"{place}-{unit.replace('_', '-')}", f"{title} against {along}" if primary else title
    bands = score_bands(run, suite, unit)
    of_unit = unit if primary else ""
    if not (bands["x"] > 0).any():
        caption = f"Unknown: no evaluated checkpoint has known {along}."
        return Drawing(name=name, title=heading, figure=None, caption=caption, unit=of_unit)
    base = score_of(run, BASE_ARM, at_checkpoint(run, 0), suite)
    labels = AxisLabels(x=along, y=f"{title}, score", percent=True)
    drawing = bands_drawing(found, bands, (name, heading), labels, base=None if base is None else base.mean)
    return replace(drawing, unit=of_unit)


def _front(found: Findings, unit: str, rows: Sequence[Efficiency]) -> Drawing:
    import pandas as pd

    along = UNITS[unit][1]
    name, title = f"front-{unit.replace('_', '-')}", f"Front of score against {along}"
    points = pd.DataFrame(
        [{"arm": one.arm, "x": one.cost, "score": one.score, "front": one.on_front} for one in rows],
        columns=["arm", "x", "score", "front"],
    ).dropna()
    if points.empty:
        caption = f"Unknown: no arm has come to its end with known {along}."
        return Drawing(name=name, title=title, figure=None, caption=caption, unit=unit)
    labels = AxisLabels(x=f"{along}, all of training", y=f"{found.board.primary}, score", percent=True)
    said = "; ".join(
        f"{arm} {100 * score:.1f} for {x:.3g}{', on the front' if front else ''}"
        for arm, x, score, front in points.to_numpy().tolist()
    )
    figure = front_chart(points, labels, found.looks)
    return Drawing(name=name, title=title, figure=figure, data=points, described=f"{title}: {said}", unit=unit)


def _profile(found: Findings) -> Drawing:
    bands = profile_bands(found.run, found.at)
    labels = AxisLabels(x="score (%)", y="seeds x suites above it", percent=True)
    return bands_drawing(found, bands, ("profile", "Performance profile"), labels)


def _suite(found: Findings, suite: SuiteView) -> Table:
    mark = " (primary)" if suite.primary else ""
    samples = "sample" if suite.samples == 1 else "samples"
    note = f"{suite.items} items, {suite.samples} {samples} per item."
    if suite.description:
        note = f"{suite.description.rstrip('.')}. {note}"
    table = suite_table(found.run, suite, found.at)
    place = [one.name for one in found.run.plan.suites].index(suite.name)
    return table.named(f"suite-{place}", f"{suite.name}{mark}", note=note, look="suite")
