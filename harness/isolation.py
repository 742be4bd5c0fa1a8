"""Evaluating must change nothing in training: generators, modes and logging are as before when it is over."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


@contextmanager
def generators_kept(seed: int, device: torch.device) -> Iterator[None]:
    """Restore the global generators of Python, numpy and torch on leaving, whatever happened inside.

    Our own draws don't use them, but graders and libraries may: inside they start from `seed`, so that a grader that
    draws is repeatable too.

    Args:
        seed: Where the global generators start inside; 0 or more.
        device: The model's; its generator is kept beside the CPU's.
    """
    python_state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002  # the global state it is
    devices = [device] if device.type == "cuda" else []
    try:
        with torch.random.fork_rng(devices=devices):
            random.seed(seed)
            np.random.seed(seed % 2**32)  # noqa: NPY002  # the global state it is
            torch.manual_seed(seed)
            yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)  # noqa: NPY002  # the global state it is


@contextmanager
def inference(model: Any) -> Iterator[None]:
    """Run without gradients and dropout, and give every module back the mode it had."""
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        # no_grad, not inference_mode: a buffer that a module refreshes inside would be unusable for training.
        with torch.no_grad():
            yield
    finally:
        for module in training:
            module.training = True


@contextmanager
def quiet(*names: str) -> Iterator[None]:
    """Keep the named loggers to errors."""
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def without_progress() -> Iterator[None]:
    """Keep transformers from drawing progress bars."""
    from transformers.utils import logging as transformers_logging

    shown = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            transformers_logging.enable_progress_bar()
