"""Cells that are to rest, and failures that are to be tried again."""

from __future__ import annotations

from harness.store.attempts import begin, end
from harness.store.paths import CellPaths
from harness.store.status import cell_status
from harness.store.wishes import Wish, is_to_rest, read_wish, write_wish


def test_what_is_wished_is_read_and_taken_back(paths: CellPaths) -> None:
    assert read_wish(paths) is None
    write_wish(paths, Wish("rest", 0))
    assert read_wish(paths) == Wish("rest", 0)
    assert is_to_rest(paths)
    write_wish(paths, None)
    assert read_wish(paths) is None


def test_what_cannot_be_read_is_no_wish(paths: CellPaths) -> None:
    paths.root.mkdir(parents=True)
    for text in ("", "[]", "{}", '{"wanted": "rest"}'):
        paths.wish.write_text(text)
        assert read_wish(paths) is None


def test_a_cell_at_rest_is_cancelled_until_it_runs_or_is_done(paths: CellPaths) -> None:
    write_wish(paths, Wish("rest", 0))
    assert cell_status(paths, "c", "grpo", 0).state == "cancelled"
    attempt = begin(paths)
    assert cell_status(paths, "c", "grpo", 0).state == "running", "it stops at its next step"
    end(paths, attempt, "interrupted", {"kind": "cancelled", "message": "by the user"})
    assert cell_status(paths, "c", "grpo", 0).state == "cancelled"
    end(paths, begin(paths), "done")
    assert cell_status(paths, "c", "grpo", 0).state == "done"
