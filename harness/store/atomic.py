"""Writing so that a reader sees the old file or the new one, never half of one."""

from __future__ import annotations

import errno
import json
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FULL = (errno.ENOSPC, errno.EDQUOT)
"""Error numbers of a full disk and of a spent quota."""

LINKED = 2
"""Names of a file that has got its second one."""
SHORT_TAIL_BYTES = 4096
"""Holds the last line of most files."""
TAIL_BYTES = 65536
"""Longer than any line that is looked for at the end of a file."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` that is flushed to disk and moved onto it when the block succeeds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = _beside(path)
    try:
        yield partial
        with partial.open("rb") as stream:
            os.fsync(stream.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Replace the content of `path` with `text`."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_bytes(path: Path, data: bytes) -> None:
    """Replace a file, making folders as needed."""
    with replacing(path) as new:
        new.write_bytes(data)


def write_json(path: Path, value: Any) -> None:
    """Replace the content of `path` with `value` as indented JSON, keys in the given order."""
    write_text(path, _indented(value))


def create_json(path: Path, value: Any) -> None:
    """Write `value` to a file that must not be there yet: of two who try at once, one succeeds.

    Raises:
        FileExistsError: If the file is there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = _beside(path)
    try:
        write_json(partial, value)
        os.link(partial, path)
    except FileExistsError:
        # Over NFS the answer to a link that was made can get lost, and the same request then finds it made.
        if partial.stat().st_nlink != LINKED:
            raise
    finally:
        partial.unlink(missing_ok=True)


def overwrite_json(path: Path, value: Any) -> None:
    """Write `value` over a small file in place: on a full disk, the room that the file has is all there is."""
    with path.open("r+b", buffering=0) as stream:
        stream.write(_indented(value).encode())
        stream.truncate()


def append_line(path: Path, value: Any) -> None:
    """Append `value` as one JSON line; a line left half-written by a killed writer is closed off first."""
    append_lines(path, [value])


def append_lines(path: Path, values: Iterable[Any]) -> None:
    """Append each of `values` as one JSON line, all in one write, as `append_line` does."""
    lines = "".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+") as stream:
        if stream.tell() > 0:
            stream.seek(-1, os.SEEK_END)
            torn = stream.read(1) != b"\n"
        else:
            torn = False
        stream.write((b"\n" if torn else b"") + lines.encode())


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Return the JSON objects of a line file; a half-written line (its writer was killed) is passed over."""
    return _objects(path.read_bytes()) if path.exists() else []


def read_last_line(path: Path) -> dict[str, Any]:
    """Return the last whole JSON object of a line file without reading the rest; empty if there is none."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    try:
        size = os.fstat(handle).st_size
        for tail in (SHORT_TAIL_BYTES, TAIL_BYTES):
            for line in reversed(os.pread(handle, tail, max(0, size - tail)).splitlines()):
                # A line cut off at the start of the tail is no object, and passed over.
                found = _object(line)
                if found is not None:
                    return found
    finally:
        os.close(handle)
    return {}


def _beside(path: Path) -> Path:
    """Return a hidden name beside `path` that no process on any host has."""
    return path.with_name(f".{path.name}.{secrets.token_hex(8)}")


def _indented(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _objects(data: bytes) -> list[dict[str, Any]]:
    rows = map(_object, data.splitlines())  # of bytes: U+2028 in a text is no end of line
    return [row for row in rows if row is not None]


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
