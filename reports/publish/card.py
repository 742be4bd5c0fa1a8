"""What a published run says of itself: the index and the pages of strategies are made from cards alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from harness.store.paths import RunPaths
from harness.store.status import read_resolved
from reports import formatting
from reports.findings import Findings
from reports.leaderboard import ArmRow, cells, header
from reports.origin import origin_of_parameters
from reports.read.plan import BASE_ARM

LEFT_OUT = ("code", "dirty", "threads")
"""Of a fingerprint: they decide no comparison between runs by themselves."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One arm of a published run, as texts."""

    arm: str
    strategy: str
    """Name of its strategy, the outermost one."""
    family: str
    role: str
    parameters: str
    verdict: str
    texts: Mapping[str, str]
    """Of the leaderboard, by column."""
    score: float | None
    """In percent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """One published run."""

    plan: str
    folder: str
    """Below the site's runs."""
    published: str
    """When it was published first: date and time, UTC."""
    partial: str
    """How unfinished it was; empty for a finished run."""
    answer: str
    facts: Mapping[str, str]
    terms: Mapping[str, str]
    """What must be the same for scores of two runs to be compared: model, task, budget, suites, settings, versions."""
    baseline: str
    rows: tuple[Row, ...]

    @property
    def group(self) -> str:
        """Hash of the terms: runs with another are never ranked together."""
        return hashlib.sha256(json.dumps(dict(self.terms), sort_keys=True).encode()).hexdigest()[:12]

    def json(self) -> dict[str, Any]:
        """Return the card as it is stored."""
        return asdict(self)

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Card:
        """Return a card from what is stored.

        Raises:
            TypeError: If it is of another version.
        """
        return cls(**{**raw, "rows": tuple(Row(**row) for row in raw["rows"])})


def card_of(found: Findings, folder: str, published: str) -> Card:
    """Return what a run says of itself."""
    plan, board = found.run.plan, found.board
    resolved = read_resolved(RunPaths(found.run.root))
    strategies = {str(arm["name"]): next(iter(arm.get("strategy") or {}), str(arm["name"])) for arm in resolved["arms"]}
    facts = {
        "model": str(plan.model.get("name", formatting.UNKNOWN)),
        "task": plan.task,
        "budget": f"{plan.budget_amount:,.10g} {plan.budget_unit.replace('_', ' ')}",
        "arms": str(len(plan.trained_arms)),
        "seeds": str(len(plan.seeds)),
    }
    return Card(
        plan=plan.name,
        folder=folder,
        published=published,
        partial=found.standing or "",
        answer=found.answer[0] if found.answer else "",
        facts=facts,
        terms=_terms(found, resolved),
        baseline=plan.baseline,
        rows=tuple(_row(found, row, strategies.get(row.arm, row.arm)) for row in board.rows if row.arm != BASE_ARM),
    )


def _row(found: Findings, row: ArmRow, strategy: str) -> Row:
    board = found.board
    shown = dict(zip([*header(board)], [*cells(row, board)], strict=True))
    return Row(
        arm=row.arm,
        strategy=strategy,
        family=row.family,
        role=row.role,
        parameters=origin_of_parameters(found.run, row.arm),
        verdict=row.verdict or "",
        texts={
            "seeds": shown["seeds"],
            "score": formatting.score(row.primary),
            "less its baseline (points)": "reference" if row.against is None else formatting.points(row.difference),
            "verdict": row.verdict or "",
            "generated tokens": shown["generated tokens"],
        },
        score=None if row.primary is None else 100 * row.primary.mean,
    )


def _terms(found: Findings, resolved: Mapping[str, Any]) -> dict[str, str]:
    plan = found.run.plan
    prints = [dict(cell.fingerprint) for cell in found.run.cells if cell.fingerprint]
    names = sorted({name for one in prints for name in one if name not in LEFT_OUT})
    versions = {name: ", ".join(sorted({_text(one.get(name)) for one in prints})) for name in names}
    return {
        "model": str(plan.model.get("sha256", formatting.UNKNOWN)),
        "task": plan.task,
        "budget": f"{plan.budget_amount:.10g} {plan.budget_unit}",
        "compared": found.at.words,
        "suites": "; ".join(f"{one.name} {one.sha256[:12]} x {one.samples}" for one in plan.suites),
        "primary suites": ", ".join(plan.primary_suites),
        "training": _text(resolved.get("training")),
        "evaluation": _text(resolved.get("evaluation")),
        **versions,
    }


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
