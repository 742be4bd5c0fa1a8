"""What a user reads when a plan's fields are not what they should be: where, what was expected, what was got."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from harness.plan.schema import Budget, Evaluation, PlanFile, SuiteUse, Training, TuningUse
from harness.plan.source import Location, Source

PARTS: dict[Location, type[BaseModel]] = {
    (): PlanFile,
    ("training",): Training,
    ("budget",): Budget,
    ("suites",): SuiteUse,
    ("evaluation",): Evaluation,
    ("tuning",): TuningUse,
    ("tuning", "suite"): SuiteUse,
    ("tuning", "budget"): Budget,
}
"""What stands where in a plan, numbers of list entries left out."""
EXPECTED = {
    "model_type": "expected its fields, one a line",
    "model_attributes_type": "expected its fields, one a line",
    "list_type": "expected a list",
    "too_short": "expected at least one entry",
    "int_type": "expected a whole number",
    "float_type": "expected a number",
    "bool_type": "expected true or false",
    "string_type": "expected text",
    "finite_number": "expected a finite number",
    "greater_than": "expected more than {gt:g}",
    "greater_than_equal": "expected at least {ge:g}",
    "less_than_equal": "expected at most {le:g}",
    "string_pattern_mismatch": "expected letters, digits, dots, dashes and underscores, a letter or digit first",
}
"""Our words for pydantic's kinds of error; its own are used for any other."""
SHOWN_CHARACTERS = 80


def complaint(
    source: Source, detail: ErrorDetails, parts: Mapping[Location, type[BaseModel]] = MappingProxyType(PARTS)
) -> str:
    """Return the line that tells of one of pydantic's errors.

    Args:
        source: The file.
        detail: The error.
        parts: What stands where in the file; a plan's by default.
    """
    kind = detail["type"]
    location = _in_file(source, detail["loc"])
    if kind == "missing":  # the field isn't in the file, so it can't be looked up there
        location = (*_in_file(source, detail["loc"][:-1]), detail["loc"][-1])
    where = source.where(location)
    if kind == "extra_forbidden":
        known = list(_model_at(detail["loc"], parts).model_fields)
        near = difflib.get_close_matches(str(location[-1]), known, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        return f"{where}: no such field.{hint} Known: {', '.join(known)}"
    if kind == "missing":
        return f"{where}: this field is needed and isn't there"
    if kind == "value_error":
        return f"{where}: {detail['msg'].removeprefix('Value error, ')}"
    return f"{where}: {expectation(detail)}"


def expectation(detail: ErrorDetails) -> str:
    """Return what pydantic expected of a value, and what it got."""
    expected = EXPECTED.get(detail["type"], detail["msg"].replace("Input should be", "expected"))
    return f"{expected.format(**detail.get('ctx', {}))}; got {shown(detail['input'])}"


def shown(value: object) -> str:
    """Return what was got as it is shown in a message: short, and not in Python's words."""
    if value is None:
        return "nothing"
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"


def _in_file(source: Source, location: Location) -> Location:
    """Undo the short forms: `suites.0.samples` is `suites[0].countdown.samples` in the file."""
    data: Any = source.data
    place: list[int | str] = []
    for part in location:
        if isinstance(data, dict) and part not in data and len(data) == 1:
            (name,) = data
            if part in ("unit", "amount"):
                return (*place, str(name))
            if isinstance(data[name], dict):
                place.append(str(name))
                data = data[name]
        place.append(part)
        data = data[part] if isinstance(data, dict) and part in data else _item(data, part)
    return tuple(place)


def _item(data: Any, part: int | str) -> Any:
    return data[part] if isinstance(data, list) and isinstance(part, int) and part < len(data) else None


def _model_at(location: Location, parts: Mapping[Location, type[BaseModel]]) -> type[BaseModel]:
    return parts[tuple(part for part in location[:-1] if isinstance(part, str))]
