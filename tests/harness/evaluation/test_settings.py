from __future__ import annotations

from typing import Any

import pytest

from harness.evaluation.settings import EvaluationSettings


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("samples", 0),
        ("samples", -3),
        ("batch_size", 0),
        ("seed", -1),
        ("seed", 2**63),
        ("temperature", -0.1),
        ("temperature", float("nan")),
        ("top_p", 0.0),
        ("top_p", 1.5),
        ("top_p", float("nan")),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(field: str, value: float) -> None:
    given: dict[str, Any] = {"samples": 4, "seed": 0, field: value}
    with pytest.raises(ValueError, match=rf"EvaluationSettings\.{field} .*{value}"):
        EvaluationSettings(**given)


def test_greedy_and_the_whole_distribution_are_in_range() -> None:
    settings = EvaluationSettings(samples=1, seed=0, temperature=0.0)
    assert settings.top_p == 1.0
    assert settings.batch_size == 256
