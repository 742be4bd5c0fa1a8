"""The parts of a cell's work that may be separate jobs."""

from __future__ import annotations

from typing import Literal, get_args

Stage = Literal["all", "train", "evaluate"]
"""Train and evaluate each checkpoint as it is sealed; only train and seal; only evaluate what has been sealed."""
STAGES: tuple[Stage, ...] = get_args(Stage)
