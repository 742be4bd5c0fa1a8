"""Grids: parameters of an arm with the values that tuning tries, and the points that their product makes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from itertools import product
from typing import Any

Values = Mapping[str, Any]
"""One point of a grid: a value for each of its parameters."""

LEARNING_RATE = "learning_rate"
"""The one name in a grid that is not the strategy's but the training's; `rnd.learning_rate` is the strategy's own."""
PART = "."
"""Between the names of a parameter inside another strategy: `primary.strength`."""
LEAST_POINTS = 2


class GridError(ValueError):
    """A grid that can't be tried; the message says what was got and what was expected."""

    def __init__(self, message: str, name: str | None = None) -> None:
        super().__init__(message)
        self.name = name
        """The parameter that the message is about; None for the grid as a whole."""


def points(grid: object) -> list[Values]:
    """Return the points of a grid, the last parameter changing fastest.

    Examples:
        >>> points({"strength": [0.1, 0.3], "clip": [2, 3]})[:2]
        [{'strength': 0.1, 'clip': 2}, {'strength': 0.1, 'clip': 3}]

    Raises:
        GridError: If it isn't a mapping of names to lists, a list is empty, or there is nothing to choose from.
    """
    if not isinstance(grid, Mapping) or not grid:
        raise GridError(f"expected parameters, each with a list of values; got {grid!r}")
    for name, values in grid.items():
        if not isinstance(name, str) or not all(name.split(PART)):
            raise GridError(f"expected a parameter's name, such as strength or primary.strength; got {name!r}")
        if not isinstance(values, list):
            raise GridError(f"expected a list of values; got {values!r}", name)
        if not values:
            raise GridError("expected at least one value; got []", name)
    made: list[Values] = [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]
    if len(made) < LEAST_POINTS:
        raise GridError(f"one point leaves nothing to choose; write {in_words(made[0])} in the arm, or add values")
    return made


def in_words(values: Values) -> str:
    """Return a point as it is shown: `strength=0.3, learning_rate=0.0001`."""
    return ", ".join(f"{name}={value}" for name, value in values.items())


def with_values(spec: object, values: Values) -> dict[str, Any]:
    """Return the spec of a strategy with the parameters of a point filled in, the learning rate left out.

    Raises:
        GridError: If a parameter stands in `spec` already, or its path leads to no strategy.
        StrategyError: If `spec` is no strategy's.
    """
    from strategies.registry import name_and_parameters

    name, parameters = name_and_parameters(spec)
    filled: dict[str, Any] = {name: dict(parameters)}
    for path, value in values.items():
        if path != LEARNING_RATE:
            first, *rest = path.split(PART)
            filled = _with_value(filled, path, tuple(rest) if rest and first == name else (first, *rest), value)
    return filled


def _with_value(spec: object, path: str, rest: tuple[str, ...], value: object) -> dict[str, Any]:
    """Return `spec` with the parameter at `rest` filled in; `path` is all of it, for messages."""
    from strategies.registry import name_and_parameters

    name, parameters = name_and_parameters(spec)
    first, *inner = rest
    if not inner:
        if first in parameters:
            raise GridError(
                f"{first} has a value in the arm as well, {parameters[first]!r}; leave one of them out", path
            )
        return {name: {**parameters, first: value}}
    within = parameters.get(first, _default_strategy(name, first))
    if within is None:
        raise GridError(f"{name} has no strategy called {first!r} to look for {PART.join(inner)} in", path)
    return {name: {**parameters, first: _with_value(within, path, tuple(inner), value)}}


def _default_strategy(name: str, parameter: str) -> dict[str, Any] | None:
    """Return the spec of the strategy that is the default of a parameter; None if there is none."""
    from strategies import Strategy, describe
    from strategies.registry import class_of, default_of

    for field in dataclasses.fields(class_of(name)):
        default = default_of(field)
        if field.name == parameter and isinstance(default, Strategy):
            return describe(default)
    return None
