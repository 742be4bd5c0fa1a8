"""A reader sees the old file or the new one; a torn line costs nothing but itself."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.store.atomic import TAIL_BYTES, append_line, read_last_line, read_lines, replacing, write_json, write_text


def test_a_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "a.txt"
    write_text(path, "old")
    write_text(path, "näher")
    assert path.read_bytes() == "näher".encode()
    assert os.listdir(path.parent) == ["a.txt"]


def test_json_keeps_the_order_of_its_keys(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"b": "é", "a": [1]})
    assert path.read_text(encoding="utf-8") == '{\n  "b": "é",\n  "a": [\n    1\n  ]\n}\n'


def test_a_writer_that_dies_leaves_the_old_file_and_no_rubbish(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises(RuntimeError, match="died"):
        dying_writer(path)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def dying_writer(path: Path) -> None:
    with replacing(path) as partial:
        partial.write_text("half")
        raise RuntimeError("died")


def test_a_value_that_is_no_json_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, 1)
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    assert path.read_text() == "1\n"


def test_a_reader_never_sees_half(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with replacing(path) as partial:
        partial.write_text("new, ")
        assert path.read_text() == "old"
        with partial.open("a") as stream:
            stream.write("all of it")
        assert path.read_text() == "old"
    assert path.read_text() == "new, all of it"


def test_what_is_moved_into_place_was_flushed_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    def noted(name: str, call: Callable[..., None]) -> Callable[..., None]:
        def noting(*arguments: Any) -> None:
            done.append(name)
            call(*arguments)

        return noting

    for name in ("fsync", "replace"):
        monkeypatch.setattr(os, name, noted(name, getattr(os, name)))
    write_text(tmp_path / "a.txt", "text")
    assert done == ["fsync", "replace"]


def test_a_full_disk_is_told_and_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_text(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_lines_are_read_as_they_were_appended(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.jsonl"
    rows: list[dict[str, Any]] = [{"step": 1, "text": "é"}, {"step": 2, "text": "line\nbreak"}]
    for row in rows:
        append_line(path, row)
    assert read_lines(path) == rows
    assert path.read_bytes().count(b"\n") == 2


def test_a_file_that_is_not_there_has_no_lines(tmp_path: Path) -> None:
    assert read_lines(tmp_path / "a.jsonl") == []


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c"])
def test_a_text_may_hold_what_unicode_calls_a_line_break(separator: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    append_line(path, {"text": f"a{separator}b"})
    assert read_lines(path) == [{"text": f"a{separator}b"}]


WHOLE = json.dumps({"step": 2, "text": "é"}, ensure_ascii=False).encode() + b"\n"


@pytest.mark.parametrize("kept", range(1, len(WHOLE)))
def test_a_torn_last_line_is_passed_over_and_closed_off(kept: int, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    append_line(path, {"step": 1})
    with path.open("ab") as stream:
        stream.write(WHOLE[:kept])
    whole = [{"step": 2, "text": "é"}] if kept == len(WHOLE) - 1 else []  # all but its line end is not torn
    assert read_lines(path) == [{"step": 1}, *whole]
    append_line(path, {"step": 3})
    assert read_lines(path) == [{"step": 1}, *whole, {"step": 3}]


def test_a_tail_of_zeros_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    append_line(path, {"step": 1})
    with path.open("ab") as stream:
        stream.write(b"\0" * 64)  # what a machine that lost power leaves
    append_line(path, {"step": 2})
    assert read_lines(path) == [{"step": 1}, {"step": 2}]


def test_the_last_line_is_read_from_the_end(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    assert read_last_line(path) == {}
    for step in range(3000):  # longer than the tail that is read
        append_line(path, {"step": step, "padding": "x" * 40})
    assert path.stat().st_size > TAIL_BYTES
    assert read_last_line(path)["step"] == 2999
    with path.open("ab") as stream:
        stream.write(b'{"step": 3000, "padd')  # its writer was killed
    assert read_last_line(path)["step"] == 2999
    assert read_lines(path)[-1]["step"] == 2999
