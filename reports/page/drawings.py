"""Which figures the page shows, drawn and described."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reports.comparison import PRIMARY, score_of
from reports.curves import device_seconds_by_phase, score_bands, training_bands, watch_bands
from reports.figures import AxisLabels, Look, band_chart, inline_svg, looks, phase_chart
from reports.leaderboard import Leaderboard
from reports.read import Run
from reports.read.plan import BASE_ARM
from reports.reading import at_checkpoint

if TYPE_CHECKING:
    import pandas as pd
    from markupsafe import Markup
    from matplotlib.figure import Figure

_UNITS = {"generated_tokens": "generated training tokens", "flops": "training FLOPs"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawing:
    """One figure, or the reason why there is none."""

    title: str
    caption: str
    svg: Markup | None
    """None when what it would show is unknown; the caption then says so."""


def training_drawings(run: Run) -> list[Drawing]:
    """Return the learning curves: training reward and token entropy against optimizer steps."""
    what = {
        "reward": ("Training reward", "reward (mean over rollouts)"),
        "entropy": ("Token entropy", "entropy (nats per token)"),
    }
    drawings = []
    for column, (title, label) in what.items():
        bands = training_bands(run, column)
        if bands.empty:
            drawings.append(Drawing(title=title, caption="Unknown: no training step logged it.", svg=None))
            continue
        figure = band_chart(bands, AxisLabels(x="optimizer steps", y=label), _looks(run))
        described = _described(title, "optimizer steps", bands, 1.0)
        drawings.append(Drawing(title=title, caption="", svg=_svg(figure, f"training-{column}", described)))
    return drawings


def watch_drawings(run: Run) -> list[Drawing]:
    """Return for each watch the first number that it gives against optimizer steps."""
    drawings = []
    for place, (watch, lines) in enumerate(run.watches.groupby("watch", sort=False)):
        title, known = str(watch), lines.dropna(subset=["number"])
        if known.empty:
            drawings.append(Drawing(title=title, caption="Unknown: it gave no number.", svg=None))
            continue
        main = str(known["name"].iloc[0])
        bands, name = watch_bands(run, title, main), main.replace("_", " ")
        figure = band_chart(bands, AxisLabels(x="optimizer steps", y=name), _looks(run))
        described = _described(f"{title}: {name}", "optimizer steps", bands, 1.0)
        drawings.append(Drawing(title=title, caption="", svg=_svg(figure, f"watch-{place}", described)))
    return drawings


def score_drawings(run: Run, board: Leaderboard, *, primary: bool) -> list[Drawing]:
    """Return score against compute: the primary score in tokens and FLOPs, or each other suite in tokens."""
    if primary:
        return [_score_drawing(run, PRIMARY, board.primary, unit) for unit in _UNITS]
    return [_score_drawing(run, suite, suite, "generated_tokens") for suite in board.suites]


def compute_drawing(run: Run) -> Drawing:
    """Return the device-seconds by phase as bars."""
    frame = device_seconds_by_phase(run)
    title = "Device-seconds by phase"
    if frame.empty or frame["device_seconds"].isna().any():
        return Drawing(title=title, caption="Unknown: the ledger lacks the device-seconds of some line.", svg=None)
    figure = phase_chart(frame, run.plan.arms)
    sums = frame.groupby("arm", sort=False)["device_seconds"].sum()
    described = "; ".join(f"{arm}: {value:.0f} device-seconds" for arm, value in sums.items())
    caption = "All cells of each arm, lost work and evaluation included. Evaluation and tuning are outside the budget."
    return Drawing(title=title, caption=caption, svg=_svg(figure, "phases", described))


def _score_drawing(run: Run, suite: str | None, name: str, unit: str) -> Drawing:
    bands = score_bands(run, suite, unit)
    title = f"{name} against {_UNITS[unit]}" if suite is PRIMARY else name
    if not (bands["x"] > 0).any():
        return Drawing(title=title, caption=f"Unknown: no evaluated checkpoint has known {_UNITS[unit]}.", svg=None)
    base = score_of(run, BASE_ARM, at_checkpoint(run, 0), suite)
    labels = AxisLabels(x=_UNITS[unit], y=f"{name}, avg@K", percent=True)
    figure = band_chart(bands, labels, _looks(run), None if base is None else base.mean)
    described = _described(title, _UNITS[unit], bands, 100.0)
    if base is not None:
        described += f"; the untrained model scores {100 * base.mean:.1f}"
    place = "primary" if suite is PRIMARY else f"suite-{[s.name for s in run.plan.suites].index(suite)}"
    drawn = _svg(figure, f"{place}-{unit.replace('_', '-')}", described)
    return Drawing(title=title, caption="", svg=drawn)


def _looks(run: Run) -> dict[str, Look]:
    return looks(run.plan.trained_arms, run.plan.baseline)


def _described(title: str, along: str, bands: pd.DataFrame, scale: float) -> str:
    ends = [
        f"{arm} from {scale * rows['mean'].iloc[0]:.3g} to {scale * rows['mean'].iloc[-1]:.3g}"
        for arm, rows in bands.groupby("arm", sort=False)
    ]
    return f"{title} along {along}: {'; '.join(ends)}"


def _svg(figure: Figure, name: str, description: str) -> Markup:
    from markupsafe import Markup

    return Markup(inline_svg(figure, name, description))
