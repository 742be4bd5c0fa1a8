"""`explorebench calibrate`."""

from __future__ import annotations

from pathlib import Path

import click

INTRODUCTION = """\
# Calibration: are the verdicts right?

Comparisons whose truth is known, judged as a run is. Answers are drawn from items of unequal difficulty; arms differ
from item to item by 6 points (standard deviation), seeds as the row says; skewed seeds collapse one time in five.
"""


@click.command()
@click.option("--comparisons", type=click.IntRange(min=100), default=2000, show_default=True, help="Of each row.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the simulation.")
@click.option("--write", type=click.Path(dir_okay=False, path_type=Path), help="Write the page to a file.")
def calibrate(comparisons: int, seed: int, write: Path | None) -> None:
    """Simulate comparisons whose truth is known, and show how often the verdicts are right."""
    import numpy as np

    from reports.calibration.experiments import families, nulls, powers
    from reports.calibration.tables import calibration_markdown

    rng = np.random.default_rng(seed)
    command = f"explorebench calibrate --comparisons {comparisons} --seed {seed}"
    found = list(nulls(comparisons, rng)), list(powers(comparisons, rng)), list(families(comparisons, rng))
    text = f"{INTRODUCTION}\n{calibration_markdown(*found, command)}"
    if write is not None:
        from harness.store.atomic import write_text

        write_text(write, text)
    click.echo(text)
