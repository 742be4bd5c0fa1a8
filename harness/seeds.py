"""The random streams of a cell: the same seed gives every arm the same prompts in the same order."""

from __future__ import annotations

from typing import Literal

import numpy as np

Stream = Literal["trainer", "problems", "strategy", "evaluation", "drift"]
_STREAMS: dict[Stream, int] = {"trainer": 0, "problems": 1, "strategy": 2, "evaluation": 3, "drift": 4}


def stream_seed(seed: int, stream: Stream) -> int:
    """Return the seed of one stream of a training seed, in [0, 2^32): independent streams, none of them `seed + 1`."""
    sequence = np.random.SeedSequence(entropy=seed, spawn_key=(_STREAMS[stream],))
    return int(sequence.generate_state(1)[0])
