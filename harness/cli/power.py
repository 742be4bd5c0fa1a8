"""`explorebench power`, and what `check` says of a plan's power."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.errors import explained

if TYPE_CHECKING:
    from harness.plan.resolve import Plan
    from reports.statistics import Design, Target, Variances

POINTS = (1, 2, 3)
"""Differences for which the seeds are counted."""


@click.command()
@click.argument("plan_file", metavar="PLAN", type=click.Path(path_type=Path))
@click.option("--pilot", type=click.Path(path_type=Path), help="A run whose variances are taken in place of defaults.")
@click.option("--seeds", type=click.IntRange(min=2), help="Another number of training seeds than the plan's.")
def power(plan_file: Path, pilot: Path | None, seeds: int | None) -> None:
    """Say what PLAN can detect, and how many seeds would detect 1, 2 and 3 points."""
    from reports import ReportError

    with explained(ReportError):
        from harness.plan.resolve import load_plan

        plan = load_plan(plan_file)
        known = _measured(pilot) if pilot is not None else {}
    for line in power_lines(plan, known, seeds):
        click.echo(line)


def power_lines(plan: Plan, known: dict[str, Variances], seeds: int | None = None) -> Iterator[str]:
    """Yield what a plan can detect on each suite and on its primary score, and a caution where that is too little.

    Args:
        plan: The plan.
        known: Measured variances by suite; the defaults stand for others.
        seeds: In the place of the plan's.
    """
    from reports.statistics import LIKE_THESE, THESE

    seeds = len(plan.seeds) if seeds is None else seeds
    if seeds < 2:
        yield "\nno difference can be detected: one seed gives no interval"
        return
    compared = max(sum(arm.name not in ("base", plan.baseline) for arm in plan.arms), 1)
    arms = f", the first of {compared} arms (Holm)" if compared > 1 else ""
    yield f"\nsmallest difference that {seeds} seeds detect (80% power, 95% intervals{arms}), in points"
    yield f"  {'suite':<26} on these items   on items like these   seeds to tell 1, 2, 3 points from none"
    primary = [use.name for use, _ in plan.suites if use.primary]
    for name, suites in [*((suite.name, [suite.name]) for _, suite in plan.suites), ("primary score", primary)]:
        mark = " (primary)" if name in primary else ""
        designs = {target: _design(plan, suites, known, seeds, compared, target) for target in (THESE, LIKE_THESE)}
        these, like = (100 * design.detectable() for design in designs.values())
        asked = replace(designs[plan.verdicts.items], margin=0.0)
        needed = ", ".join(_seeds(asked.seeds_for(points / 100)) for points in POINTS)
        yield f"  {name + mark:<26} {these:14.1f}   {like:19.1f}   {needed:>37}"
    yield f"  seeds are for {plan.verdicts.items}; {_source(plan, known)}"
    yield from _fixed_models(plan, known)
    yield from _cautions(plan, _design(plan, primary, known, seeds, compared, plan.verdicts.items))


def _fixed_models(plan: Plan, known: dict[str, Variances]) -> Iterator[str]:
    """Yield what the suites see between two models as they are, no matter how they were trained."""
    from reports.statistics import DEFAULT_VARIANCES, detectable_difference, items_to_detect

    def fixed(name: str) -> Variances:
        return replace(known.get(name, DEFAULT_VARIANCES), seed_sd=0.0)

    sees = [
        f"{suite.name} {100 * detectable_difference(1, len(suite.items), suite.samples, fixed(suite.name)):.1f}"
        for _, suite in plan.suites
    ]
    first = plan.suites[0][1]
    needed = items_to_detect(plan.verdicts.looking_for / 100, first.samples, fixed(first.name))
    yield f"between two fixed models, items like these, in points: {', '.join(sees)}"
    sought = f"{plan.verdicts.looking_for:g} points"
    yield f"  {sought} need {needed:,} items like those of {first.name}, K = {first.samples}"


def _design(
    plan: Plan, names: Sequence[str], known: dict[str, Variances], seeds: int, compared: int, target: Target
) -> Design:
    from reports.statistics import DEFAULT_VARIANCES, Design, SuiteDesign

    return Design(
        seeds=seeds,
        suites=tuple(
            SuiteDesign(
                items=len(suite.items), samples=suite.samples, variances=known.get(suite.name, DEFAULT_VARIANCES)
            )
            for _, suite in plan.suites
            if suite.name in names
        ),
        level=1 - 0.05 / compared,
        margin=plan.verdicts.margin / 100,
        target=target,
    )


def _cautions(plan: Plan, design: Design) -> Iterator[str]:
    """Yield why the plan can't answer its own question, if it can't."""
    sought, found = plan.verdicts.looking_for, 100 * design.detectable()
    if found <= sought:
        return
    needed = design.seeds_for(sought / 100)
    more = f"{needed:.0f} seeds would"
    if math.isinf(needed):
        more = "no number of seeds would do: take more items, or claim for these items (verdicts: {items: these items})"
    yield (
        f"caution: the plan is after {sought:g} points (verdicts: looking_for) and detects {found:.1f}, so most likely "
        f"it will say that it can't tell; {more}"
    )


def _seeds(number: float) -> str:
    return "never" if math.isinf(number) else f"{number:.0f}"


def _source(plan: Plan, known: dict[str, Variances]) -> str:
    measured = [suite.name for _, suite in plan.suites if suite.name in known]
    default = "a seed sd of 1 point and the variances of Miller 2024"
    if not measured:
        return f"assuming {default}; `explorebench power PLAN --pilot RUN` takes a run's own"
    rest = "" if len(measured) == len(plan.suites) else f"; for other suites {default}"
    return f"with the pilot's variances for {', '.join(measured)}{rest}"


def _measured(pilot: Path) -> dict[str, Variances]:
    from reports.read import read_run
    from reports.verdicts.pilot import pilot_variances

    return pilot_variances(read_run(pilot))
