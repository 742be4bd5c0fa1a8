"""One number for a whole matrix of scores, one row per run (training seed) and one column per task.

A NaN is a cell that is missing, such as that of a failed seed. In every task only the runs that are there count, and
every task counts the same, however many of its runs are missing: a failed seed doesn't move the aggregate towards the
tasks that kept all of theirs. A task without any run is an error, because a score over other tasks is another score;
leave the task out for all arms, and say so. Without missing cells the numbers are rliable's.

References:
    Agarwal et al. 2021, "Deep reinforcement learning at the edge of the statistical precipice",
    https://arxiv.org/abs/2108.13264, section 4.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

TRIMMED = 0.25
"""Share of the cells that an interquartile mean leaves out at either end."""


def iqm(scores_ST: ArrayLike) -> float:
    """Return the interquartile mean: the mean of the middle half of all runs x tasks, in the scores' unit.

    As `scipy.stats.trim_mean(..., 0.25, axis=None)`: of N cells, the floor(N / 4) lowest and highest are left out.
    Where cells are missing, those left of a task share the task's weight, and a cell may be left out in part.

    Args:
        scores_ST: S runs of T tasks; NaN where one is missing.

    Raises:
        ValueError: If there is no cell, a task without one, or a score that is infinite.

    Examples:
        >>> iqm([[0.0, 2.0], [4.0, 100.0]])
        3.0
    """
    sorted_N, weights_N, _ = pooled(score_matrix(scores_ST))
    return float(middle_mean(sorted_N, weights_N[None])[0])


def optimality_gap(scores_ST: ArrayLike, target: float = 1.0) -> float:
    """Return by how much scores fall short of `target` on average, those above it counted as reaching it; 0 is best.

    Args:
        scores_ST: S runs of T tasks; NaN where one is missing.
        target: The score beyond which more isn't better, in the scores' unit.

    Raises:
        ValueError: If `target` isn't finite, or as `iqm`.

    Examples:
        >>> optimality_gap([[0.5, 0.75], [1.0, 7.0]])
        0.1875
    """
    if not math.isfinite(target):
        raise ValueError(f"the optimality gap needs a finite target, got {target}")
    shortfall_ST = target - np.minimum(score_matrix(scores_ST), target)
    return float(np.nanmean(shortfall_ST, axis=0).mean())


def probability_of_improvement(x_ST: ArrayLike, y_ST: ArrayLike) -> float:
    """Return how likely a run of X beats a run of Y on a task drawn at random; a tie is half a win.

    On each task this is the Mann-Whitney U statistic by its number of pairs. It tells how often, not by how much.

    Args:
        x_ST: Runs x tasks of X; NaN where one is missing.
        y_ST: Runs x the same tasks of Y; the number of runs may differ.

    Raises:
        ValueError: If the two have different numbers of tasks, or as `iqm`.

    Examples:
        >>> probability_of_improvement([[1.0], [2.0]], [[1.0], [0.0]])
        0.875
    """
    x_ST, y_ST = score_matrix(x_ST), score_matrix(y_ST)
    if x_ST.shape[1] != y_ST.shape[1]:
        raise ValueError(
            f"the probability of improvement needs the same tasks on both sides, got {x_ST.shape[1]} and "
            f"{y_ST.shape[1]}; keep only the tasks that both have"
        )
    wins_SST = (np.sign(x_ST[:, None] - y_ST[None]) + 1) / 2
    return float(np.nanmean(wins_SST, axis=(0, 1)).mean())


def performance_profile(scores_ST: ArrayLike, thresholds_H: ArrayLike) -> NDArray[np.float64]:
    """Return the share of runs x tasks that score above each of H thresholds: the run-score distribution.

    Args:
        scores_ST: S runs of T tasks; NaN where one is missing.
        thresholds_H: Scores to exceed, in any order.

    Returns:
        One share per threshold, in the order of the thresholds.

    Raises:
        ValueError: If there is no threshold, or one that is NaN, or as `iqm`.

    Examples:
        >>> performance_profile([[0.0, 1.0], [0.5, 1.0]], [0.25, 0.5]).tolist()
        [0.75, 0.5]
    """
    thresholds = np.asarray(thresholds_H, dtype=np.float64)
    if thresholds.ndim != 1 or not thresholds.size or np.isnan(thresholds).any():
        raise ValueError(f"a performance profile needs a list of thresholds without NaN, got {thresholds.tolist()}")
    sorted_N, weights_N, _ = pooled(score_matrix(scores_ST))
    # Weight of the n lowest cells, for n = 0..N: a threshold's is that of all cells at or below it.
    below = np.concatenate([[0.0], np.cumsum(weights_N)])
    shares_H: NDArray[np.float64] = 1.0 - below[np.searchsorted(sorted_N, thresholds, side="right")] / below[-1]
    return shares_H


def score_matrix(scores_ST: ArrayLike) -> NDArray[np.float64]:
    """Return the scores as a matrix, after a look at whether it can be summed up.

    Raises:
        ValueError: If it isn't runs x tasks, has no cell or a task without one, or has an infinite score.
    """
    scores = np.asarray(scores_ST, dtype=np.float64)
    if scores.ndim != 2 or not scores.size:
        raise ValueError(f"scores must be a matrix of runs x tasks with at least one cell, got shape {scores.shape}")
    if np.isinf(scores).any():
        run, task = np.argwhere(np.isinf(scores))[0]
        raise ValueError(
            f"scores must be finite, or NaN where missing, got {scores[run, task]} in run {run}, task {task}"
        )
    empty = np.flatnonzero(np.isnan(scores).all(axis=0))
    if empty.size == scores.shape[1]:
        raise ValueError(f"scores must have at least one cell, got {scores.shape[0]} x {scores.shape[1]} of NaN only")
    if empty.size:
        raise ValueError(
            f"every task needs a run with a score, got none for task {', '.join(map(str, empty))} of "
            f"{scores.shape[1]} (counted from 0); leave it out for all arms"
        )
    return scores


def pooled(scores_ST: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.intp]]:
    """Return the N cells of a checked matrix that are there, sorted.

    Returns:
        Their scores; their weights, which sum to N and are all 1 where no cell is missing; their places in the sorted
        order, runs x tasks, -1 where one is missing.
    """
    there_ST = ~np.isnan(scores_ST)
    count = int(there_ST.sum())
    order_N = np.argsort(scores_ST, axis=None)[:count]  # NaN sorts last
    runs_T = there_ST.sum(axis=0)
    weights_N = (count / (runs_T * len(runs_T)))[order_N % scores_ST.shape[1]]
    place_ST = np.full(scores_ST.shape, -1, dtype=np.intp)
    place_ST.ravel()[order_N] = np.arange(count)
    return scores_ST.ravel()[order_N], weights_N, place_ST


def middle_mean(sorted_N: NDArray[np.float64], weights_RN: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the interquartile mean of N sorted values under each of R weightings, all of which sum to N."""
    count = len(sorted_N)
    cut = math.floor(TRIMMED * count)
    reached_RN = np.cumsum(weights_RN, axis=1)
    np.clip(reached_RN, cut, count - cut, out=reached_RN)
    kept_RN = np.diff(reached_RN, axis=1, prepend=float(cut))
    means: NDArray[np.float64] = kept_RN @ sorted_N / (count - 2 * cut)
    return means
