"""Compute: by phase, by attempt, lost work, energy, and what Slurm counted."""

from __future__ import annotations

from reports.accounting import accounting_table
from reports.attempts import attempt_table
from reports.blocks import Block, Drawing, Section
from reports.curves import device_seconds_by_phase
from reports.figures import phase_chart
from reports.findings import Findings
from reports.tables import compute_table

NOTE = (
    "Lost: work that a kill threw away; it is in every sum. Energy is that of the devices, whatever else ran on them, "
    "and unknown where no counter could be read. Evaluation and tuning are outside the budget."
)


def compute(found: Findings) -> Section:
    """Return what all cells used."""
    blocks: list[Block] = [_phases(found), compute_table(found.run).named("compute", "By phase", look="phases")]
    attempts = attempt_table(found.run).named("attempts", "By attempt", look="words", folded=True)
    blocks.append(attempts)
    accounting = accounting_table(found.run)
    if accounting.rows:
        note = (
            "Of each attempt's job, start-up and evaluation included. Ours: the device-seconds of the attempt's "
            "ledger, evaluation included."
        )
        blocks.append(accounting.named("accounting", "Slurm's accounting, beside ours", note=note, look="words"))
    return Section(id="compute", title="Compute", note=NOTE, blocks=tuple(blocks))


def _phases(found: Findings) -> Drawing:
    frame, title = device_seconds_by_phase(found.run), "Device-seconds by phase"
    if frame.empty or frame["device_seconds"].isna().any():
        caption = "Unknown: the ledger lacks the device-seconds of some line."
        return Drawing(name="phases", title=title, figure=None, caption=caption)
    figure = phase_chart(frame, found.run.plan.arms)
    sums = frame.groupby("arm", sort=False)["device_seconds"].sum()
    described = "; ".join(f"{arm}: {value:.0f} device-seconds" for arm, value in sums.items())
    caption = "All cells of each arm, lost work and evaluation included."
    return Drawing(
        name="phases", title=title, figure=figure, data=frame, described=described, caption=caption, wide=True
    )
