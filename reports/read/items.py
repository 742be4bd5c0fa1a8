"""Records -> what each item scored, read when it is asked for and kept, for the next report too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from harness.store.paths import RunPaths
from reports.errors import ReportError
from reports.read.aggregation import AVERAGE, item_scores
from reports.read.files import CellFile
from reports.read.kept_items import ItemScores, Record, keep_items, kept_items
from reports.read.plan import BASE_ARM, PlanView
from reports.side_by_side import side_by_side

Key = tuple[str, int, int, str]
"""Arm, seed, checkpoint and suite."""
AT_A_TIME = 500
"""Records that one process reads before it hands over what it has."""


@dataclass(frozen=True, slots=True)
class ItemReader:
    """The items of a run by arm, seed, checkpoint and suite."""

    run: RunPaths
    plan: PlanView
    cells: Mapping[tuple[str, int], CellFile]
    """Files of each cell, by arm and seed."""
    state: Mapping[str, str]
    """Of each cell, as `reports.read.kept.states` has it."""
    _names: dict[tuple[str, ...], tuple[str, ...]] = field(default_factory=dict)
    _kept: dict[Key, ItemScores | None] = field(default_factory=dict)

    def of(self, arm: str, seed: int, checkpoint: int, suite: str) -> ItemScores | None:
        """Return the items of an arm; at checkpoint 0 those of the untrained model. None where there is no record.

        Raises:
            ReportError: If the record can't be read, or an item stands in it twice.
        """
        key = _stored((arm, seed, checkpoint, suite))
        if key not in self._kept:
            self._kept[key] = self._read(*key)
        return self._kept[key]

    def read_ahead(self, wanted: Iterable[Key]) -> None:
        """Read what will be asked for, on all cores; what the last report has read is taken from what it kept.

        Raises:
            ReportError: As `of`.
        """
        known = kept_items(self.run, self.state, self._one_of)
        places = {key: place for key in dict.fromkeys(map(_stored, wanted)) if (place := self._record(key))}
        self._kept.update({key: known[place] for key, place in places.items() if place in known})
        keys = [key for key in places if key not in self._kept]
        chunks = [keys[first : first + AT_A_TIME] for first in range(0, len(keys), AT_A_TIME)]
        read = side_by_side(lambda chunk: [self._read(*key) for key in chunk], chunks)
        for key, items in zip(keys, (one for found in read for one in found), strict=True):
            self._kept[key] = None if items is None else replace(items, names=self._one_of(items.names))
        read_now = {places[key]: found for key in keys if (found := self._kept[key]) is not None}
        if read_now:
            keep_items(self.run, {**known, **read_now}, self.state)

    def _record(self, key: Key) -> Record | None:
        arm, seed, checkpoint, suite = key
        return (self.cells[arm, seed].id, checkpoint, suite) if (arm, seed) in self.cells else None

    def _one_of(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return the one tuple for all that have the same items: cheap to compare."""
        return self._names.setdefault(names, names)

    def texts(
        self, arm: str, seed: int, checkpoint: int, suite: str, items: set[str] | None
    ) -> dict[str, dict[str, Any]]:
        """Return for some items, or for all, what was answered: lists `texts`, `grades` and `answers`, by sample."""
        import pyarrow as pa
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        if items is not None and not items:
            return {}
        if arm == BASE_ARM or checkpoint == 0:
            arm, checkpoint = BASE_ARM, 0
        path = self.cells[arm, seed].paths.record(checkpoint, suite)
        columns = ["item", "texts", "grades", "answers"]
        # A filter in the reading goes through a dataset, which takes ten times as long for a file of this size.
        whole = pq.ParquetFile(path).read(columns=columns)
        table = whole
        if items is not None:
            names = pa.array(sorted(items), whole.schema.field("item").type)
            table = whole.filter(pc.is_in(whole.column("item"), names))
        return {row.pop("item"): row for row in table.to_pylist()}

    def _read(self, arm: str, seed: int, checkpoint: int, suite: str) -> ItemScores | None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        cell = self.cells.get((arm, seed))
        if cell is None or not (path := cell.paths.record(checkpoint, suite)).exists():
            return None
        asked = self.plan.suite(suite)
        votes = () if asked.aggregation == AVERAGE else ("answers", "grades")
        try:
            table = pq.ParquetFile(path).read(columns=["item", "correct", "samples", *votes])
        except (OSError, pa.ArrowException) as error:
            raise ReportError(f"{path}: can't be read as a record ({error}); delete it and queue again") from error
        names = tuple(table.column("item").to_pylist())
        names = self._one_of(names)
        samples = int(table.column("samples")[0].as_py())
        if samples != asked.samples:
            return None
        if len(set(names)) < len(names):
            raise ReportError(
                f"{path}: an item stands in it twice, so items can't be paired; delete it and queue again"
            )
        return ItemScores(
            names=names,
            scores=item_scores(asked.aggregation, table),
            correct=table.column("correct").to_numpy(),
            samples=samples,
            counted=asked.aggregation == AVERAGE,
        )


def _stored(key: Key) -> Key:
    """Return where the items lie: at checkpoint 0, with the untrained model."""
    arm, seed, checkpoint, suite = key
    return (BASE_ARM, seed, 0, suite) if arm == BASE_ARM or checkpoint == 0 else key
