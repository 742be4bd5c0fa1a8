"""The resolved plan, as far as a report needs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.store.paths import RunPaths
from harness.store.status import read_resolved, unreadable
from reports.errors import ReportError
from reports.read.controls import ControlsView, controls_view
from reports.read.resets import same_without_resets
from reports.statistics import Rule

BASE_ARM = "base"
"""The name of the untrained model among the arms; its cells are evaluated once and never trained."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SuiteView:
    """One suite of the plan."""

    name: str
    version: str
    sha256: str
    skill: str
    description: str
    items: int
    samples: int
    """Answers sampled per item, K."""
    primary: bool
    """Whether the suite counts in the primary score."""
    every_checkpoint: bool
    """False when only the base model and the last checkpoint are evaluated on it."""
    temperature: float | None
    max_tokens: int | None
    """Token cap of one answer."""
    aggregation: str
    """How the score of an item is made of its samples: avg, pass@k or maj@k."""
    terms: Mapping[str, Any]
    """All that its hash covers, its items summed up; empty in a plan that was written before there were any."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PointView:
    """One point of the grid of a tuned arm."""

    name: str
    """Of its trials, as an arm."""
    values: Mapping[str, Any]
    """Of the grid's parameters."""

    @property
    def words(self) -> str:
        """The values as they are shown."""
        return ", ".join(f"{name}={value}" for name, value in self.values.items())


@dataclass(frozen=True, kw_only=True, slots=True)
class TuningView:
    """How the arms that have a grid were tuned."""

    suite: SuiteView
    """Decides which point is best; arms are not compared on it."""
    budget_unit: str
    budget_amount: float
    """For each tuned arm, all its trials together."""
    seeds: tuple[int, ...]
    """Training seeds of the trials."""
    grids: Mapping[str, tuple[PointView, ...]]
    """The points of each tuned arm, in the grid's order."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanView:
    """One plan with every default filled in."""

    name: str
    baseline: str
    model: Mapping[str, Any]
    task: str
    budget_unit: str
    budget_amount: float
    """Spent by each trained cell, in `budget_unit`; evaluation excluded."""
    checkpoints: int
    """Sealed per trained cell, the last one at the end of the budget."""
    seeds: tuple[int, ...]
    arms: tuple[str, ...]
    """Names in the plan's order, `base` included."""
    suites: tuple[SuiteView, ...]
    families: Mapping[str, str]
    """Of the strategy of each arm, as it was when the plan was queued."""
    at_defaults: tuple[str, ...]
    """Arms all of whose parameters are their defaults."""
    tuning: TuningView | None
    """None if no arm was tuned."""
    controls: ControlsView
    rule: Rule
    """How verdicts are reached."""
    compare_at: str | None
    """Suite on which the best checkpoint of a cell is chosen; None for the last checkpoint."""
    without_resets: Mapping[str, str]
    """Of each arm with resets, the arm that has none and is otherwise the same, where there is one."""

    @property
    def primary_suites(self) -> tuple[str, ...]:
        """Names of the suites whose plain mean is the primary score."""
        return tuple(suite.name for suite in self.suites if suite.primary)

    @property
    def trained_arms(self) -> tuple[str, ...]:
        """Every arm but the untrained model."""
        return tuple(arm for arm in self.arms if arm != BASE_ARM)

    @property
    def challengers(self) -> tuple[str, ...]:
        """Every trained arm but the baseline: those that are compared with it."""
        return tuple(arm for arm in self.trained_arms if arm != self.baseline)

    def suite(self, name: str) -> SuiteView:
        """Return the suite of that name.

        Raises:
            KeyError: If the plan has no such suite.
        """
        return {suite.name: suite for suite in self.suites}[name]


def read_plan(paths: RunPaths) -> PlanView:
    """Read the resolved plan of a run.

    Raises:
        ReportError: If there is none, or it isn't one that this code reads.
    """
    path = paths.resolved
    if not path.is_file():
        raise ReportError(
            f"{paths.root}: no {path.name} here, so this is not the folder of a run; "
            "give the folder that `explorebench queue` made (runs/<plan>)"
        )
    try:
        raw = read_resolved(paths)
    except ValueError as error:  # a StoreError, which says all
        raise ReportError(str(error)) from error
    try:
        return _plan_view(raw, path)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ReportError(unreadable(path, f"{type(error).__name__}: {error}")) from error


def _plan_view(raw: Mapping[str, Any], path: Path) -> PlanView:
    arms = tuple(str(arm["name"]) for arm in raw["arms"])
    suites = tuple(_suite_view(suite) for suite in raw["suites"])
    baseline = str(raw["baseline"])
    if baseline not in arms:
        raise ReportError(f"{path}: the baseline {baseline!r} is not among the arms {', '.join(arms)}")
    if not any(suite.primary for suite in suites):
        raise ReportError(f"{path}: no suite is primary, so there is no score to rank by; mark at least one")
    return PlanView(
        name=str(raw["name"]),
        baseline=baseline,
        model=dict(raw["model"]),
        task=str(raw["task"]),
        budget_unit=str(raw["budget"]["unit"]),
        budget_amount=float(raw["budget"]["amount"]),
        checkpoints=int(raw["checkpoints"]),
        seeds=tuple(int(seed) for seed in raw["seeds"]),
        arms=arms,
        suites=suites,
        families={str(arm["name"]): str(arm.get("family") or "unknown") for arm in raw["arms"]},
        at_defaults=tuple(str(arm["name"]) for arm in raw["arms"] if arm.get("at_defaults", True)),
        tuning=_tuning_view(raw["tuning"]) if raw.get("tuning") else None,
        controls=controls_view(raw, (BASE_ARM, baseline)),
        rule=_rule(raw.get("verdicts") or {}),
        compare_at=raw.get("compare_at"),
        without_resets=same_without_resets(raw["arms"]),
    )


def _rule(raw: Mapping[str, Any]) -> Rule:
    given = {name: raw[name] for name in ("improved", "items") if name in raw}
    return Rule(margin=float(raw.get("margin", 1.0)) / 100, **given)


def _tuning_view(raw: Mapping[str, Any]) -> TuningView:
    return TuningView(
        suite=_suite_view(raw["suite"]),
        budget_unit=str(raw["budget"]["unit"]),
        budget_amount=float(raw["budget"]["amount"]),
        seeds=tuple(int(seed) for seed in raw["seeds"]),
        grids={
            str(arm["name"]): tuple(
                PointView(name=str(point["name"]), values=dict(point["values"])) for point in arm["points"]
            )
            for arm in raw["arms"]
        },
    )


def _suite_view(raw: Mapping[str, Any]) -> SuiteView:
    return SuiteView(
        name=str(raw["name"]),
        version=str(raw["version"]),
        sha256=str(raw["sha256"]),
        skill=str(raw.get("skill", "")),
        description=str(raw.get("description", "")),
        items=int(raw["items"]),
        samples=int(raw["samples"]),
        primary=bool(raw["primary"]),
        every_checkpoint=raw.get("at", "every") == "every",
        temperature=None if raw.get("temperature") is None else float(raw["temperature"]),
        max_tokens=None if raw.get("max_tokens") is None else int(raw["max_tokens"]),
        aggregation=str((raw.get("terms") or {}).get("aggregation", "avg")),
        terms=dict(raw.get("terms") or {}),
    )
