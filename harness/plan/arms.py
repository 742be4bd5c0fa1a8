"""What an arm is: a strategy with its parameters, or with a grid of them to choose from."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from harness.plan.grid import Values
from harness.plan.schema import Training

if TYPE_CHECKING:
    from strategies import Strategy

BASE = "base"
"""The arm that is not trained; every plan has it, one cell a seed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Arm:
    """A strategy with its parameters, as it stands in the plan; or one point of the grid of such an arm."""

    name: str
    strategy: Strategy | None
    """None for the untrained base model, and for an arm whose trials have not chosen its parameters yet."""
    spec: dict[str, Any]
    """The strategy with every parameter spelled out."""
    family: str
    training: Training
    """The plan's, but for a learning rate that tuning tries or has chosen."""
    encoders: dict[str, str] = field(default_factory=dict)
    """The hash of each text encoder that the strategy reads from a folder."""
    values: Values = field(default_factory=dict)
    """Of the grid's parameters, at this point of it; empty for an arm that was not tuned."""
    points: tuple[Arm, ...] = ()
    """What tuning tries, in the grid's order; empty for an arm without a grid."""
    control_of: tuple[str, ...] = ()
    """The arms that this one is a control of."""
    added: bool = False
    """Whether the arm stands in the plan as a control only, and not in its file."""

    @property
    def waiting(self) -> bool:
        """Whether the arm's parameters are still to be chosen; until then it has no cells."""
        return bool(self.points) and not self.values

    @property
    def at_defaults(self) -> bool:
        """Whether every parameter of the strategy has its default."""
        from strategies.registry import default_of

        if self.strategy is None:
            return not self.points
        return all(getattr(self.strategy, one.name) == default_of(one) for one in fields(self.strategy))

    def settled(self, point: int) -> Arm:
        """Return the arm with the parameters of one of its points."""
        return replace(self.points[point], name=self.name, points=self.points)


def same(arm: Arm, other: Arm) -> bool:
    """Return whether two arms do the same: the same parameters, or the same to choose from."""
    if bool(arm.points) != bool(other.points):
        return False
    if arm.points:
        return len(arm.points) == len(other.points) and all(map(same, arm.points, other.points))
    return (arm.spec, arm.training) == (other.spec, other.training)
