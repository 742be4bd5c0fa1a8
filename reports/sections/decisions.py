"""What strategies saw and decided as figures: cosines, the parts of a hybrid, filters, and recalibrations."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from reports.blocks import Drawing
from reports.cosines import spreads
from reports.decisions import (
    BOTH,
    FILTER,
    KEPT,
    NOISE,
    PLANNED,
    RECALIBRATION,
    SHARE,
    SLIGHT,
    audits,
    deciders,
    filter_parts,
    hybrid_parts,
    scales,
)
from reports.figures import AxisLabels, Mark, area_chart, panel_chart, spread_chart
from reports.findings import Findings

if TYPE_CHECKING:
    import pandas as pd

PANELS = 12
"""Most arms that are drawn in one figure."""
STEPS = "optimizer steps"
UNKNOWN = "Unknown: no step has its numbers."


def cosine_drawings(found: Findings) -> list[Drawing]:
    """Return for each kind of cosine how it is spread at three looks, a panel for each arm that has it."""
    return [
        _cosines(found, f"cosines-{place}", str(kind), rows)
        for place, (kind, rows) in enumerate(found.run.cosines.groupby("name", sort=False))
    ]


def _cosines(found: Findings, name: str, kind: str, rows: pd.DataFrame) -> Drawing:
    title, unreadable = f"Cosines: {kind}", int(rows["counts"].isna().sum())
    left_out = f" {unreadable} of {len(rows)} histograms can't be read, and are left out." if unreadable else ""
    drawn, more = _most([arm for arm in found.run.plan.trained_arms if (rows["arm"] == arm).any()])
    data = spreads(rows, drawn)
    if not data["cosines"].sum():
        return Drawing(name=name, title=title, figure=None, caption=f"Unknown: no cosine was counted.{left_out}")
    labels = AxisLabels(x="cosine", y="cosines (%)", percent=True, counts=False)
    figure = spread_chart(data, labels, {arm: found.looks[arm] for arm in drawn})
    caption = (
        "How the cosines of a batch are spread at the first, the middle and the last look, all seeds together. "
        f"1: the same direction; 0: unrelated; below: opposed.{more}{left_out}"
    )
    said = f"{title}. {'; '.join(_in_words(data[data['arm'] == arm], arm) for arm in dict.fromkeys(data['arm']))}"
    return Drawing(
        name=name, title=title, figure=figure, data=data, described=said, caption=caption, wide=len(drawn) > 1
    )


def _in_words(rows: pd.DataFrame, arm: str) -> str:
    looks = []
    for look, ours in rows.groupby("look", sort=False):
        total = ours["cosines"].sum()
        mean = ((ours["from"] + ours["to"]) / 2 * ours["cosines"]).sum() / total if total else 0.0
        negative = 100 * ours.loc[ours["to"] <= 0, "cosines"].sum() / total if total else 0.0
        looks.append(f"{look} (step {_steps(ours)}) about {mean:.2f} on average, {negative:.0f}% below 0")
    return f"{arm}: {', '.join(looks)}"


def _steps(rows: pd.DataFrame) -> str:
    first, last = int(rows["first_step"].iloc[0]), int(rows["last_step"].iloc[0])
    return str(first) if first == last else f"{first} to {last}"


def hybrid_drawing(found: Findings) -> Drawing:
    """Return the shares of primary and hedge over the run."""
    caption = (
        "Primary below, hedge above. Where whole rollouts, groups or batches are given to a part, the areas are what "
        "was given and the dashed line is what the share asked for."
    )
    drawing = Drawing(name="hybrid-shares", title="Shares of a hybrid's parts", figure=None, caption=caption)
    if not deciders(found.run, SHARE):
        return replace(drawing, caption="")
    return _areas(found, drawing, hybrid_parts(found.run), ("primary", "hedge", PLANNED))


def filter_drawing(found: Findings) -> Drawing:
    """Return the shares of rollouts whose bonus a filter kept or took back."""
    caption = (
        "Of all rollouts: those that kept their bonus, and those from which it was taken back as noise (two halves of "
        "the signal disagree), for too little impact (direction times advantage is next to nothing), or for both. A "
        "control that filters by lot takes back as many."
    )
    drawing = Drawing(name="filter-decisions", title="What filters kept and took back", figure=None, caption=caption)
    if not deciders(found.run, *FILTER):
        return replace(drawing, caption="")
    return _areas(found, drawing, filter_parts(found.run), (KEPT, NOISE, BOTH, SLIGHT))


def _areas(found: Findings, drawing: Drawing, shares: pd.DataFrame, parts: tuple[str, ...]) -> Drawing:
    panels = dict(zip(shares["panel"], shares["arm"], strict=True))
    drawn, more = _most(list(panels))
    data = shares[shares["panel"].isin(drawn)]
    if data.empty:
        return replace(drawing, caption=UNKNOWN)
    looks = {panel: found.looks[panels[panel]] for panel in drawn}
    figure = area_chart(data, AxisLabels(x=STEPS, y="share", percent=True), looks, parts, line=PLANNED)
    ends = [
        f"{panel}: {part} from {100 * rows['share'].iloc[0]:.0f}% to {100 * rows['share'].iloc[-1]:.0f}%"
        for (panel, part), rows in data.groupby(["panel", "part"], sort=False)
    ]
    said = f"{drawing.title} along {STEPS}: {'; '.join(ends)}"
    caption = drawing.caption + more
    return replace(drawing, figure=figure, data=data, described=said, caption=caption, wide=len(drawn) > 1)


def scale_drawing(found: Findings) -> Drawing:
    """Return what each recalibrated bonus was scaled by, its audits marked."""
    run, name, title = found.run, "recalibration", "Recalibration: what the bonus was scaled by"
    lines, owners = scales(run), {one.panel: one.arm for one in deciders(run, *RECALIBRATION)}
    drawn, more = _most([panel for panel in owners if (lines["arm"] == panel).any()])
    if not drawn:
        return Drawing(name=name, title=title, figure=None, caption=UNKNOWN if owners else "")
    lines = lines[lines["arm"].isin(drawn)]
    marks = []
    for panel in drawn:
        ours = lines[lines["arm"] == panel]
        for event in audits(run, owners[panel]):
            at = ours[(ours["seed"] == event.seed) & (ours["x"] == event.step)]
            marks += [Mark(arm=panel, x=event.step, y=float(y), what="audit") for y in at["y"]]
    looks = {panel: found.looks[owners[panel]] for panel in drawn}
    figure = panel_chart(lines, marks, AxisLabels(x=STEPS, y="scale of the bonus"), looks)
    figure.axes[0].set_ylim(-0.04, 1.04)  # of all panels: a scale that stays at 0 is seen to be 0 of 1
    ends = [
        f"{panel}, seed {seed}: from {rows['y'].iloc[0]:.2f} to {rows['y'].iloc[-1]:.2f}"
        for (panel, seed), rows in lines.groupby(["arm", "seed"], sort=False)
    ]
    caption = (
        f"A line for each seed; 0 is plain GRPO, 1 the inner strategy. What each audit found is in the table.{more}"
    )
    return Drawing(
        name=name, title=title, figure=figure, data=lines, described=f"{title}: {'; '.join(ends)}", caption=caption,
        wide=len(drawn) > 1,
    )  # fmt: skip


def _most(names: list[str]) -> tuple[list[str], str]:
    """Return those of `names` that are drawn, and a sentence about the others."""
    left = len(names) - PANELS
    return names[:PANELS], f" {left} more are not drawn; their numbers are in the step lines." if left > 0 else ""
