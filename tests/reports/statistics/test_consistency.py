from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.statistics.consistency import spread, trajectory


def test_the_interval_of_a_standard_deviation_covers_it() -> None:
    rng = np.random.default_rng(1)
    hits = sum(
        (found := spread(rng.normal(0, 2, 4).tolist())) is not None and found.low <= 2 <= found.high
        for _ in range(2000)
    )
    assert hits / 2000 == pytest.approx(0.95, abs=0.015)


def test_one_seed_has_no_spread() -> None:
    assert spread([0.3]) is None
    with pytest.raises(ValueError, match="finite"):
        spread([0.3, math.nan])


def test_a_drop_is_found_where_it_happens() -> None:
    found = trajectory([0.1, 0.3, 0.1, 0.12, 0.31, 0.30], band=0.05)
    assert [fall.at for fall in found.jumps] == [2]
    assert found.jumps[0].size == pytest.approx(0.2)
    assert [fall.at for fall in found.rollbacks] == [2]  # still away at 3, and back at 4
    assert found.drawdown == pytest.approx(0.2)
    assert found.gains == pytest.approx(2 / 5)


def test_a_slow_fall_is_no_jump_and_still_a_rollback() -> None:
    found = trajectory([0.3, 0.27, 0.24, 0.21], band=0.05)
    assert found.jumps == ()
    assert [(fall.at, round(fall.size, 9)) for fall in found.rollbacks] == [(2, 0.06)]


@given(st.lists(st.floats(0, 1), min_size=2, max_size=12))
def test_what_only_rises_never_falls(scores: list[float]) -> None:
    found = trajectory(sorted(scores), band=0.0)
    assert (found.drawdown, found.jumps, found.rollbacks) == (0.0, (), ())


@given(st.lists(st.floats(0, 1), min_size=2, max_size=12), st.floats(0.01, 0.5))
def test_a_jump_is_no_larger_than_the_drawdown(scores: list[float], band: float) -> None:
    found = trajectory(scores, band)
    assert all(band < fall.size <= found.drawdown + 1e-12 for fall in (*found.jumps, *found.rollbacks))


def test_a_single_score_is_no_trajectory() -> None:
    with pytest.raises(ValueError, match="at least two"):
        trajectory([0.2], band=0.1)
