from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar

from reports.statistics.items import _fisher, item_changes, sign_test


@given(st.integers(0, 40), st.integers(0, 40))
def test_it_is_mcnemars_exact_test(gained: int, lost: int) -> None:
    theirs = mcnemar([[3, lost], [gained, 5]], exact=True).pvalue if gained + lost else 1.0
    assert sign_test(gained, lost) == pytest.approx(theirs, abs=1e-9)


def test_a_net_zero_hides_nothing() -> None:
    found = item_changes(np.array([1, 1, 0, 0]), np.array([0, 1, 1, 0]), (1, 1))
    assert (found.gained, found.lost) == ((2,), (0,))
    assert found.certain == frozenset()
    assert found.p_value == 1.0


def test_what_many_samples_agree_on_is_certain() -> None:
    found = item_changes(np.array([0, 16, 8, 8]), np.array([16, 0, 9, 7]), (16, 16))
    assert found.certain == {0, 1}
    assert found.gained[0] == 0
    assert found.lost[0] == 1


def test_noise_makes_few_items_certain() -> None:
    rng, called = np.random.default_rng(2), 0
    for _ in range(40):
        chances = rng.beta(1, 1, 100)
        called += bool(item_changes(rng.binomial(8, chances), rng.binomial(8, chances), (8, 8)).certain)
    assert called <= 6


def test_other_numbers_of_samples_are_compared_by_share() -> None:
    found = item_changes(np.array([4]), np.array([2]), (8, 4))
    assert (found.gained, found.lost) == ((), ())


def test_other_items_are_refused() -> None:
    with pytest.raises(ValueError, match="same items"):
        item_changes(np.array([1]), np.array([1, 0]), (1, 1))
    with pytest.raises(ValueError, match="more right answers"):
        item_changes(np.array([2]), np.array([1]), (1, 1))


@given(st.integers(1, 40), st.integers(1, 40), st.data())
def test_an_items_p_value_is_fishers(drawn_before: int, drawn_after: int, data: st.DataObject) -> None:
    before, after = data.draw(st.integers(0, drawn_before)), data.draw(st.integers(0, drawn_after))
    table = [[before, drawn_before - before], [after, drawn_after - after]]
    theirs = float(scipy.stats.fisher_exact(table).pvalue)
    ours = _fisher(np.array([before]), np.array([after]), (drawn_before, drawn_after))
    assert ours == pytest.approx([min(theirs, 1.0)], rel=1e-9)
