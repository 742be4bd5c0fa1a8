"""From what a plan says to a strategy."""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError

from strategies import combinators, controls, diversity, gradient, prompts, resets, rewards, sampling, tokens
from strategies.contract import Strategy
from strategies.parameters import is_named
from strategies.settings import checked
from strategies.watches import WATCHES, Watch

FAMILIES = (controls, sampling, tokens, rewards, diversity, prompts, gradient, combinators, resets)
STRATEGIES: dict[str, type[Strategy]] = {name: kind for family in FAMILIES for name, kind in family.STRATEGIES.items()}
ENTRY_POINTS = "explorebench.strategies"


class StrategyError(ValueError):
    """A strategy that can't be built as asked; the message says what was got and what is known."""

    def __init__(self, message: str, at: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.at = at
        """The place in the spec that the message is about: names and parameters, outermost first."""

    def within(self, *outer: str) -> StrategyError:
        """Return the same error, its place seen from the spec that holds this one."""
        return StrategyError(str(self), (*outer, *self.at))


def known_strategies() -> dict[str, type[Strategy]]:
    """Return the strategies of this package and of every installed package that registers some, by name."""
    found = dict(STRATEGIES)
    for entry in sorted(entry_points(group=ENTRY_POINTS), key=lambda e: e.name):
        loaded = _loaded(entry)
        if not (isinstance(loaded, type) and issubclass(loaded, Strategy)):
            raise StrategyError(f"entry point {entry.name!r} = {entry.value!r} is not a subclass of Strategy")
        if found.get(entry.name, loaded) is not loaded:
            raise StrategyError(f"entry point {entry.value!r} takes the name {entry.name!r}, which is in use")
        found[entry.name] = loaded
    return found


def build(spec: object) -> Strategy:
    """Return the strategy that `spec` describes: a name, or a mapping of one name to its parameters.

    Raises:
        StrategyError: For an unknown strategy or parameter, or a value that the strategy refuses.
    """
    name, parameters = name_and_parameters(spec)
    kind = class_of(name)
    try:
        strategy = kind(**values_of(name, kind, parameters))
        checked(strategy.trainer_settings(), name)
    except StrategyError:
        raise
    except ValueError as error:
        raise StrategyError(f"{name}: {error}") from error
    return strategy


def build_watch(spec: object) -> Watch:
    """Return the watch that `spec` describes: a name, or a mapping of one name to its parameters.

    Raises:
        StrategyError: For an unknown watch or parameter, or a value that the watch refuses.
    """
    name, parameters = name_and_parameters(spec, "watch")
    if name not in WATCHES:
        raise StrategyError(_unknown("watch", name, WATCHES))
    try:
        return WATCHES[name](**values_of(name, WATCHES[name], parameters))
    except StrategyError:
        raise
    except ValueError as error:
        raise StrategyError(f"{name}: {error}") from error


def values_of(name: str, kind: type, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return `parameters` as the fields of the dataclass `kind` want them.

    Raises:
        StrategyError: For an unknown or missing parameter, or a value of another type; its message calls `kind` `name`.
    """
    fields = {field.name for field in dataclasses.fields(kind) if field.init}
    hints = get_type_hints(kind)
    values: dict[str, Any] = {}
    for key, value in parameters.items():
        if key not in fields:
            raise StrategyError(f"{name}: " + _unknown("parameter", str(key), fields), (name, str(key)))
        try:
            values[key] = _part(value) if hints[key] is Strategy else _typed(f"{name}.{key}", hints[key], value)
        except StrategyError as error:
            raise error.within(name, key) from error
    missing = [f.name for f in dataclasses.fields(kind) if _required(f) and f.name not in values]
    if missing:
        raise StrategyError(f"{name} needs {', '.join(missing)}")
    return values


def class_of(name: str) -> type[Strategy]:
    """Return the strategy called `name`, or raise a StrategyError with the nearest name and all of them."""
    known = known_strategies()
    if name not in known:
        raise StrategyError(_unknown("strategy", name, known))
    return known[name]


def name_and_parameters(spec: object, what: str = "strategy") -> tuple[str, Mapping[str, Any]]:
    """Split `spec` into the name of a strategy, or of `what` else it is, and its parameters."""
    if isinstance(spec, str):
        return spec, {}
    if isinstance(spec, Mapping) and len(spec) == 1:
        ((name, parameters),) = spec.items()
        if isinstance(name, str) and isinstance(parameters, Mapping | None):
            return name, parameters or {}
    raise StrategyError(f"expected a {what}'s name, or one name with its parameters; got {spec!r}")


def describe(strategy: Strategy) -> dict[str, Any]:
    """Return the spec of `strategy` with every parameter spelled out; `build` makes the same strategy of it."""
    names = {kind: name for name, kind in known_strategies().items()}
    values = {}
    for field in dataclasses.fields(strategy):
        value = getattr(strategy, field.name)
        values[field.name] = describe(value) if isinstance(value, Strategy) else value
    return {names[type(strategy)]: values}


def label(strategy: Strategy) -> str:
    """Return a short name of `strategy`: its parts, and the parameters that differ from their defaults."""
    names = {kind: name for name, kind in known_strategies().items()}
    notes = []
    for field in dataclasses.fields(strategy):
        value = getattr(strategy, field.name)
        if isinstance(value, Strategy):
            notes.append(label(value))
        elif value != default_of(field) or is_named(type(strategy), field.name):
            notes.append(f"{field.name}={value}")
    name = names[type(strategy)]
    return f"{name}({', '.join(notes)})" if notes else name


def default_of(field: dataclasses.Field[Any]) -> object:
    """Return the default of a parameter; dataclasses.MISSING if it has none."""
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


def _part(spec: object) -> Strategy:
    part = build(spec)
    if not part.trained:
        raise StrategyError(
            f"{label(part)} is not trained, so it can't be a part of another strategy; name one that is"
        )
    return part


def _required(field: dataclasses.Field[Any]) -> bool:
    return default_of(field) is dataclasses.MISSING


def _typed(where: str, hint: Any, value: object) -> Any:
    try:
        typed = TypeAdapter(hint).validate_python(value, strict=True)
    except ValidationError as error:
        expected = error.errors()[0]["msg"].replace("Input should be", "expected")
        raise StrategyError(f"{where}: {expected}; got {value!r}") from error
    if isinstance(typed, float) and not math.isfinite(typed):
        raise StrategyError(f"{where}: expected a finite number; got {value!r}")
    return typed


def _loaded(entry: EntryPoint) -> object:
    """Load what another package registered; whatever goes wrong there becomes a StrategyError."""
    try:
        return entry.load()
    except Exception as error:
        raise StrategyError(
            f"entry point {entry.name!r} ({entry.value}) failed: {type(error).__name__}: {error}; "
            "mend or uninstall the package that registers it"
        ) from error


def _unknown(kind: str, name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=2, cutoff=0.7)
    hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
    return f"no {kind} named {name!r}.{hint} Known: {', '.join(sorted(known)) or 'none'}"
