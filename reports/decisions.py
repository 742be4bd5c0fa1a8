"""What strategies decided as they went: the shares of a hybrid's parts, what a filter kept, how a bonus was scaled."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reports import formatting
from reports.blocks import Table
from reports.curves import smoothed_bands
from reports.formatting import Number
from reports.read import Run
from reports.read.training import EventView

if TYPE_CHECKING:
    import pandas as pd

SHARE, GIVEN = "share", "assigned"
"""Of the hedge, as it should be; and as it came out, where whole rollouts, groups or steps are given to a part."""
FILTER = ("filtered", "filtered_unreliable", "filtered_slight")
SCALE, FIDELITY, CHANCE, PAYOFF = RECALIBRATION = ("scale", "fidelity", "fidelity_p", "payoff")
KEPT, NOISE, BOTH, SLIGHT = "kept", "noise", "both", "too little impact"
PLANNED = "hedge, as planned"
AUDIT = "audit: "
"""How the note of an audit begins."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Decider:
    """A strategy, or one inside another, that decides something in each step."""

    arm: str
    within: str
    """Which strategy inside the arm's it is, as it stands before the names of its numbers; "" for the arm's own."""

    @property
    def panel(self) -> str:
        """Its name in a figure."""
        return f"{self.arm} ({self.within.rstrip('/')})" if self.within else self.arm

    def names(self, *ends: str) -> tuple[str, ...]:
        """Return the names of its numbers in the log."""
        return tuple(f"{self.within}{end}" for end in ends)


def deciders(run: Run, *needed: str) -> tuple[Decider, ...]:
    """Return who logs all of the numbers `needed`, in the plan's order."""
    found = []
    for arm in run.plan.trained_arms:
        names = run.numbers.get(arm, ())
        within = [name.removesuffix(needed[0]) for name in names if name.split("/")[-1] == needed[0]]
        found += [
            one
            for one in (Decider(arm=arm, within=part) for part in within)
            if all(name in names for name in one.names(*needed))
        ]
    return tuple(found)


def drawn_apart(run: Run) -> frozenset[tuple[str, str]]:
    """Return arm and name of each number that has a figure or a table of its own."""
    shown = {(SHARE,): (SHARE, GIVEN), FILTER: FILTER, RECALIBRATION: RECALIBRATION}
    return frozenset(
        (one.arm, name) for needed, ends in shown.items() for one in deciders(run, *needed) for name in one.names(*ends)
    )


def hybrid_parts(run: Run) -> pd.DataFrame:
    """Return the shares of primary and hedge, and of the hedge as planned where that is another matter.

    Returns:
        Columns panel, arm, part, x (optimizer steps), share; means over seeds, smoothed as training curves are.
    """
    frames = []
    for one in deciders(run, SHARE):
        share, given = (_numbers(run, one, name) for name in (SHARE, GIVEN))
        planned = smoothed_bands(run, share, "number")
        whole = smoothed_bands(run, given, "number") if given["number"].notna().any() else planned
        parts = {"primary": 1 - whole["mean"], "hedge": whole["mean"]}
        frames += [_part(one, name, whole["x"], values) for name, values in parts.items()]
        if whole is not planned:
            frames.append(_part(one, PLANNED, planned["x"], planned["mean"]))
    return _joined(frames)


def filter_parts(run: Run) -> pd.DataFrame:
    """Return the shares of rollouts whose bonus was kept or taken back, by cause; columns as of `hybrid_parts`."""
    frames = []
    for one in deciders(run, *FILTER):
        keys = ["cell", "arm", "seed", "step"]
        named = [_numbers(run, one, end).set_index(keys)["number"].rename(end) for end in FILTER]
        taken, noisy, slight = named
        causes = {KEPT: 1 - taken, NOISE: taken - slight, BOTH: noisy + slight - taken, SLIGHT: taken - noisy}
        for cause, values in causes.items():
            rows = values.clip(0, 1).rename("number").reset_index()
            bands = smoothed_bands(run, rows, "number")
            frames.append(_part(one, cause, bands["x"], bands["mean"]))
    return _joined(frames)


def scales(run: Run) -> pd.DataFrame:
    """Return what the bonus of each recalibrated arm was scaled by, columns arm (the panel), seed, x, y."""
    frames = [
        _numbers(run, one, SCALE).assign(arm=one.panel)[["arm", "seed", "step", "number"]]
        for one in deciders(run, *RECALIBRATION)
    ]
    return _joined(frames, ("arm", "seed", "step", "number")).dropna().set_axis(["arm", "seed", "x", "y"], axis=1)


def audits(run: Run, arm: str) -> list[EventView]:
    """Return what the audits of an arm said, by seed and step."""
    return [event for event in run.events if event.arm == arm and is_audit(event)]


def is_audit(event: EventView) -> bool:
    """Return whether an event is what an audit found."""
    return event.is_note and event.cause.startswith(AUDIT)


def audit_table(run: Run) -> Table:
    """Return every audit of a recalibrated arm: what it found, and what the bonus was scaled by from then on."""
    titles = ("arm", "seed", "step", "share", "bonus scaled by", "fidelity (rho)", "fidelity p", "payoff", "audit")
    rows = []
    for arm in run.plan.trained_arms:
        if found := audits(run, arm):
            logged = _logged(run, arm)
            rows += [_audit(event, logged) for event in found]
    return Table(header=titles, rows=tuple(rows))


Logged = Mapping[str, Mapping[tuple[int, int], float]]


def _logged(run: Run, arm: str) -> Logged:
    """Return the numbers of the arm's recalibration by name, seed and step; none if the arm has two, or logs none."""
    ours = [one for one in deciders(run, *RECALIBRATION) if one.arm == arm]
    return {end: _by_step(_numbers(run, ours[0], end)) for end in RECALIBRATION} if len(ours) == 1 else {}


def _audit(event: EventView, logged: Logged) -> tuple[str, ...]:
    at = {end: logged.get(end, {}).get((event.seed, event.step), math.nan) for end in RECALIBRATION}
    paid = at[PAYOFF]
    return (
        event.arm,
        str(event.seed),
        str(event.step),
        formatting.UNKNOWN if math.isnan(event.share) else formatting.percent(event.share),
        *(_number(at[end], digits) for end, digits in ((SCALE, 2), (FIDELITY, 2), (CHANCE, 3))),
        formatting.UNKNOWN if math.isnan(paid) else "taken for granted" if paid else "refuted",
        event.words.removeprefix(AUDIT),
    )


def _by_step(rows: pd.DataFrame) -> Mapping[tuple[int, int], float]:
    places = zip(rows["seed"], rows["step"], strict=True)
    return {(int(seed), int(step)): float(n) for (seed, step), n in zip(places, rows["number"], strict=True)}


def _number(value: float, digits: int) -> str:
    return formatting.UNKNOWN if math.isnan(value) else Number(f"{value:.{digits}f}", value)


def _numbers(run: Run, one: Decider, end: str) -> pd.DataFrame:
    rows = run.diagnostics
    return rows[(rows["arm"] == one.arm) & (rows["name"] == one.names(end)[0])]


def _part(one: Decider, name: str, steps: pd.Series[float], shares: pd.Series[float]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({"panel": one.panel, "arm": one.arm, "part": name, "x": steps, "share": shares})


def _joined(
    frames: list[pd.DataFrame], columns: tuple[str, ...] = ("panel", "arm", "part", "x", "share")
) -> pd.DataFrame:
    import pandas as pd

    kept = [frame for frame in frames if len(frame)]
    return pd.concat(kept, ignore_index=True) if kept else pd.DataFrame(columns=list(columns))
