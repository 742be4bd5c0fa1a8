from __future__ import annotations

import os

import pytest

from reports import ReportError
from reports.side_by_side import side_by_side


def test_the_order_is_that_of_the_things_and_a_closure_is_welcome() -> None:
    by = 3
    assert side_by_side(lambda n: by * n, range(20)) == [3 * n for n in range(20)]
    assert side_by_side(lambda n: by * n, []) == []


def test_with_more_than_one_core_it_is_done_in_processes_of_their_own() -> None:
    elsewhere = os.getpid() not in side_by_side(lambda _: os.getpid(), range(2))
    assert elsewhere == (len(os.sched_getaffinity(0)) > 1)


def test_what_goes_wrong_is_said_as_if_it_were_done_here() -> None:
    def work(n: int) -> int:
        if n == 7:
            raise ReportError("the seventh can't be read")
        return n

    with pytest.raises(ReportError, match="the seventh can't be read"):
        side_by_side(work, range(10))
