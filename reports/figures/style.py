"""One look for all figures: a colour-blind-safe palette, a marker and a dash per arm."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

# Okabe & Ito 2008, https://jfly.uni-koeln.de/color/, its yellow darkened to be seen on white.
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#a79400")
BASELINE = "#3b4252"
INK = "#1f2733"
FAINT = "#8a93a3"
GRID = "#e3e7ee"

VARIABLES: Mapping[str, str] = {
    INK: "var(--ink)",
    FAINT: "var(--faint)",
    GRID: "var(--grid)",
    BASELINE: "var(--baseline)",
    **{colour: f"var(--series-{place})" for place, colour in enumerate(PALETTE)},
}
"""The page's CSS variable for each colour, so that one drawing serves light, dark and print."""

LABELLED = 12
"""Most arms beside the baseline whose lines are labelled."""
_MARKERS = ("s", "^", "D", "v", "P", "X", "p")
_DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """How one arm is drawn, everywhere."""

    colour: str
    marker: str
    dash: Any
    """A matplotlib line style."""
    key: str
    """Marks what is drawn of the arm, the same in every figure."""
    behind: bool = False
    """Whether the arm stands in the background, without a label: there are more than can be told apart."""


def looks(arms: Sequence[str], baseline: str, best: Sequence[str] = ()) -> dict[str, Look]:
    """Return the look of each trained arm: the baseline is dark and neutral, the others take the palette in turn.

    With more arms than colours the palette starts again with another dash and marker. With more than `LABELLED`, only
    the first of `best` are drawn so; the others stand in the background.

    Args:
        arms: In the plan's order.
        baseline: One of them.
        best: All of them, those first that are to be seen; by default the plan's order.
    """
    keys = {arm: f"arm-{place}" for place, arm in enumerate(arms)}
    order = [arm for arm in (best or arms) if arm != baseline]
    front = set(order if len(order) <= LABELLED else order[: len(PALETTE)])
    others = [arm for arm in arms if arm in front]
    found = {arm: Look(colour=FAINT, marker="", dash="-", key=keys[arm], behind=True) for arm in arms}
    found[baseline] = Look(colour=BASELINE, marker="o", dash="-", key=keys.get(baseline, "baseline"))
    for place, arm in enumerate(others):
        around, hue = divmod(place, len(PALETTE))
        found[arm] = Look(
            colour=PALETTE[hue],
            marker=_MARKERS[(hue + around) % len(_MARKERS)],
            dash=_DASHES[around % len(_DASHES)],
            key=keys[arm],
        )
    return found


@contextmanager
def styled() -> Iterator[None]:
    """Draw in our style inside the block, whatever the machine's matplotlib settings are."""
    import matplotlib as mpl

    ours: dict[Any, Any] = {
        "font.family": "DejaVu Sans",
        "font.size": 10.0,
        "axes.edgecolor": FAINT,
        "axes.labelcolor": INK,
        "axes.labelsize": 10.0,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.spines.left": False,
        "axes.grid": True,
        "axes.grid.axis": "y",
        "axes.axisbelow": True,
        "grid.color": GRID,
        "grid.linewidth": 0.8,
        "text.color": INK,
        "text.parse_math": False,
        "xtick.color": FAINT,
        "xtick.labelcolor": INK,
        "ytick.color": FAINT,
        "ytick.labelcolor": INK,
        "ytick.major.size": 0.0,
        "lines.linewidth": 1.8,
        "lines.markersize": 4.5,
        "svg.fonttype": "none",
        "svg.hashsalt": "explorebench",
    }
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(ours)
        yield
