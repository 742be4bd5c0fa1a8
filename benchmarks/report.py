"""How long the report of a large run takes, again after one new cell, and how fast its page opens.

`python -m benchmarks.report` prints the table; by default 60 arms x 10 seeds x 20 checkpoints x 8 suites.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks.synthetic import Arm, Store, write_store
from harness.store.paths import RunPaths

PROGRAM = """
import json, os, resource, sys, time
from pathlib import Path
from typing import Any
start = time.perf_counter()
from reports import write_report
write_report(Path(sys.argv[1]), Path(sys.argv[2]))
wall, spent = time.perf_counter() - start, os.times()
peaks = [resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
print(json.dumps([wall, sum(spent[:4]), peaks[0] + len(os.sched_getaffinity(0)) * peaks[1]]))
"""
OPEN = "() => { const [way] = performance.getEntriesByType('navigation'); return way.loadEventEnd - way.startTime; }"


def reported(run: Path, site: Path) -> tuple[float, float, float]:
    """Return wall and CPU seconds, imports included, and the peak memory of all its processes in MiB, at most."""
    command = [sys.executable, "-c", PROGRAM, str(run), str(site)]
    wall, cpu, peak = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return float(wall), float(cpu), float(peak)


def opened(page: Path) -> float:
    """Return the seconds until a browser has loaded a page from disk."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-background-networking"]
        )
        try:
            tab = browser.new_page()
            tab.goto(page.as_uri())
            return float(tab.evaluate(OPEN)) / 1000
        finally:
            browser.close()


@click.command()
@click.option("--arms", default=60, show_default=True)
@click.option("--seeds", default=10, show_default=True)
@click.option("--checkpoints", default=20, show_default=True)
@click.option("--suites", default=8, show_default=True)
@click.option("--items", default=200, show_default=True)
@click.option("--steps", default=10, show_default=True, help="From one checkpoint to the next.")
@click.option("--repeats", default=1, show_default=True, help="Of opening the page.")
def main(arms: int, repeats: int, **sizes: Any) -> None:
    """Print the table."""
    store = Store(arms=tuple(Arm(name=f"arm-{place}") for place in range(arms)), samples=8, every=True, **sizes)
    with tempfile.TemporaryDirectory() as folder:
        root, site, aside = (Path(folder) / name for name in ("run", "site", "aside"))
        write_store(root, store, np.random.default_rng(0))
        last = sorted(RunPaths(root).cells.iterdir())[-1]
        last.rename(aside)
        first = reported(root, site)
        aside.rename(last)
        again = reported(root, site)
        page = site / store.name / "index.html"
        loads = sorted(opened(page) for _ in range(repeats))
        megabytes = page.stat().st_size / 1e6
    what = f"{arms} arms x {store.seeds} seeds x {store.checkpoints} checkpoints x {store.suites} suites"
    click.echo("| what | measured | target |\n|---|---|---|")
    click.echo(f"| report of {what} | {first[0]:.1f} s ({first[1]:.1f} s of CPU) | 60 s |")
    click.echo(f"| its memory, all processes | at most {first[2]:.0f} MiB | 2,000 MB |")
    click.echo(f"| the same after one new cell | {again[0]:.1f} s, {again[0] / first[0]:.2f} of it | 0.33 |")
    click.echo(f"| its page | {megabytes:.1f} MB | 10 MB |")
    click.echo(f"| opening it from disk | {loads[len(loads) // 2]:.2f} s | 2 s |")


if __name__ == "__main__":
    main()
