"""How long it takes to judge a large run, and how much memory: `python -m benchmarks.summary [verdicts|store]`."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import click
import numpy as np

from benchmarks.synthetic import Arm, Store, write_store

VERDICTS = Store(arms=tuple(Arm(name=f"arm-{n}") for n in range(12)), suites=6, primary=6, samples=16, checkpoints=1)
"""12 arms x 10 seeds x 6 suites x 500 items x K = 16."""
PROGRAM = """
import json, resource, sys, time
from pathlib import Path
start = time.perf_counter()
from reports.findings import findings
from reports.markdown import standings_lines
from reports.read import read_run
from reports.tables import suite_table
found = findings(read_run(Path(sys.argv[1])))
found.controls
if sys.argv[2] == "verdicts":
    tables = [suite_table(found.run, suite, found.at) for suite in found.run.plan.suites]
standings_lines(found.board)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps([time.perf_counter() - start, peak]))
"""


def long_run(arms: int) -> Store:
    """Return a run of arms x 20 seeds, 20 checkpoints, 1,000 items."""
    names = tuple(Arm(name=f"arm-{number}") for number in range(arms))
    return Store(arms=names, seeds=20, checkpoints=20, suites=1, items=1000, samples=4)


def measured(store: Store, what: str, repeats: int) -> tuple[float, float]:
    """Return the median seconds, imports included, and the peak memory in MiB of judging a run."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "run"
        write_store(root, store, np.random.default_rng(0))
        found = [
            json.loads(
                subprocess.run([sys.executable, "-c", PROGRAM, root, what], check=True, capture_output=True).stdout
            )
            for _ in range(repeats)
        ]
    return statistics.median(seconds for seconds, _ in found), max(peak for _, peak in found)


@click.command()
@click.argument("part", type=click.Choice(["verdicts", "store"]), required=False)
def main(part: str | None) -> None:
    """Print the table."""
    click.echo("| what | seconds | peak (MiB) | target |\n|---|---|---|---|")
    if part != "store":
        seconds, peak = measured(VERDICTS, "verdicts", 3)
        what = "verdicts of 12 arms x 10 seeds x 6 suites x 500 items x K = 16"
        click.echo(f"| {what} | {seconds:.2f} | {peak:.0f} | 5 s, 1,000 MB |")
    if part != "verdicts":
        small, _ = measured(long_run(4), "store", 3)
        seconds, peak = measured(long_run(49), "store", 1)
        click.echo(
            f"| summary of 1,000 cells x 20 checkpoints x 1,000 items | {seconds:.2f} | {peak:.0f} | 60 s, 2,000 MB |"
        )
        click.echo(
            f"| the same by that of 100 cells ({small:.2f} s) | {seconds / small:.1f} times | | at most 11 times |"
        )


if __name__ == "__main__":
    main()
