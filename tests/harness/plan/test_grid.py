"""Points of a grid, and parameters filled into a strategy."""

from __future__ import annotations

from math import prod
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.plan.grid import GridError, in_words, points, with_values

NAMES = st.text("abc", min_size=1)


def test_the_points_are_the_product_the_last_parameter_changing_fastest() -> None:
    made = points({"strength": [0.1, 0.3], "learning_rate": [1e-4, 2e-4]})
    assert made == [
        {"strength": 0.1, "learning_rate": 1e-4},
        {"strength": 0.1, "learning_rate": 2e-4},
        {"strength": 0.3, "learning_rate": 1e-4},
        {"strength": 0.3, "learning_rate": 2e-4},
    ]
    assert in_words(made[1]) == "strength=0.1, learning_rate=0.0002"


@given(
    grid=st.dictionaries(NAMES, st.lists(st.integers(), min_size=2, max_size=3, unique=True), min_size=1, max_size=3)
)
def test_every_combination_stands_once(grid: dict[str, list[int]]) -> None:
    made = [tuple(point.items()) for point in points(grid)]
    assert len(made) == len(set(made)) == prod(len(values) for values in grid.values())
    assert all(value in grid[name] for point in made for name, value in point)


@pytest.mark.parametrize(
    ("grid", "name", "message"),
    [
        (None, None, "expected parameters, each with a list of values; got None"),
        ([0.1], None, "expected parameters, each with a list of values; got [0.1]"),
        ({}, None, "expected parameters, each with a list of values; got {}"),
        ({3: [1, 2]}, None, "expected a parameter's name, such as strength or primary.strength; got 3"),
        (
            {"primary.": [1, 2]},
            None,
            "expected a parameter's name, such as strength or primary.strength; got 'primary.'",
        ),
        ({"strength": 0.3}, "strength", "expected a list of values; got 0.3"),
        ({"strength": "ab"}, "strength", "expected a list of values; got 'ab'"),
        ({"strength": []}, "strength", "expected at least one value; got []"),
        ({"strength": [0.3]}, None, "one point leaves nothing to choose; write strength=0.3 in the arm, or add values"),
    ],
)
def test_what_is_no_grid(grid: object, name: str | None, message: str) -> None:
    with pytest.raises(GridError) as caught:
        points(grid)
    assert (str(caught.value), caught.value.name) == (message, name)


@pytest.mark.parametrize(
    ("spec", "values", "filled"),
    [
        ("g2rl", {"strength": 0.1}, {"g2rl": {"strength": 0.1}}),
        ({"g2rl": None}, {"strength": 0.1}, {"g2rl": {"strength": 0.1}}),
        ({"g2rl": {"form": "prose"}}, {"strength": 0.1}, {"g2rl": {"form": "prose", "strength": 0.1}}),
        ({"grpo": {}}, {"learning_rate": 1e-4}, {"grpo": {}}),
        (
            {"hybrid": {"primary": "g2rl", "hedge": {"entropy_bonus": {}}}},
            {"primary.strength": 0.1, "hedge.coefficient": 0.2, "share": 0.3},
            {
                "hybrid": {
                    "primary": {"g2rl": {"strength": 0.1}},
                    "hedge": {"entropy_bonus": {"coefficient": 0.2}},
                    "share": 0.3,
                }
            },
        ),
        ("g2rl", {"g2rl.strength": 0.1}, {"g2rl": {"strength": 0.1}}),
        ("rnd", {"learning_rate": 0.1, "rnd.learning_rate": 0.2}, {"rnd": {"learning_rate": 0.2}}),
        (
            {"with_resets": {"strategy": {"hybrid": {"primary": "g2rl", "hedge": "grpo"}}}},
            {"strategy.primary.strength": 0.1},
            {"with_resets": {"strategy": {"hybrid": {"primary": {"g2rl": {"strength": 0.1}}, "hedge": "grpo"}}}},
        ),
    ],
)
def test_values_are_filled_in_where_their_path_leads(spec: Any, values: dict[str, Any], filled: dict[str, Any]) -> None:
    assert with_values(spec, values) == filled


def test_the_spec_is_left_as_it_was() -> None:
    spec: dict[str, Any] = {"hybrid": {"primary": {"g2rl": {}}, "hedge": "grpo"}}
    with_values(spec, {"primary.strength": 0.1})
    assert spec == {"hybrid": {"primary": {"g2rl": {}}, "hedge": "grpo"}}


@pytest.mark.parametrize(
    ("spec", "path", "message"),
    [
        (
            {"g2rl": {"strength": 0.5}},
            "strength",
            "strength has a value in the arm as well, 0.5; leave one of them out",
        ),
        ("g2rl", "primary.strength", "g2rl has no strategy called 'primary' to look for strength in"),
        ("g2rl", "strength.x", "g2rl has no strategy called 'strength' to look for x in"),
    ],
)
def test_a_path_that_leads_nowhere(spec: Any, path: str, message: str) -> None:
    with pytest.raises(GridError) as caught:
        with_values(spec, {path: 0.1})
    assert (str(caught.value), caught.value.name) == (message, path)
