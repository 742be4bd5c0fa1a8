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

MARKDOWN = """\
# Strategies

`explorebench strategies NAME` prints the page of one: words, formula, source, parameters with defaults and ranges,
controls, cost, known defects. This table is `explorebench strategies --markdown`.

The last two columns are wall time relative to plain `grpo` in the same run, on the embedded model (128 rollouts a step,
one thread): for a step, and for a generated token. They were measured with `python -m benchmarks.strategies --write`;
`grpo` beside itself shows the noise. Strategies that sample more have dearer steps by nature, and fewer of them in a
budget.

| family | strategy | what it does | time a step | time a token |
|---|---|---|---|---|
"""


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
            f"Controls:\n    {controls(kind)}",
            f"Cost:\n    {cost(name)}",
        )
    )


def controls(kind: type[Strategy]) -> str:
    """Return the controls that an arm with this strategy, at its defaults, brings into a plan."""
    from strategies.registry import label

    if any(one.default is dataclasses.MISSING for one in parameters(kind)):
        return "those of its parts" if kind.family != "controls" else "none"
    return ", ".join(map(label, kind().controls())) or "none"


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


def markdown(known: Mapping[str, type[Strategy]]) -> str:
    """Return a page with a table of strategies, as Markdown."""
    rows = []
    for name, kind in known.items():
        measured = costs().get(name, {})
        step, token = (f"{measured[unit]:.2f}" if unit in measured else "–" for unit in ("step", "token"))
        rows.append(f"| {kind.family} | `{name}` | {summary(kind)} | {step} | {token} |")
    return MARKDOWN + "\n".join(rows) + "\n"


def _line(parameter: Parameter) -> str:
    needed = parameter.default is dataclasses.MISSING
    facts = [parameter.kind, *map(str, parameter.bounds), "needed" if needed else f"default {parameter.default!r}"]
    text = " ".join(parameter.text.split())
    return f"    {parameter.name}: {', '.join(fact for fact in facts if fact)}" + (f"\n        {text}" if text else "")
