"""The controls that belong to the arms of a plan: which they are, and which of them stand in it already."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.plan.arms import BASE, Arm
from harness.plan.schema import Training

if TYPE_CHECKING:
    from strategies import Strategy


def controlled(arms: Iterable[Arm], training: Training) -> tuple[Arm, ...]:
    """Return `arms` with their controls: those that stand among them are marked, the others are added at the end.

    Plain GRPO is added if it is missing; the untrained model always stands there. An arm that waits for its trials gets
    its controls when its parameters are chosen.

    Args:
        arms: The arms of a plan, the untrained model first; controls that were added before are made anew.
        training: What an arm without a grid trains with.
    """
    from strategies import build, describe

    found = [replace(arm, control_of=()) for arm in arms if not arm.added]
    grpo = build("grpo")
    if not any(point.spec == describe(grpo) for arm in found for point in (arm, *arm.points)):
        _join(found, grpo, "grpo", training, None)
    for arm in tuple(found):
        if arm.strategy is not None:
            for control in arm.strategy.controls():
                _join(found, control, _called(control, arm), arm.training, arm)
    return tuple(found)


def _join(found: list[Arm], control: Strategy, name: str, training: Training, of: Arm | None) -> None:
    """Mark the arm of `found` that is this control, or add one."""
    from strategies import describe

    spec, owner = describe(control), () if of is None else (of.name,)
    for place, arm in enumerate(found):
        if arm.name != BASE and (arm.spec, arm.training) == (spec, training):
            found[place] = replace(arm, control_of=(*arm.control_of, *owner))
            return
    while any(arm.name == name for arm in found):
        name += " (control)"
    found.append(
        Arm(
            name=name,
            strategy=control,
            spec=spec,
            family=control.family,
            training=training,
            encoders={} if of is None else of.encoders,
            control_of=owner,
            added=True,
        )
    )


def _called(control: Strategy, of: Arm) -> str:
    """Return what a control is called: after the arm that it is of, if it holds the whole of it."""
    from strategies import describe, label

    ((kind, parameters),) = describe(control).items()
    whole = [name for name, value in parameters.items() if value == of.spec]
    return f"{kind}({of.name})" if whole else label(control)
