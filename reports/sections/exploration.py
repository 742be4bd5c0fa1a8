"""How the models explored: rewards and entropy, groups, watches, what strategies say of themselves, resets, paths."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports.blocks import Block, Drawing, Section
from reports.curves import SMOOTHING, diagnostic_bands, training_bands, watch_bands
from reports.decisions import audit_table, drawn_apart
from reports.figures import AxisLabels, Mark, panel_chart
from reports.findings import Findings
from reports.paths import path_table
from reports.resets import gain_table, reset_table, resets_of
from reports.sections.decisions import cosine_drawings, filter_drawing, hybrid_drawing, scale_drawing
from reports.sections.draw import bands_drawing
from reports.tables import note_table
from reports.watches import watch_table

if TYPE_CHECKING:
    import pandas as pd

TRAINING = {
    "reward": ("Training reward", "reward (mean over rollouts)"),
    "entropy": ("Token entropy", "entropy (nats per token)"),
    "zero_variance_groups": ("Groups without variance", "groups of a single reward (share)"),
    "completion_tokens": ("Length of rollouts", "tokens (mean over rollouts)"),
}
UNFOLDED = 20
"""Most audits that the page shows at once."""
PANELS = 12
"""Most arms whose resets are drawn."""


def exploration(found: Findings) -> Section:
    """Return how the models explored."""
    run = found.run
    blocks: list[Block] = [_training(found, column) for column in TRAINING]
    blocks += _watches(found)
    blocks += [*cosine_drawings(found), hybrid_drawing(found), filter_drawing(found), scale_drawing(found)]
    blocks += _diagnostics(found)
    blocks.append(_resets(found))
    audits = audit_table(run)
    tables = (
        gain_table(run, found.at).named("reset-gains", "What resets gained", look="gains"),
        reset_table(run).named("resets", "Resets", look="events"),
        audits.named("audits", "Recalibration: what audits found", look="words", folded=len(audits.rows) > UNFOLDED),
        watch_table(run).named("watches", "Watches", look="words", note="They look, and change nothing."),
        path_table(run).named(
            "paths",
            "Ranked exploration paths",
            note="The candidates of a prompt in the order in which the strategy preferred them, at the first, the "
            "middle and the last step that was looked at. `explorebench paths` prints all.",
            look="paths",
            folded=True,
        ),
        note_table(run).named("notes", "Notes: what strategies said of themselves", look="words", folded=True),
    )
    blocks += [table for table in tables if table.rows]
    note = (
        f"Running mean over {SMOOTHING:.0%} of the steps within each seed. Line: mean over seeds; band: 95% t interval "
        "over seeds, cut where it leaves the panel."
    )
    kept = tuple(block for block in blocks if not isinstance(block, Drawing) or block.figure or block.caption)
    return Section(id="exploration", title="How the models explored", note=note, blocks=kept)


def _training(found: Findings, column: str) -> Drawing:
    title, label = TRAINING[column]
    bands = training_bands(found.run, column)
    return bands_drawing(
        found, bands, (f"training-{column.replace('_', '-')}", title), AxisLabels(x="optimizer steps", y=label)
    )


def _watches(found: Findings) -> list[Drawing]:
    """Return for each watch the first number that it gives against optimizer steps."""
    drawings = []
    for place, (watch, lines) in enumerate(found.run.watches.groupby("watch", sort=False)):
        known = lines.dropna(subset=["number"])
        name, title = f"watch-{place}", f"Watch: {watch}"
        if known.empty:
            drawings.append(Drawing(name=name, title=title, figure=None, caption="Unknown: it gave no number."))
            continue
        main = str(known["name"].iloc[0])
        labels = AxisLabels(x="optimizer steps", y=main.replace("_", " "))
        drawings.append(bands_drawing(found, watch_bands(found.run, str(watch), main), (name, title), labels))
    return drawings


def _diagnostics(found: Findings) -> list[Drawing]:
    """Return a curve for each number that strategies log, other than those that have a figure of their own."""
    apart = drawn_apart(found.run)
    named = found.run.diagnostics[["arm", "name"]].drop_duplicates()
    names = [name for arm, name in named.itertuples(index=False) if (arm, name) not in apart]
    return [_diagnostic(found, place, name, apart) for place, name in enumerate(dict.fromkeys(names))]


def _diagnostic(found: Findings, place: int, name: str, apart: frozenset[tuple[str, str]]) -> Drawing:
    words = name.replace("_", " ")
    labels = AxisLabels(x="optimizer steps", y=words)
    bands = diagnostic_bands(found.run, name, [arm for arm, shown in apart if shown == name])
    return bands_drawing(found, bands, (f"strategy-{place}", f"What strategies log: {words}"), labels)


def _resets(found: Findings) -> Drawing:
    """Return the reward of every seed of the arms that were reset, with the resets on it."""
    import pandas as pd

    run, title = found.run, "Resets on the reward"
    arms = [arm for arm in run.plan.trained_arms if resets_of(run, arm)][:PANELS]
    if not arms:
        return Drawing(name="resets-drawn", title=title, figure=None)
    frames, marks = [], []
    for arm in arms:
        ours = run.training[run.training["arm"] == arm].dropna(subset=["reward"])
        for seed, lines in ours.groupby("seed", sort=True):
            smooth = _smoothed(lines)
            frames.append(smooth)
            for event in resets_of(run, arm):
                if event.seed == seed and len(smooth):
                    at = smooth.iloc[(smooth["x"] - event.step).abs().argmin()]
                    marks.append(Mark(arm=arm, x=event.step, y=float(at["y"]), what="reset"))
    lines = pd.concat(frames, ignore_index=True)
    figure = panel_chart(lines, marks, AxisLabels(x="optimizer steps", y="reward"), {a: found.looks[a] for a in arms})
    said = "; ".join(f"{one.arm} at step {one.x:g}" for one in marks)
    caption = "A line for each seed; causes and recoveries are in the table."
    return Drawing(
        name="resets-drawn", title=title, figure=figure, data=lines, described=f"{title}: {said}", caption=caption,
        wide=True,
    )  # fmt: skip


def _smoothed(lines: pd.DataFrame) -> pd.DataFrame:
    width = max(1, round(SMOOTHING * len(lines)))
    mean = lines["reward"].astype(float).rolling(width, center=True, min_periods=1).mean()
    return lines[["arm", "seed"]].assign(x=lines["step"], y=mean)
