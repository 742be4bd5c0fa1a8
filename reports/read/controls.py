"""The controls of a plan: which arms they are, what they are controls of, and which were left out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

FAMILY = "controls"
"""The family of the strategies that are controls of no arm in particular."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ControlView:
    """One control, trained or left out."""

    name: str
    """Of the arm that it is, or would have been."""
    kind: str
    """Name of its strategy: noise_novelty, random_subset, ..."""
    of: tuple[str, ...]
    """The arms that it is a control of; empty where it belongs to none, as random_reward."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ControlsView:
    """All controls of a plan."""

    on: bool
    """False when the plan switched off the controls that belong to its arms."""
    arms: Mapping[str, ControlView]
    """Those that stand among the arms, by name, in the plan's order; neither the baseline nor the untrained model,
    unless it is a control of an arm."""
    left_out: tuple[ControlView, ...]
    """Those that belong to the arms and were not trained."""

    @property
    def pairs(self) -> tuple[tuple[str, ControlView], ...]:
        """Each arm with each of its own controls."""
        return tuple((arm, control) for control in self.arms.values() for arm in control.of)


def controls_view(raw: Mapping[str, Any], references: Sequence[str]) -> ControlsView:
    """Return the controls of a resolved plan; one written before there were controls has none left out.

    Args:
        raw: The resolved plan.
        references: Names of the arms that the others are compared with, which are no controls by their family.
    """
    switch = raw.get("controls") or {}
    arms = {}
    for arm in raw["arms"]:
        name, of = str(arm["name"]), tuple(str(owner) for owner in arm.get("control_of") or ())
        if of or (arm.get("family") == FAMILY and name not in references):
            arms[name] = ControlView(name=name, kind=_kind(arm), of=of)
    return ControlsView(
        on=bool(switch.get("on", True)),
        arms=arms,
        left_out=tuple(
            ControlView(name=str(one["name"]), kind=_kind(one), of=tuple(str(owner) for owner in one["control_of"]))
            for one in switch.get("left_out") or ()
        ),
    )


def _kind(arm: Mapping[str, Any]) -> str:
    """Return the name of a control's strategy; without one, the beginning of its name, which starts with it."""
    strategy = arm.get("strategy")
    if strategy:
        return str(next(iter(strategy)))
    return re.split(r"[( ]", str(arm["name"]), maxsplit=1)[0]
