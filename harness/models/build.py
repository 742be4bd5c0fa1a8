"""Builds the embedded model from nothing: `build_tiny` writes the whole folder."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from random import Random
from typing import NamedTuple

from harness.models.load import load_model, load_tokenizer
from harness.models.measure import Rates, measure
from harness.models.recipe import TINY, Recipe
from harness.models.tokenizer import build_tokenizer
from harness.models.warmstart import fixed_arithmetic, new_model, train
from harness.store.atomic import write_json

LIBRARIES = ("torch", "transformers", "tokenizers", "safetensors")
"""Libraries whose versions are recorded beside the weights."""
WEIGHTS = "model.safetensors"
RECIPE = "recipe.json"


class Built(NamedTuple):
    """What a build gave."""

    path: Path
    sha256: str
    """Of the weights file."""
    rates: dict[str, Rates]
    """By suite; empty when nothing was measured."""


def build_tiny(
    output: Path,
    *,
    seed: int,
    progress: Callable[[str], None],
    recipe: Recipe = TINY,
    measured: bool = True,
) -> Built:
    """Train the embedded model and write it into `output`; the folder appears whole or not at all.

    Args:
        output: Folder to write; one that is there already is replaced if it is a model's or empty.
        seed: Of the initial weights and of the problems drawn.
        progress: Told in one line at a time how far the build is.
        recipe: Shape, data mix and schedule.
        measured: Whether to measure pass rates on the frozen suites and record them.

    Raises:
        ValueError: If `output` holds something that is not a model.
    """
    if output.exists() and any(output.iterdir()) and not (output / "config.json").is_file():
        raise ValueError(f"{output} is not empty and holds no model; give a new or empty folder")
    partial = output.with_name(f".{output.name}.{os.getpid()}")
    try:
        with _no_bars():
            _train_into(partial, recipe, seed, progress)
            rates = _measured(partial, progress) if measured else {}
        sha256 = hash_weights(partial)
        write_json(partial / RECIPE, _record(recipe, seed, sha256, rates))
        _replace_folder(partial, output)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    progress(f"wrote {output}, weights {sha256[:12]}")
    return Built(path=output, sha256=sha256, rates=rates)


def hash_weights(folder: Path) -> str:
    """Return the SHA-256 of a model folder's weights file."""
    return hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()


def _train_into(folder: Path, recipe: Recipe, seed: int, progress: Callable[[str], None]) -> None:
    with fixed_arithmetic(recipe.threads, seed):
        model = new_model(recipe)
        progress(f"{model.num_parameters():,} parameters, {recipe.steps} steps")
        train(model, recipe, Random(seed), progress)
    model.save_pretrained(folder)
    (folder / WEIGHTS).chmod(0o644)  # safetensors leaves it to its owner alone
    build_tokenizer().save_pretrained(folder)


def _measured(folder: Path, progress: Callable[[str], None]) -> dict[str, Rates]:
    progress("measuring on the frozen suites")
    rates = measure(load_model(folder), load_tokenizer(folder))
    for name, rate in rates.items():
        progress(f"{name}: pass@1 {rate.pass_at_1:.1%}, pass@8 {rate.pass_at_8:.1%}")
    return rates


@contextmanager
def _no_bars() -> Iterator[None]:
    """Keep transformers' own progress bars off the terminal: `progress` is told instead."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _record(recipe: Recipe, seed: int, sha256: str, rates: dict[str, Rates]) -> dict[str, object]:
    return {
        "seed": seed,
        "recipe": asdict(recipe),
        "libraries": {name: version(name) for name in LIBRARIES},
        "weights_sha256": sha256,
        "rates": {name: rate._asdict() for name, rate in rates.items()},
    }


def _replace_folder(new: Path, old: Path) -> None:
    """Put `new` in the place of `old`; a reader in between may find nothing there, never a mixture."""
    retired = old.with_name(f".{old.name}.{os.getpid()}.old")
    if old.exists():
        os.replace(old, retired)
    os.replace(new, old)
    shutil.rmtree(retired, ignore_errors=True)
