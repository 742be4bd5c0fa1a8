"""How to check a report: plan, fingerprints, files, suites, how often verdicts are right, and the commands."""

from __future__ import annotations

import shlex

from reports.blocks import Block, Prose, Section, Table
from reports.findings import Findings
from reports.formatting import percent
from reports.manifest import manifest_table
from reports.tables import fingerprint_tables, hash_table

NOTE = (
    "Every number of this page is made from the files below by the commands below; nothing is typed by hand. The same "
    "run gives the same bytes."
)

SIMULATIONS = 1000


def checking(found: Findings) -> Section:
    """Return everything that a sceptic needs."""
    run = found.run
    same, differing = fingerprint_tables(run)
    model = run.plan.model
    blocks: list[Block] = [
        Prose(title="Commands", text=_commands(found)),
        hash_table(run).named(
            "suites", "What was evaluated", look="words", note=f"Model: {model['name']}, SHA-256 {model.get('sha256')}"
        ),
        manifest_table(found.manifest).named(
            "manifest",
            "Files behind each row",
            look="words",
            note="manifest.sha256 beside this page lists them as `sha256sum --check` reads it.",
        ),
    ]
    if same.rows:
        note = "Of the code, libraries and machine; " + (
            "these differ between cells, see below." if differing.rows else "every started cell has the same."
        )
        blocks.append(same.named("fingerprint", "Fingerprint", look="words", note=note))
    if differing.rows:
        blocks.append(differing.named("fingerprint-differences", "Differences between cells", look="words"))
    if not same.rows and not differing.rows:
        blocks.append(Prose(title="Fingerprint", text="Unknown: no cell has written a fingerprint."))
    calibration = calibration_table(found)
    if calibration.rows:
        blocks.append(
            calibration.named(
                "calibration",
                "How often such verdicts are right",
                note="Simulated comparisons with a known truth, of as many seeds, items and samples as this run has, "
                "seeds that differ by one point and items by six: how often the 95% interval for items like these "
                "covers the truth, and how often it lies clear of zero though nothing differs.",
            )
        )
    blocks.append(Prose(title="Plan, as it was given", text=run.plan_text or "unknown"))
    return Section(id="checking", title="How to check this", note=NOTE, blocks=tuple(blocks))


def calibration_table(found: Findings) -> Table:
    """Return how often intervals of a run of this size are right, by simulation; nothing for a single seed."""
    import numpy as np

    from reports.calibration.experiments import null
    from reports.calibration.truth import Truth

    run, header = found.run, ("suite", "seeds", "items", "samples per item", "covers the truth (%)", "false alarms (%)")
    if len(run.plan.seeds) < 2:
        return Table(header=header, rows=())
    rows = []
    for suite in run.plan.suites:
        if suite.primary and suite.items > 1:
            truth = Truth(seeds=len(run.plan.seeds), items=suite.items, samples=suite.samples, seed_sd=0.01)
            one = null(truth, "1 point", SIMULATIONS, np.random.default_rng(0))
            sizes = (str(truth.seeds), str(truth.items), str(truth.samples))
            rows.append((suite.name, *sizes, percent(one.like.coverage), percent(one.false)))
    return Table(header=header, rows=tuple(rows))


def _commands(found: Findings) -> str:
    plan = found.run.plan
    folder = shlex.quote(f"runs/{plan.name}")
    lines = [
        f"explorebench report {folder}                 # this page, from the records",
        f"cd {folder} && sha256sum --check …/manifest.sha256   # the files are those that were counted",
        "explorebench calibrate                       # how often verdicts are right, on simulations",
        f"explorebench status {folder}                 # where each cell stands",
    ]  # fmt: skip
    for row in found.board.candidates[:3]:
        pair = f"{folder}:{shlex.quote(row.arm)} {folder}:{shlex.quote(plan.baseline)}"
        lines.append(f"explorebench compare {pair}   # item by item, with the answers")
    return "\n".join(lines)
