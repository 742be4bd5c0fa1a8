"""The pages of strategies: complete, and the table in the docs is that of the code."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import pytest

from strategies import Named, Range, Strategy, page
from strategies.controls.base import Base
from strategies.gradient.g2rl import G2RL
from strategies.parameters import parameters
from strategies.registry import STRATEGIES

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, kw_only=True)
class Sample(Strategy):
    """A strategy with one parameter of each kind."""

    family: ClassVar[str] = "test"

    strength: Annotated[float, Range(above=0, most=2)] = 0.5
    """How much, in
    units of reward."""
    count: Annotated[int | None, Range(least=1, below=9)] = None
    """How many."""
    form: Literal["a", "b"] = "a"
    """Which."""
    encoder: Annotated[str, Named()] = "lexical"
    on: bool = True
    inner: Strategy


def test_parameters_are_read_from_the_class() -> None:
    found = {one.name: (one.kind, "; ".join(map(str, one.bounds)), one.text) for one in parameters(Sample)}
    assert found == {
        "strength": ("number", "above 0 and at most 2", "How much, in\nunits of reward."),
        "count": ("whole number or nothing", "at least 1 and below 9", "How many."),
        "form": ("one of a, b", "", "Which."),
        "encoder": ("text", "", ""),
        "on": ("true or false", "", ""),
        "inner": ("a strategy", "", ""),
    }


@pytest.mark.parametrize("value", [0, 2.5, float("nan")])
def test_ranges_hold_without_the_registry_too(value: float) -> None:
    with pytest.raises(ValueError, match="strength must be above 0 and at most 2, got"):
        Sample(strength=value, inner=Base())


def test_nothing_is_in_every_range() -> None:
    assert Sample(inner=Base()).count is None


def test_a_page_tells_the_range_the_default_the_controls_and_the_cost() -> None:
    text = page.page("g2rl", G2RL)
    assert "strength: number, at least 0 and at most 10, default 0.3\n        λ; 0 is plain GRPO." in text
    assert "Controls:\n    noise_novelty(g2rl)\n" in text
    assert f"Cost:\n    {page.costs()['g2rl']['step']:.2f} × grpo's time a step" in text


def test_every_strategy_that_can_be_trained_has_a_cost() -> None:
    assert page.costs().keys() == STRATEGIES.keys() - {"base"}


def lines_of_table(text: str) -> Iterator[str]:
    return (line for line in text.splitlines() if line.startswith("| "))


def test_the_table_in_the_docs_is_that_of_the_code() -> None:
    assert (ROOT / "docs" / "strategies.md").read_text(encoding="utf-8") == page.markdown(STRATEGIES)
    assert len(list(lines_of_table(page.markdown(STRATEGIES)))) == len(STRATEGIES) + 1 >= 30
