"""The simulations as Markdown, and which targets they meet."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from reports.calibration.experiments import ARMS, Family, Null, Powered

FALSE, COVERED, POWER, FAMILY = 0.05, 0.94, 0.03, 0.05
"""Targets: most false verdicts, least coverage, most error of a printed power, most errors over many arms."""

LEGEND = (
    "Coverage of the 95% interval, with its mean width by that of the interval for which the true variances are",
    "known. Satterthwaite: the moment estimator for items like these, for comparison. False: intervals for items like",
    "these that lie clear of zero. Verdict: what the default rule (margin 1 point) calls improved or regressed. With",
    "three seeds, any interval that doesn't assume how noisy they are is about twice as wide as one that knows.",
)


def calibration_markdown(
    nulls: Sequence[Null], powers: Sequence[Powered], families: Sequence[Family], command: str
) -> str:
    """Return all tables, and each target with whether it is met."""
    blocks = [
        [f"`{command}`: {nulls[0].comparisons:,} simulated comparisons a row."],
        ["## Targets", "", "| target | worst row | met |", "|---|---|---|", *_targets(nulls, powers, families)],
        [
            "## Two arms that don't differ",
            "",
            *LEGEND,
            "",
            "| seeds differ by | S | n | K | these items | like these | Satterthwaite | false (%) | verdict (%) |",
            "|---|---|---|---|---|---|---|---|---|",
            *map(_null, nulls),
        ],
        [
            "## Two arms that differ by what the plan says it detects",
            "",
            "Seeds differ by 1 point, items by 6; for items like these.",
            "",
            "| S | n | K | difference (points) | printed power (%) | found (%) |",
            "|---|---|---|---|---|---|",
            *map(_power, powers),
        ],
        [
            f"## {ARMS} arms that don't differ from one baseline",
            "",
            "| S | n | any arm told from it (Holm, %) |",
            "|---|---|---|",
            *map(_family, families),
        ],
    ]
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def standard_error(share: float, count: int) -> float:
    """Return the standard error of a share of independent draws."""
    return math.sqrt(share * (1 - share) / count)


def _targets(nulls: Sequence[Null], powers: Sequence[Powered], families: Sequence[Family]) -> Iterator[str]:
    false = max(row.false for row in nulls)
    allowed = FALSE + 2 * standard_error(FALSE, nulls[0].comparisons)
    yield _line(f"false verdicts at most 5% + 2 standard errors ({100 * allowed:.1f}%)", false, false <= allowed)
    for name, values in (
        ("these items", [row.these.coverage for row in nulls]),
        ("items like these", [row.like.coverage for row in nulls]),
    ):
        yield _line(f"coverage for {name} at least 94%", min(values), min(values) >= COVERED)
    errors = [abs(row.found - row.printed) for row in powers]
    yield _line("power as printed within 3 points (difference)", max(errors), max(errors) <= POWER)
    over = max(row.any_false for row in families)
    allowed = FAMILY + 2 * standard_error(FAMILY, families[0].comparisons)
    yield _line(
        f"any false verdict over {ARMS} arms at most 5% + 2 standard errors ({100 * allowed:.1f}%)",
        over,
        over <= allowed,
    )


def _line(target: str, worst: float, met: bool) -> str:
    return f"| {target} | {100 * worst:.1f}% | {'yes' if met else 'no'} |"


def _null(row: Null) -> str:
    truth = row.truth
    widths = [f"{100 * one.coverage:.1f} x{one.ratio:.2f}" for one in (row.these, row.like, row.moments)]
    cells = [row.seeds_differ, truth.seeds, truth.items, truth.samples, *widths]
    return f"| {' | '.join(map(str, cells))} | {100 * row.false:.1f} | {100 * row.verdicts:.1f} |"


def _power(row: Powered) -> str:
    truth = row.truth
    cells = [truth.seeds, truth.items, truth.samples, f"{100 * truth.difference:.1f}"]
    return f"| {' | '.join(map(str, cells))} | {100 * row.printed:.1f} | {100 * row.found:.1f} |"


def _family(row: Family) -> str:
    return f"| {row.truth.seeds} | {row.truth.items} | {100 * row.any_false:.1f} |"
