"""How the samples of a suite's items become scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from reports.statistics import maj_at_k, pass_at_k

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

AVERAGE = "avg"


def item_scores(aggregation: str, table: pa.Table) -> NDArray[np.float64]:
    """Return the score of each item, 0..1, shape (n,).

    Args:
        aggregation: What the suite says: avg, pass@k or maj@k.
        table: Its records with the columns correct and samples, for maj@k answers and grades too; every item has the
            same number of samples.

    Raises:
        ValueError: If there are fewer samples than k.
    """
    import numpy as np

    correct, samples = table.column("correct").to_numpy(), int(table.column("samples")[0].as_py())
    if aggregation == AVERAGE:
        return np.asarray(correct / samples, dtype=float)
    kind, _, k = aggregation.partition("@")
    if kind == "pass":
        by_count = np.array([pass_at_k(count, samples, int(k)) for count in range(samples + 1)])
        return np.asarray(by_count[correct], dtype=float)
    answers: list[Sequence[str | None]] = table.column("answers").to_pylist()
    grades: list[Sequence[bool]] = table.column("grades").to_pylist()
    return np.array([maj_at_k(own, right, int(k)) for own, right in zip(answers, grades, strict=True)])
