"""Whether a run may pass: nothing regressed, something did, or it can't be told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from reports import formatting
from reports.comparison import default_reading
from reports.errors import ReportError
from reports.read import Run
from reports.read.plan import BASE_ARM
from reports.reading import Reading
from reports.verdicts.regressions import PREVIOUS, Finding, Lookup, Regression, regressions

PASSED, REGRESSED, UNSURE, MISUSE = 0, 1, 2, 3
"""Exit codes of `explorebench gate`."""
WORDS = {PASSED: "passed: nothing regressed", REGRESSED: "failed: something regressed", UNSURE: "can't tell"}
NAMED = 5
"""Lost items that are named for each row."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Gate:
    """What was looked at, and whether it passes."""

    run: str
    reference: str
    at: Reading
    rows: tuple[Regression, ...]
    unfinished: tuple[str, ...]
    """Cells that are still to come: what is missing of them may change the answer."""

    @property
    def code(self) -> int:
        """The exit code."""
        findings: set[Finding] = {row.finding for row in self.rows}
        if "regressed" in findings:
            return REGRESSED
        return UNSURE if "can't tell" in findings else PASSED

    @property
    def words(self) -> str:
        """What the exit code means."""
        return WORDS[self.code]


def gate(
    run: Run,
    reference: str | None = None,
    *,
    arms: Sequence[str] = (),
    suites: Sequence[str] = (),
    margin: float | None = None,
) -> Gate:
    """Return whether arms of a run fell below a reference on any suite.

    Args:
        run: The run.
        reference: An arm, `base`, or `previous` for the checkpoint before; the plan's baseline by default.
        arms: Those that are looked at; by default all trained ones but the reference and controls.
        suites: All by default.
        margin: Points within which a fall is no regression; the plan's by default. Measurement noise where larger.

    Raises:
        ReportError: If an arm or a suite isn't in the run, or no arm is left to look at.
    """
    named = run.plan.baseline if reference is None else reference
    _require_known(named, (*run.plan.arms, PREVIOUS), "a baseline")
    for arm in arms:
        _require_known(arm, run.plan.trained_arms, "an arm")
    names = tuple(suite.name for suite in run.plan.suites)
    for suite in suites:
        _require_known(suite, names, "a suite")
    skipped = {named, BASE_ARM, *run.plan.controls.arms}
    if named in (BASE_ARM, PREVIOUS):
        skipped.discard(run.plan.baseline)
    looked = tuple(arms) or tuple(arm for arm in run.plan.trained_arms if arm not in skipped)
    if not looked:
        raise ReportError(f"{run.plan.name}: no arm is left to compare with {named}; name one with --arm")
    rule = run.plan.rule if margin is None else replace(run.plan.rule, margin=margin / 100)
    at = default_reading(run)
    lookup = Lookup(arms=looked, reference=named, suites=tuple(suites) or names, rule=rule)
    coming = [cell for cell in run.cells if cell.arm in (*looked, named) and cell.state not in ("done", "failed")]
    return Gate(
        run=run.plan.name,
        reference=named,
        at=at,
        rows=tuple(regressions(run, lookup, at)),
        unfinished=tuple(f"{cell.arm}, seed {cell.seed} ({cell.state})" for cell in coming),
    )


def gate_markdown(found: Gate) -> str:
    """Return a summary for a pull request."""
    lines = [
        f"### explorebench gate: {found.words}",
        "",
        f"`{found.run}` against `{found.reference}`, {found.at.words}, paired by seed and item, 95% intervals.",
        "",
        "| arm | suite | difference (points) | margin | finding | items gained | items lost | surely lost |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += ["| " + " | ".join(_cells(row)) + " |" for row in found.rows]
    notes = [f"{row.arm} on {row.suite}: not paired: {row.left_out}." for row in found.rows if row.left_out]
    if found.unfinished:
        notes.append(f"Partial: still to come: {'; '.join(found.unfinished)}.")
    lines += ["", *(f"- {note}" for note in dict.fromkeys(notes))] if notes else []
    lost = [row for row in found.rows if row.changes is not None and row.changes.lost and row.finding != "held"]
    lines += ["", *(f"- {row.arm} on {row.suite} lost most: {_named(row)}." for row in lost)] if lost else []
    return "\n".join(lines) + "\n"


def gate_json(found: Gate) -> dict[str, Any]:
    """Return all of it, JSON-able; differences and margins in points."""
    return {
        "run": found.run,
        "reference": found.reference,
        "at": found.at.words,
        "exit_code": found.code,
        "outcome": found.words,
        "unfinished": list(found.unfinished),
        "rows": [_json(row) for row in found.rows],
    }


def _cells(row: Regression) -> tuple[str, ...]:
    changes = row.changes
    counts = ("", "", "") if changes is None else (f"{len(changes.gained)}", f"{len(changes.lost)}", f"{_sure(row)}")
    suite = f"{row.suite} (forgetting)" if row.forgetting else row.suite
    finding = f"**{row.finding}**" if row.finding == "regressed" else row.finding
    return row.arm, suite, formatting.points(row.interval), f"{100 * row.margin:.1f}", finding, *counts


def _named(row: Regression) -> str:
    if row.changes is None:
        return ""
    names = [row.items[place] for place in row.changes.lost[:NAMED]]
    more = len(row.changes.lost) - len(names)
    return ", ".join(f"`{name}`" for name in names) + (f" and {more} more" if more else "")


def _sure(row: Regression) -> int:
    return 0 if row.changes is None else sum(place in row.changes.certain for place in row.changes.lost)


def _json(row: Regression) -> dict[str, Any]:
    def points(value: float | None) -> float | None:
        return None if value is None else 100 * value

    interval, changes = row.interval, row.changes
    return {
        "arm": row.arm,
        "suite": row.suite,
        "forgetting": row.forgetting,
        "finding": row.finding,
        "difference": points(interval.mean) if interval else None,
        "low": points(interval.low) if interval else None,
        "high": points(interval.high) if interval else None,
        "margin": points(row.margin),
        "seeds": interval.count if interval else 0,
        "left_out": row.left_out,
        "gained": [] if changes is None else [row.items[place] for place in changes.gained],
        "lost": [] if changes is None else [row.items[place] for place in changes.lost],
        "surely_changed": [] if changes is None else [row.items[place] for place in sorted(changes.certain)],
        "sign_test_p": None if changes is None else changes.p_value,
    }


def _require_known(name: str, known: Sequence[str], what: str) -> None:
    if name not in known:
        raise ReportError(f"expected {what} of this run, got {name!r}; there are {', '.join(known)}")
