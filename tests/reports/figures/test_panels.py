"""Small multiples: shares on each other, and histograms over each other."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.patches import StepPatch

from reports.figures import AxisLabels, area_chart, looks, spread_chart

LABELS = AxisLabels(x="steps", y="share", percent=True)


def shares(panel: str, **parts: list[float]) -> pd.DataFrame:
    rows = [(panel, part, x, share) for part, values in parts.items() for x, share in enumerate(values)]
    return pd.DataFrame(rows, columns=["panel", "part", "x", "share"])


def shown(axes: list[Axes]) -> list[str]:
    return [one.get_title(loc="left") for one in axes if one.get_visible()]


def test_shares_are_stacked_from_below_and_named_where_there_is_room() -> None:
    frame = shares("hybrid", primary=[0.5, 0.8, 0.95], hedge=[0.5, 0.2, 0.05], planned=[0.5, 0.3, 0.1])
    figure = area_chart(frame, LABELS, looks(["hybrid"], "grpo"), ("primary", "hedge", "planned"), line="planned")
    (axes,) = figure.axes
    first, second, dashed = (np.asarray(line.get_ydata()).tolist() for line in axes.lines)
    assert first == pytest.approx([50, 80, 95])
    assert second == pytest.approx([100, 100, 100])
    assert dashed == pytest.approx([50, 70, 90])
    assert [text.get_text() for text in axes.texts] == ["primary", "hedge"]
    where = [number for text in axes.texts for number in text.get_position()]
    assert where == pytest.approx([2, 47.5, 0, 75])  # each where it has most room
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["primary", "hedge", "planned"]


def test_a_name_stands_where_its_area_is_free_all_along() -> None:
    kept = [0.9, 0.1] * 3 + [0.5] * 4  # thickest at its peaks, where no name has room
    frame = shares("f", kept=kept, noise=[1 - share for share in kept])
    (axes,) = area_chart(frame, LABELS, looks(["f"], "grpo"), ("kept", "noise")).axes
    assert [text.get_text() for text in axes.texts] == ["kept", "noise"]
    assert [number for text in axes.texts for number in text.get_position()] == pytest.approx([8, 25, 7, 75])


def test_a_thin_area_has_its_name_in_the_legend_alone() -> None:
    frame = shares("f", kept=[0.95, 0.95], noise=[0.05, 0.05])
    figure = area_chart(frame, LABELS, looks(["f"], "grpo"), ("kept", "noise"))
    assert [text.get_text() for text in figure.axes[0].texts] == ["kept"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["kept", "noise"]


@pytest.mark.parametrize(("count", "wide"), [(1, 5), (2, 10), (4, 10)])
def test_there_is_a_panel_for_each_arm_and_no_more(count: int, wide: float) -> None:
    names = [f"arm{place}" for place in range(count)]
    frame = pd.concat([shares(name, a=[1.0, 0.5], b=[0.0, 0.5]) for name in names])
    figure = area_chart(frame, LABELS, looks([*names, "other"], "other"), ("a", "b"))
    assert shown(figure.axes) == names
    assert figure.get_size_inches()[0] == wide


def test_histograms_have_their_bins_and_leave_out_what_is_empty_on_either_side() -> None:
    edges = [round(-1 + place / 10, 9) for place in range(21)]
    rows = [
        ("g2rl", look, low, high, float(place in filled), 50.0 * (place in filled))
        for look, filled in {"first": (9, 10), "last": (12, 13)}.items()
        for place, (low, high) in enumerate(pairwise(edges))
    ]
    frame = pd.DataFrame(rows, columns=["arm", "look", "from", "to", "cosines", "percent"])
    (axes,) = spread_chart(frame, LABELS, looks(["g2rl", "grpo"], "grpo")).axes
    steps = {str(patch.get_label()): patch.get_data() for patch in axes.patches if isinstance(patch, StepPatch)}
    assert list(steps) == ["first", "last"]
    values, found, _ = steps["last"]
    assert np.asarray(found).tolist() == edges
    assert np.flatnonzero(values).tolist() == [12, 13]
    assert list(axes.get_xlim()) == pytest.approx([-0.15, 0.45])
