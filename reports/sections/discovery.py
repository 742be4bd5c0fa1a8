"""Sharpening or discovery: pass@k, and what became of it."""

from __future__ import annotations

from reports import formatting
from reports.blocks import Block, Section, Table
from reports.curves import discovery_bands, pass_curve
from reports.figures import AxisLabels, Look
from reports.figures.style import FAINT
from reports.findings import Findings
from reports.read import SuiteView
from reports.read.plan import BASE_ARM
from reports.sections.draw import bands_drawing
from reports.statistics import Interval, mean_interval, side

NOTE = (
    "pass@k: the chance that one of k answers is right, unbiased (Chen et al. 2021), over items and then seeds. "
    "Training that only makes likely answers likelier lifts the left end and leaves the right one, or lowers it: "
    "sharpening. Discovery lifts the right end too: problems that the untrained model can hardly solve. Differences to "
    "the untrained model over seeds, 95% t intervals, not shared among arms: read them as hints."
)


def discovery(found: Findings) -> Section:
    """Return pass@k curves of all suites with several samples."""
    blocks: list[Block] = []
    for place, suite in enumerate(found.run.plan.suites):
        if suite.samples < 2:
            continue
        bands = discovery_bands(found.run, suite.name, found.at)
        if not (bands["arm"] != BASE_ARM).any():
            continue
        labels = AxisLabels(x="k answers", y=f"{suite.name}, pass@k", percent=True, doubling=True)
        looks = {BASE_ARM: Look(colour=FAINT, marker="", dash=(0, (4, 3)), key="arm-base"), **found.looks}
        blocks.append(bands_drawing(found, bands, (f"pass-at-k-{place}", suite.name), labels, looks=looks))
    primary = [suite for suite in found.run.plan.suites if suite.primary and suite.samples > 1]
    rows = [row for suite in primary for row in _rows(found, suite)]
    header = ("arm", "suite", "pass@1 less untrained (points)", "pass@K less untrained (points)", "what it looks like")
    table = Table(header=header, rows=tuple(rows), name="discovery", title="On the primary suites")
    return Section(
        id="discovery", title="Sharpening or discovery", note=NOTE, blocks=(*blocks, table) if blocks else ()
    )


def _rows(found: Findings, suite: SuiteView) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for arm in found.run.plan.trained_arms:
        one, many = (_gain(found, arm, suite.name, k) for k in (1, suite.samples))
        if one is not None and many is not None:
            rows.append((arm, suite.name, formatting.points(one), formatting.points(many), _words(one, many)))
    return rows


def _gain(found: Findings, arm: str, suite: str, k: int) -> Interval | None:
    """Return pass@k less that of the untrained model, over the seeds that have both."""
    gains = []
    for seed in found.run.plan.seeds:
        after = pass_curve(found.run, (arm, seed), found.at, suite, [k])
        before = pass_curve(found.run, (BASE_ARM, seed), found.at, suite, [k])
        gains += [after[0] - before[0]] if after and before else []
    return mean_interval(gains) if gains else None


def _words(one: Interval, many: Interval) -> str:
    if one.low is None or many.low is None:
        return "can't tell: one seed"
    names = {"above": 1, "below": -1}
    first, last = (names.get(side(gain), 0) for gain in (one, many))
    if first > 0:
        return "discovery: both rose" if last > 0 else "sharpening: pass@1 rose, pass@K didn't"
    if last < 0:
        return "narrowing: pass@K fell"
    return "discovery: pass@K rose alone" if last > 0 else "can't tell"
