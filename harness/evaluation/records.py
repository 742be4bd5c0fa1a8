"""What an evaluation found, item by item, and its file. The same content gives the same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from harness.evaluation.errors import RecordsError
from harness.store.atomic import replacing
from harness.store.schema import RECORD_SCHEMA

SETTINGS_KEY = b"explorebench.settings"


@dataclass(frozen=True, kw_only=True, slots=True)
class ItemRecord:
    """The K samples of one item; every tuple has one entry per sample, in the order they were drawn."""

    item: str
    """Id of the item in its suite."""
    grades: tuple[bool, ...]
    """Whether the grader accepted the sample."""
    answers: tuple[str | None, ...]
    """Canonical final answers; None where none could be read."""
    texts: tuple[str, ...]
    """What the model wrote."""
    tokens: tuple[int, ...]
    """Generated tokens, end-of-text included."""
    truncated: tuple[bool, ...]
    """Whether the sample ran into the token cap."""

    def __post_init__(self) -> None:
        sizes = {len(values) for values in (self.answers, self.texts, self.tokens, self.truncated)}
        if sizes != {len(self.grades)} or not self.grades:
            raise ValueError(f"item {self.item!r}: every column needs one entry per sample, got {sorted(sizes)}")

    @property
    def samples(self) -> int:
        """K, the samples drawn."""
        return len(self.grades)

    @property
    def correct(self) -> int:
        """Samples that the grader accepted, 0..K."""
        return sum(self.grades)


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordKey:
    """What a file of records belongs to."""

    arm: str
    seed: int
    """Training seed of the cell."""
    checkpoint: int
    """Index of the sealed checkpoint; 0 is the start of training."""
    share: float
    """Of the budget, at which the checkpoint stands, 0..1."""
    suite: str
    suite_sha256: str


class Records(NamedTuple):
    """The content of one file."""

    key: RecordKey
    items: tuple[ItemRecord, ...]


def write_records(path: Path, key: RecordKey, items: Sequence[ItemRecord], *, settings: str) -> None:
    """Replace `path` with the records of one checkpoint on one suite, in the order given.

    Args:
        path: The file.
        key: What the records belong to.
        items: The records.
        settings: Hash of all that decided them; kept in the file's metadata for `recorded_settings`.

    Raises:
        ValueError: If there is no record.
        OSError: If the file can't be written; a file that was there is left as it was.
    """
    if not items:
        raise ValueError(f"no records to write to {path}: an evaluation has at least one item")
    schema = RECORD_SCHEMA.with_metadata({SETTINGS_KEY: settings.encode()})
    table = pa.Table.from_pylist([_row(key, item) for item in items], schema=schema)
    with replacing(path) as partial:
        # All options that shape the bytes are spelled out, so that a new default of pyarrow changes none of them.
        pq.write_table(
            table,
            partial,
            version="2.6",
            data_page_version="1.0",
            compression="zstd",
            compression_level=3,
            use_dictionary=True,
            write_statistics=True,
            row_group_size=1 << 20,
        )


def recorded_settings(path: Path) -> str | None:
    """Return the hash of the settings that the records in `path` were made under; None if there are none to read."""
    try:
        metadata = pq.read_schema(path).metadata or {}
    except (OSError, pa.ArrowException):
        return None
    return metadata.get(SETTINGS_KEY, b"").decode() or None


def read_records(path: Path) -> Records:
    """Return what `write_records` wrote.

    Raises:
        RecordsError: If the file is missing, damaged, empty, or has other columns than this version writes.
    """
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise RecordsError(path, f"{type(error).__name__}: {error}") from error
    if not table.schema.equals(RECORD_SCHEMA):
        raise RecordsError(path, f"its columns are {table.schema.names}, expected {RECORD_SCHEMA.names}")
    rows = table.to_pylist()
    if not rows:
        raise RecordsError(path, "it has no rows; evaluate the checkpoint again")
    names = ("arm", "seed", "checkpoint", "share", "suite", "suite_sha256")
    key = RecordKey(**{name: rows[0][name] for name in names})
    return Records(key, tuple(_item(row) for row in rows))


def _row(key: RecordKey, record: ItemRecord) -> dict[str, Any]:
    return {
        "arm": key.arm,
        "seed": key.seed,
        "checkpoint": key.checkpoint,
        "share": key.share,
        "suite": key.suite,
        "suite_sha256": key.suite_sha256,
        "item": record.item,
        "samples": record.samples,
        "correct": record.correct,
        "grades": record.grades,
        "answers": [None if answer is None else _storable(answer) for answer in record.answers],
        "texts": [_storable(text) for text in record.texts],
        "tokens": record.tokens,
        "truncated": record.truncated,
    }


def _item(row: dict[str, Any]) -> ItemRecord:
    names = ("grades", "answers", "texts", "tokens", "truncated")
    return ItemRecord(item=row["item"], **{name: tuple(row[name]) for name in names})


def _storable(text: str) -> str:
    """Return `text` with lone surrogates (a grader that parses JSON can make them) spelled out as backslash codes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
