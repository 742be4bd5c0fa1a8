"""What training used, lost work included, evaluation excluded."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reports.read.compute import OUTSIDE, total

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

SpentAt = Mapping[str, list[float]]
"""Of one cell, for each of `COLUMNS`: what it had used at the untrained model, which is 0, and at each evaluated
checkpoint; NaN where the log doesn't know."""
COLUMNS = ("generated_tokens", "flops", "device_seconds", "step")


@dataclass(frozen=True, kw_only=True, slots=True)
class Spent:
    """Compute that training used, lost work included, evaluation excluded; NaN where unknown."""

    generated_tokens: float
    flops: float
    device_seconds: float
    steps: float
    """Of the optimizer."""
    lost_device_seconds: float
    """Of the device-seconds, those whose work a kill threw away."""


UNKNOWN = Spent(
    generated_tokens=math.nan, flops=math.nan, device_seconds=math.nan, lost_device_seconds=math.nan, steps=math.nan
)


def spent_in(lines: pd.DataFrame) -> Spent:
    """Return what training used in some lines of the ledger, without evaluation and watches; unknown without any."""
    if lines.empty:
        return UNKNOWN
    training = lines[~lines["phase"].isin(OUTSIDE)]
    return Spent(
        generated_tokens=total(training, "generated_tokens"),
        flops=total(training, "flops"),
        device_seconds=total(training, "device_seconds"),
        lost_device_seconds=total(training[training["lost"]], "device_seconds"),
        steps=float(training["step"].max()) if len(training) else 0.0,
    )


def spent_by_cell(lines: pd.DataFrame) -> dict[str, Spent]:
    """Return what `spent_in` does for each cell that has lines of the ledger."""
    import numpy as np
    import pandas as pd

    places, cells = pd.factorize(lines["cell"])
    counted = ~lines["phase"].isin(OUTSIDE).to_numpy()

    def sums(column: str, rows: NDArray[np.bool_]) -> list[float]:
        of_cell = np.bincount(places[rows], lines[column].to_numpy(dtype=float)[rows], len(cells))
        return [float(one) for one in of_cell]

    steps = np.zeros(len(cells))
    np.maximum.at(steps, places[counted], lines["step"].to_numpy(dtype=float)[counted])
    found = zip(
        cells,
        *(sums(column, counted) for column in ("generated_tokens", "flops", "device_seconds")),
        sums("device_seconds", counted & lines["lost"].to_numpy()),
        steps.tolist(),
        strict=True,
    )
    return {
        cell: Spent(generated_tokens=tokens, flops=flops, device_seconds=seconds, lost_device_seconds=lost, steps=step)
        for cell, tokens, flops, seconds, lost, step in found
    }


def spent_at(
    training: pd.DataFrame, evaluated: Mapping[tuple[str, int], Sequence[int]], checkpoints: int
) -> dict[tuple[str, int], SpentAt]:
    """Return what training of each cell that has a log had used at each of its evaluated checkpoints.

    Args:
        training: Columns `reports.read.training.TRAINING_COLUMNS`.
        evaluated: Of each cell, by arm and seed, the checkpoints in question.
        checkpoints: In a whole budget.
    """
    import numpy as np

    found: dict[tuple[str, int], SpentAt] = {}
    lines_of = dict(list(training[["arm", "seed", "share", *COLUMNS]].groupby(["arm", "seed"], sort=False)))
    for cell, numbers in evaluated.items():
        if (lines := lines_of.get(cell)) is None:
            continue
        ends = np.asarray(numbers, dtype=float) / checkpoints - 1e-9
        places = np.minimum(np.searchsorted(np.sort(lines["share"].to_numpy()), ends), len(lines) - 1)
        amounts = {column: lines[column].to_numpy(dtype=float)[places] for column in COLUMNS}
        found[cell] = {column: [0.0, *known.tolist()] for column, known in amounts.items()}
    return found
