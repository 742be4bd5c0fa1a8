"""Parameters of a strategy: their ranges, which are enforced, and their documentation, which is read from the class."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import math
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from strategies.contract import Strategy


@dataclass(frozen=True, kw_only=True, slots=True)
class Range:
    """Bounds of a number, in the parameter's annotation: `Annotated[float, Range(least=0, most=1)]`."""

    above: float | None = None
    least: float | None = None
    below: float | None = None
    most: float | None = None

    def holds(self, value: float) -> bool:
        """Return whether `value` lies within the bounds; not a number never does."""
        return (
            (self.above is None or value > self.above)
            and (self.least is None or value >= self.least)
            and (self.below is None or value < self.below)
            and (self.most is None or value <= self.most)
            and not math.isnan(value)
        )

    def __str__(self) -> str:
        words = {"above": self.above, "at least": self.least, "below": self.below, "at most": self.most}
        return " and ".join(f"{word} {bound:g}" for word, bound in words.items() if bound is not None)


class Named:
    """Marks a parameter that stands in the arm's name even at its default: `Annotated[str, Named()]`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """What the page of a strategy says of one parameter."""

    name: str
    kind: str
    """Its type in words."""
    default: object
    """dataclasses.MISSING if it has none."""
    bounds: tuple[Range, ...]
    """Empty if any value of the type will do."""
    text: str


def require_ranges(parametrised: object) -> None:
    """Raise ValueError for a parameter outside its range; parameters are the fields of a dataclass."""
    for name, hint in _hints(type(parametrised)).items():
        value = getattr(parametrised, name)
        for bounds in _marks(hint, Range):
            if value is not None and not bounds.holds(value):
                raise ValueError(f"{name} must be {bounds}, got {value}")


def is_named(kind: type[Strategy], name: str) -> bool:
    """Return whether the parameter `name` stands in an arm's name even at its default."""
    return any(True for _ in _marks(_hints(kind)[name], Named))


def parameters(kind: type[Strategy]) -> list[Parameter]:
    """Return the parameters of a strategy, documented, in the order of the class."""
    hints, texts = _hints(kind), _texts(kind)
    return [
        Parameter(
            name=field.name,
            kind=_in_words(hints[field.name]),
            default=field.default if field.default_factory is dataclasses.MISSING else field.default_factory(),
            bounds=tuple(_marks(hints[field.name], Range)),
            text=texts.get(field.name, ""),
        )
        for field in dataclasses.fields(kind)
    ]


def _hints(kind: type) -> dict[str, Any]:
    names = {field.name for field in dataclasses.fields(kind)}
    hints = get_type_hints(kind, include_extras=True)
    return {name: hints[name] for name in hints if name in names}


def _marks(hint: Any, kind: type[Any]) -> Iterator[Any]:
    if get_origin(hint) is Annotated:
        yield from (mark for mark in get_args(hint)[1:] if isinstance(mark, kind))
    else:
        for part in get_args(hint):
            yield from _marks(part, kind)


def _in_words(hint: Any) -> str:
    if get_origin(hint) is Annotated:
        return _in_words(get_args(hint)[0])
    if get_origin(hint) is Literal:
        return "one of " + ", ".join(map(str, get_args(hint)))
    if get_origin(hint) is not None and get_args(hint):
        return " or ".join(_in_words(part) for part in get_args(hint))
    words = {float: "number", int: "whole number", bool: "true or false", str: "text", type(None): "nothing"}
    return words.get(hint, "a strategy")


def _texts(kind: type[Strategy]) -> dict[str, str]:
    """Return the docstring that follows each field in the source of the class and its bases."""
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if base is object or not hasattr(sys.modules.get(base.__module__), "__file__"):
            continue
        body = ast.parse(textwrap.dedent(inspect.getsource(base))).body[0]
        statements = body.body if isinstance(body, ast.ClassDef) else []
        for field, text in pairwise(statements):
            if not (isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)):
                continue
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                found[field.target.id] = inspect.cleandoc(str(text.value.value))
    return found
