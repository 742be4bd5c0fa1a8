"""Which arm is the same as another one but for its resets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

RESETTING = "resets"
"""How the names of the strategies end that wrap another one in resets: with_resets, random_resets."""


def same_without_resets(arms: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return, for each arm with resets, the arm that has none and is otherwise the same, where the plan has one.

    Args:
        arms: As the resolved plan has them: name, strategy with every parameter, learning rate.
    """
    known = [(str(arm["name"]), arm.get("strategy") or {}, arm.get("learning_rate")) for arm in arms]
    found = {}
    for name, strategy, rate in known:
        plain = _without(strategy)
        twins = [other for other, theirs, theirs_rate in known if theirs == plain and theirs_rate == rate]
        if plain != strategy and twins:
            found[name] = twins[0]
    return found


def _without(value: Any) -> Any:
    """Return a strategy's parameters, or any of them, with what resets it taken off."""
    if not isinstance(value, Mapping):
        return value
    if len(value) == 1:
        name, parameters = next(iter(value.items()))
        if name.endswith(RESETTING) and isinstance(parameters, Mapping) and "strategy" in parameters:
            return _without(parameters["strategy"])
    return {name: _without(one) for name, one in value.items()}
