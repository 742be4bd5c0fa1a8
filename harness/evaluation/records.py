"""What an evaluation found, item by item, and its file. The same content gives the same bytes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from harness.evaluation.errors import RecordsError
from harness.store.atomic import replacing
from harness.store.schema import FACTS_KEY, OUTCOMES, RECORD_SCHEMA, SETTINGS_KEY, SUMMARY_KEY

GROUP = 1024
"""Items in a row group: what is in memory at once."""
TEXTS_MB = 512
"""Characters of texts that a file keeps at most, in millions; answers beyond that are kept without their texts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ItemRecord:
    """The K samples of one item; every tuple has one entry per sample, in the order they were drawn."""

    item: str
    """Id of the item in its suite."""
    grades: tuple[bool, ...]
    """Whether the grader accepted the sample."""
    outcomes: tuple[str, ...]
    """What became of the sample, one of `harness.store.schema.OUTCOMES`: an answer that was cut off, is empty, or hung
    the grader is not simply wrong."""
    answers: tuple[str | None, ...]
    """Canonical final answers; None where none could be read."""
    texts: tuple[str | None, ...]
    """What the model wrote; None where it was not kept."""
    tokens: tuple[int, ...]
    """Generated tokens, end-of-text included."""
    truncated: tuple[bool, ...]
    """Whether the sample ran into the token cap."""

    def __post_init__(self) -> None:
        columns = (self.outcomes, self.answers, self.texts, self.tokens, self.truncated)
        sizes = {len(values) for values in columns}
        if sizes != {len(self.grades)} or not self.grades:
            raise ValueError(f"item {self.item!r}: every column needs one entry per sample, got {sorted(sizes)}")
        unknown = set(self.outcomes).difference(OUTCOMES)
        if unknown:
            raise ValueError(
                f"item {self.item!r}: outcomes are {', '.join(OUTCOMES)}; got {', '.join(sorted(unknown))}"
            )

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


def write_records(
    path: Path,
    key: RecordKey,
    items: Iterable[ItemRecord],
    *,
    settings: str,
    facts: Mapping[str, Any] | None = None,
    texts_mb: float = TEXTS_MB,
) -> None:
    """Replace `path` with the records of one checkpoint on one suite, in the order given.

    Args:
        path: The file.
        key: What the records belong to.
        items: The records; a part of them is in memory at a time.
        settings: Hash of all that decided them; kept in the file's metadata for `recorded_settings`.
        facts: What the hash is of, JSON-able; kept likewise, for `recorded_facts`.
        texts_mb: Million characters of texts to keep; later answers are kept without.

    Raises:
        ValueError: If there is no record.
        OSError: If the file can't be written; a file that was there is left as it was.
    """
    rest = iter(items)
    first = list(islice(rest, 1))
    if not first:
        raise ValueError(f"no records to write to {path}: an evaluation has at least one item")
    tally = Tally(texts_left=int(texts_mb * 1e6))
    rows = (_row(key, tally.counted(item)) for item in chain(first, rest))
    metadata = {SETTINGS_KEY: settings.encode(), FACTS_KEY: json.dumps(facts or {}, sort_keys=True).encode()}
    # All options that shape the bytes are spelled out, so that a new default of pyarrow changes none of them.
    options = {
        "version": "2.6",
        "data_page_version": "1.0",
        "compression": "zstd",
        "compression_level": 3,
        "use_dictionary": True,
        "write_statistics": True,
    }
    schema = RECORD_SCHEMA.with_metadata(metadata)
    with replacing(path) as partial, pq.ParquetWriter(partial, schema, **options) as writer:
        while group := list(islice(rows, GROUP)):
            writer.write_table(pa.Table.from_pylist(group, schema=schema), row_group_size=GROUP)
        writer.add_key_value_metadata({SUMMARY_KEY.decode(): json.dumps({"record": asdict(key), **tally.summary()})})


@dataclass(kw_only=True)
class Tally:
    """Counts over the records as they pass by, and what is left for texts."""

    texts_left: int
    """Characters."""
    items: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    """Samples by outcome."""
    correct: Counter[tuple[int, int]] = field(default_factory=Counter)
    """Items by right samples and samples."""
    truncated: int = 0
    tokens: int = 0
    without_text: int = 0

    def counted(self, record: ItemRecord) -> ItemRecord:
        """Count a record, and return it, without its texts if the budget is spent."""
        self.items += 1
        self.answers.update(record.outcomes)
        self.correct[record.correct, record.samples] += 1
        self.truncated += sum(record.truncated)
        self.tokens += sum(record.tokens)
        self.texts_left -= sum(len(text or "") for text in record.texts)
        if self.texts_left < 0:
            record = replace(record, texts=(None,) * record.samples)
        self.without_text += sum(text is None for text in record.texts)
        return record

    def summary(self) -> dict[str, Any]:
        """Return the counts, JSON-able."""
        return {
            "items": self.items,
            "outcomes": {name: self.answers[name] for name in OUTCOMES},
            "correct": [[right, samples, items] for (right, samples), items in sorted(self.correct.items())],
            "truncated": self.truncated,
            "tokens": self.tokens,
            "without_text": self.without_text,
        }


def recorded_summary(path: Path) -> dict[str, Any]:
    """Return whose records a file has and the counts over all items, without reading its body: see `Tally.summary`.

    Raises:
        RecordsError: If the file can't be read or has no such counts.
    """
    return _header(path, SUMMARY_KEY)


def recorded_facts(path: Path) -> dict[str, Any]:
    """Return the evaluation's key and the terms of its suite from the header of a file.

    Raises:
        RecordsError: If the file can't be read or has no such facts.
    """
    return _header(path, FACTS_KEY)


def _header(path: Path, key: bytes) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((pq.read_metadata(path).metadata or {})[key])
    except (OSError, pa.ArrowException, KeyError, ValueError) as error:
        raise RecordsError(path, f"its header has no {key.decode()} ({type(error).__name__})") from error
    return found


def recorded_settings(path: Path) -> str | None:
    """Return the hash of the settings that the records in `path` were made under; None if there are none to read."""
    try:
        metadata = pq.read_metadata(path).metadata or {}
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
    if table.num_rows == 0:
        raise RecordsError(path, "it has no rows; evaluate the checkpoint again")
    names = ("arm", "seed", "checkpoint", "share", "suite", "suite_sha256")
    key = RecordKey(**{name: table.column(name)[0].as_py() for name in names})
    return Records(key, tuple(map(_item, _rows(table))))


def _rows(table: pa.Table) -> Iterator[dict[str, Any]]:
    for batch in table.to_batches():
        yield from batch.to_pylist()


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
        "outcomes": record.outcomes,
        "answers": [None if answer is None else _storable(answer) for answer in record.answers],
        "texts": [None if text is None else _storable(text) for text in record.texts],
        "tokens": record.tokens,
        "truncated": record.truncated,
    }


def _item(row: dict[str, Any]) -> ItemRecord:
    names = ("grades", "outcomes", "answers", "texts", "tokens", "truncated")
    return ItemRecord(item=row["item"], **{name: tuple(row[name]) for name in names})


def _storable(text: str) -> str:
    """Return `text` with lone surrogates (a grader that parses JSON can make them) spelled out as backslash codes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
