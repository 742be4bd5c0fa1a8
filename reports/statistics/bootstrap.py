"""Intervals by resampling, percentile method: of an interquartile mean over tasks, and of a mean over seeds x items.

Both resample with counts in place of copies: how often each cell was drawn is a weight, so values are sorted once and
not once per repetition. Work is done in blocks, so memory doesn't grow with the repetitions.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reports.statistics.aggregates import middle_mean, pooled, score_matrix

CELLS_AT_ONCE = 1 << 14
"""Numbers in an array of one block: 128 KiB, of which a core's cache holds the few that are in use."""


def stratified_iqm_interval(
    scores_ST: ArrayLike, rng: np.random.Generator, repetitions: int = 50_000, level: float = 0.95
) -> tuple[float, float]:
    """Return the bootstrap interval of `aggregates.iqm`, runs resampled with replacement within each task.

    It is about these tasks with other training seeds. In each task as many runs are drawn as are there.

    Args:
        scores_ST: S runs of T tasks; NaN where one is missing.
        rng: Decides the resamples.
        repetitions: Resamples, R.
        level: Coverage, between 0 and 1; with few runs the true coverage is less.

    Raises:
        ValueError: If a task has a single run, which says nothing about other runs, if the repetitions are too few for
            the level, or as `aggregates.iqm`.

    References:
        Agarwal et al. 2021, https://arxiv.org/abs/2108.13264, section 4.1 and its library, rliable.
    """
    _check(repetitions, level)
    scores = score_matrix(scores_ST)
    lone = np.flatnonzero((~np.isnan(scores)).sum(axis=0) < 2)
    if lone.size:
        raise ValueError(
            f"a bootstrap over runs needs at least 2 runs of every task, got 1 for task {', '.join(map(str, lone))} of "
            f"{scores.shape[1]} (counted from 0); add seeds, or give the score without an interval"
        )
    sorted_N, weights_N, place_ST = pooled(scores)
    strata = _strata(place_ST)

    def means(rows: int) -> NDArray[np.float64]:
        drawn_RN = np.concatenate([_drawn(rng, places, rows) for places in strata], axis=1)
        return middle_mean(sorted_N, _counts(drawn_RN, len(sorted_N)) * weights_N)

    return _percentiles(_in_blocks(means, repetitions, len(sorted_N)), level)


def pigeonhole_interval(
    difference_SI: ArrayLike, rng: np.random.Generator, repetitions: int = 10_000, level: float = 0.95
) -> tuple[float, float]:
    """Return the bootstrap interval of a mean over seeds x items, seeds and items resampled independently.

    It is about other seeds and other items: both are drawn with replacement, and a cell counts as often as its seed
    times its item was drawn. Noise of single cells is counted about three times, so where it is most of the noise the
    interval is too wide; noise of S seeds is counted (S - 1) / S times, so with few of them it is too narrow.

    Args:
        difference_SI: One difference per seed and item, paired in both; NaN where one is missing, which then weighs
            nothing in any resample.
        rng: Decides the resamples.
        repetitions: Resamples, R.
        level: Coverage, between 0 and 1.

    Raises:
        ValueError: If fewer than 2 seeds or 2 items have a difference, one is infinite, or the repetitions are too few
            for the level.

    References:
        Owen 2007, "The pigeonhole bootstrap", https://arxiv.org/abs/0712.1111.
    """
    _check(repetitions, level)
    difference = _crossed(difference_SI)
    there_SI = (~np.isnan(difference)).astype(np.float64)
    value_SI = np.nan_to_num(difference)
    seeds, items = difference.shape

    def means(rows: int) -> NDArray[np.float64]:
        seed_RS = _counts(rng.integers(seeds, size=(rows, seeds)), seeds).astype(np.float64)
        item_RI = _counts(rng.integers(items, size=(rows, items)), items)
        total_R = ((seed_RS @ value_SI) * item_RI).sum(axis=1)
        weight_R = ((seed_RS @ there_SI) * item_RI).sum(axis=1)
        # A resample that drew nothing but missing cells has no mean.
        found_R = weight_R > 0
        return np.asarray(total_R[found_R] / weight_R[found_R])

    return _percentiles(_in_blocks(means, repetitions, seeds + items), level)


def _strata(place_ST: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """Return the sorted places of the cells that are there, runs x tasks, one array for the tasks of as many runs."""
    runs_T = (place_ST >= 0).sum(axis=0)
    missing_last_ST = np.take_along_axis(place_ST, np.argsort(place_ST < 0, axis=0, kind="stable"), axis=0)
    return [missing_last_ST[:runs, runs_T == runs] for runs in np.unique(runs_T)]


def _drawn(rng: np.random.Generator, places_ST: NDArray[np.intp], rows: int) -> NDArray[np.intp]:
    """Return the sorted places of the cells of `rows` resamples, rows x cells; each task's runs drawn on their own."""
    runs, tasks = places_ST.shape
    # The smallest integers that hold an index of a cell: drawing bytes is several times as fast as drawing words.
    small = np.min_scalar_type(places_ST.size)
    index = rng.integers(runs, size=(rows, runs, tasks), dtype=small.type)
    index *= small.type(tasks)
    index += np.arange(tasks, dtype=small)
    return places_ST.ravel().take(index.reshape(rows, -1))


def _counts(drawn_RN: NDArray[np.intp], values: int) -> NDArray[np.intp]:
    """Return how often each of 0..values - 1 is in each row, rows x values."""
    rows = len(drawn_RN)
    apart_RN = drawn_RN + values * np.arange(rows)[:, None]
    return np.bincount(apart_RN.ravel(), minlength=rows * values).reshape(rows, values)


def _in_blocks(means: Callable[[int], NDArray[np.float64]], repetitions: int, cells: int) -> NDArray[np.float64]:
    """Return the means of all repetitions, asked for by so many at once that memory stays bounded."""
    rows = max(1, CELLS_AT_ONCE // cells)
    blocks = [means(min(rows, repetitions - start)) for start in range(0, repetitions, rows)]
    return np.concatenate(blocks)


def _percentiles(means_R: NDArray[np.float64], level: float) -> tuple[float, float]:
    low, high = np.quantile(means_R, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _crossed(difference_SI: ArrayLike) -> NDArray[np.float64]:
    """Return the differences without the seeds and items that have none at all."""
    difference = np.asarray(difference_SI, dtype=np.float64)
    if difference.ndim != 2:
        raise ValueError(f"differences must be a matrix of seeds x items, got shape {difference.shape}")
    if np.isinf(difference).any():
        seed, item = np.argwhere(np.isinf(difference))[0]
        raise ValueError(
            f"differences must be finite, or NaN where missing, got {difference[seed, item]} in seed {seed}, "
            f"item {item}"
        )
    there = ~np.isnan(difference)
    difference = difference[there.any(axis=1)][:, there.any(axis=0)]
    if min(difference.shape) < 2:
        raise ValueError(
            "a bootstrap over seeds and items needs at least 2 of each with a difference, got "
            f"{difference.shape[0]} seeds and {difference.shape[1]} items"
        )
    return difference


def _check(repetitions: int, level: float) -> None:
    if not 0.0 < level < 1.0:
        raise ValueError(f"the level of an interval lies between 0 and 1, got {level}")
    # Below this not one repetition is expected beyond either end.
    if repetitions * (1.0 - level) < 2.0:
        raise ValueError(
            f"an interval of level {level} by percentiles needs at least {2.0 / (1.0 - level):.0f} repetitions, "
            f"got {repetitions}"
        )
