"""Whether reports and gates say what is true of synthetic runs: `python -m benchmarks.planted --draws 100`.

Five arms: a baseline, one that gains 3 points, one that loses 3 points on the forgetting suite alone, one that is equal
at twice the compute, and one that falls once, at 60% of the budget.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np

from benchmarks.synthetic import ITEM_SD, Arm, Store, write_store
from reports.consistency import steadiness
from reports.efficiency import efficiency
from reports.leaderboard import leaderboard
from reports.read import Run, read_run
from reports.statistics import Design, SuiteDesign, Variances
from reports.verdicts.gate import gate

POINTS = 0.03
STORE = Store(
    arms=(
        Arm(name="baseline"),
        Arm(name="better", primary=POINTS),
        Arm(name="forgets", forgetting=-POINTS),
        Arm(name="dear", cost=2.0),
        Arm(name="erratic", drop_at=0.6),
    )
)
WITHIN = 0.22
"""Mean variance of an answer around its item's score: chances lie around 0.45."""


def designed(level: float) -> Design:
    """Return what the run is as a plan, with an interval at `level`."""
    variances = Variances(between_items=2 * ITEM_SD**2, within_item=WITHIN, seed_sd=STORE.seed_sd)
    suite = SuiteDesign(items=STORE.items, samples=STORE.samples, variances=variances)
    return Design(seeds=STORE.seeds, suites=(suite,), level=level, margin=0.01)


def expected() -> dict[str, float]:
    """Return the share of draws in which each thing should be said: as a plan prints it, or 1."""
    arms, suites = len(STORE.arms) - 1, STORE.suites
    return {
        "better improved": designed(1 - 0.05 / arms).power(POINTS),
        "forgets regressed on the forgetting suite": designed(1 - 0.05 / suites).power(POINTS),
        "erratic fell at 60%": 1.0,
        "dear is off the front of score against compute": 1.0,
    }


FALSE = (
    "better regressed", "forgets improved or regressed on the primary suite", "dear improved or regressed",
    "erratic improved or regressed", "another arm fell erratically", "the gate fails another arm",
)  # fmt: skip
"""What is wrong to say; at most a false verdict in twenty draws of each."""


def said(run: Run) -> Iterator[str]:
    """Yield what the report and the gate say of one run, as far as it is right or wrong."""
    verdicts = {row.arm: row.verdict for row in leaderboard(run).rows}
    if verdicts["better"] in ("improved", "regressed"):
        yield f"better {verdicts['better']}"
    for arm, where in (("forgets", " on the primary suite"), ("dear", ""), ("erratic", "")):
        if verdicts[arm] in ("improved", "regressed"):
            yield f"{arm} improved or regressed{where}"
    at = leaderboard(run).at
    falls = {arm.name: steadiness(run, arm.name, at).jumps for arm in STORE.arms}
    if [(seed, fall.at) for seed, fall in falls.pop("erratic")] == [(0, round(0.6 * STORE.checkpoints))]:
        yield "erratic fell at 60%"
    if any(falls.values()):
        yield "another arm fell erratically"
    if not next(found.on_front for found in efficiency(run, "generated_tokens") if found.arm == "dear"):
        yield "dear is off the front of score against compute"
    gates = {arm.name: gate(run, arms=[arm.name]) for arm in STORE.arms[1:]}
    if [row.suite for row in gates.pop("forgets").rows if row.finding == "regressed"] == ["suite-1"]:
        yield "forgets regressed on the forgetting suite"
    if any(found.code == 1 for found in gates.values()):
        yield "the gate fails another arm"


def count(draws: int, seed: int) -> Counter[str]:
    """Return in how many synthetic runs each thing is said."""
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        for draw in range(draws):
            root = Path(folder) / f"{draw}"
            write_store(root, STORE, np.random.default_rng([seed, draw]))
            counts.update(set(said(read_run(root))))
            shutil.rmtree(root)
    return counts


@click.command()
@click.option("--draws", default=100, show_default=True)
@click.option("--seed", default=0, show_default=True)
def main(draws: int, seed: int) -> None:
    """Print how often each thing is said."""
    counts = count(draws, seed)
    click.echo(f"`python -m benchmarks.planted --draws {draws} --seed {seed}`\n")
    click.echo("| said | draws (%) | expected (%) |\n|---|---|---|")
    for what, share in expected().items():
        click.echo(f"| {what} | {100 * counts[what] / draws:.0f} | {100 * share:.1f} |")
    for what in FALSE:
        click.echo(f"| {what} | {100 * counts[what] / draws:.0f} | at most 5 |")


if __name__ == "__main__":
    main()
