"""The page of a strategy: what its module says, its parameters, and what a step of it costs beside one of grpo."""

from __future__ import annotations

import dataclasses
import inspect
import json
import sys
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from strategies.contract import Strategy
from strategies.parameters import Parameter, parameters

SECTIONS = ("Formula", "Source", "Defaults", "Known defects")
"""What the module of every strategy of this package has a section for."""


def words(kind: type[Strategy]) -> str:
    """Return the docstring of the module that defines a strategy, or of its class if the module says nothing."""
    module = inspect.getdoc(sys.modules[kind.__module__])
    return module or inspect.getdoc(kind) or "No description."


def summary(kind: type[Strategy]) -> str:
    """Return one line on a strategy."""
    return kind.summary or (inspect.getdoc(kind) or "no description").splitlines()[0]


def page(name: str, kind: type[Strategy]) -> str:
    """Return the page of the strategy called `name`, as plain text."""
    listed = [_line(one) for one in parameters(kind)] or ["    none"]
    return "\n\n".join(
        (
            f"{name} ({kind.family}): {summary(kind)}",
            words(kind).strip(),
            "\n".join(("Parameters:", *listed)),
            f"Cost:\n    {cost(name)}",
        )
    )


def cost(name: str) -> str:
    """Return what a step of a strategy costs, as `python -m benchmarks.strategies` measured it."""
    measured = costs().get(name)
    if measured is None:
        return "not measured"
    return (
        f"{measured['step']:.2f} × grpo's time a step, {measured['token']:.2f} × its time a generated token, on the "
        "embedded model (`python -m benchmarks.strategies`)"
    )


@cache
def costs() -> Mapping[str, Mapping[str, float]]:
    """Return the time of a step of each strategy relative to grpo's, at its defaults."""
    text = files("strategies").joinpath("costs.json").read_text(encoding="utf-8")
    measured: dict[str, dict[str, float]] = json.loads(text)
    return measured


def _line(parameter: Parameter) -> str:
    needed = parameter.default is dataclasses.MISSING
    facts = [parameter.kind, *map(str, parameter.bounds), "needed" if needed else f"default {parameter.default!r}"]
    text = " ".join(parameter.text.split())
    return f"    {parameter.name}: {', '.join(fact for fact in facts if fact)}" + (f"\n        {text}" if text else "")
