"""Seeds: the same for every arm, and independent between streams and training seeds."""

from __future__ import annotations

from typing import get_args

import pytest

from harness.seeds import Stream, stream_seed

STREAMS: tuple[Stream, ...] = get_args(Stream)


def test_streams_and_seeds_are_all_different() -> None:
    seeds = {stream_seed(seed, stream) for seed in range(50) for stream in STREAMS}
    assert len(seeds) == 50 * len(STREAMS)
    assert min(seeds) >= 0
    assert max(seeds) < 2**32


def test_neighbouring_seeds_are_no_neighbours() -> None:
    assert all(abs(stream_seed(seed, "problems") - stream_seed(seed + 1, "problems")) > 1000 for seed in range(50))


@pytest.mark.parametrize(
    ("stream", "expected"),
    [("trainer", 3757552657), ("problems", 673228719), ("strategy", 3241444873), ("evaluation", 3685993406)],
)
def test_the_seeds_of_a_published_run_stay_what_they_were(stream: Stream, expected: int) -> None:
    assert stream_seed(0, stream) == expected
