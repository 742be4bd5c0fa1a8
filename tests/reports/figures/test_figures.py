from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from reports.figures import AxisLabels, as_svg, band_chart, inline_svg, looks, phase_chart
from reports.figures.axes import _spread
from reports.figures.style import PALETTE

LABELS = AxisLabels(x="tokens", y="score", percent=True)


def _bands(arms: list[str]) -> pd.DataFrame:
    rows = [
        {"arm": arm, "x": 1000.0 * x, "mean": 0.1 + 0.01 * x, "low": 0.05 + 0.01 * x, "high": 0.15 + 0.01 * x}
        for arm in arms
        for x in range(4)
    ]
    return pd.DataFrame(rows)


def _chart(arms: list[str]) -> Figure:
    return band_chart(_bands(arms), LABELS, looks(arms, arms[0]), base=0.1)


def _inline(figure: Figure, name: str, description: str) -> str:
    return inline_svg(as_svg(figure), name, description)


def test_every_arm_is_labelled_at_its_line_and_the_base_too() -> None:
    axes = _chart(["grpo", "g2rl"]).axes[0]
    assert {text.get_text() for text in axes.texts} == {"grpo", "g2rl", "base"}
    assert axes.get_xlabel() == "tokens"


def test_means_are_drawn_in_percent_with_their_band() -> None:
    axes = _chart(["grpo"]).axes[0]
    assert np.asarray(axes.lines[0].get_ydata()).tolist() == pytest.approx([10, 11, 12, 13])
    corners = axes.collections[0].get_paths()[0].vertices
    heights = np.asarray(corners)[:, 1]
    assert (min(heights), max(heights)) == (pytest.approx(5), pytest.approx(18))


def test_a_huge_band_does_not_flatten_the_lines() -> None:
    bands = _bands(["grpo", "g2rl"])
    bands.loc[bands["arm"] == "g2rl", ["low", "high"]] = [-5.0, 5.0]
    low, high = band_chart(bands, LABELS, looks(["grpo", "g2rl"], "grpo")).axes[0].get_ylim()
    assert high - low < 10
    assert low < 10
    assert high > 13


def test_the_same_figure_gives_the_same_bytes() -> None:
    assert _inline(_chart(["grpo"]), "one", "d") == _inline(_chart(["grpo"]), "one", "d")


def test_the_machines_settings_change_nothing_and_are_left_alone() -> None:
    before = _inline(_chart(["grpo"]), "one", "d")
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red"}):
        assert _inline(_chart(["grpo"]), "one", "d") == before
        assert mpl.rcParams["font.size"] == 30


def test_the_drawing_needs_nothing_from_elsewhere_and_takes_its_colours_from_the_page() -> None:
    drawing = _inline(_chart(["grpo", "g2rl"]), "one", 'a "described" <figure>')
    assert "http" not in drawing
    assert "<metadata" not in drawing
    assert "var(--series-0)" in drawing
    assert "var(--baseline)" in drawing
    assert not any(colour in drawing for colour in PALETTE)
    assert 'aria-label="a &quot;described&quot; &lt;figure&gt;"' in drawing
    HTMLParser().feed(drawing)


def test_two_drawings_share_no_identifier() -> None:
    found = [set(re.findall(r'\bid="([^"]+)"', _inline(_chart(["grpo"]), name, "d"))) for name in ("one", "two")]
    assert found[0]
    assert not found[0] & found[1]


def test_every_reference_inside_a_drawing_has_its_target() -> None:
    drawing = _inline(_chart(["grpo", "g2rl"]), "one", "d")
    wanted = set(re.findall(r'(?:href="#|url\(#)([^")]+)', drawing))
    assert wanted
    assert wanted <= set(re.findall(r'\bid="([^"]+)"', drawing))


def test_a_nasty_name_is_text_not_markup_or_mathematics() -> None:
    drawing = _inline(_chart(["grpo", "<b>$x_1$&"]), "one", "d")
    assert "<b>" not in drawing
    assert "&lt;b&gt;$x_1$&amp;" in drawing


def test_a_number_in_a_name_keeps_its_digits_and_a_place_only_those_that_are_seen() -> None:
    drawing = as_svg(_chart(["grpo", "lr=0.00125"]))
    assert "lr=0.00125" in drawing
    assert not re.search(r'd="[^"]*\.\d{3}', drawing)


def test_a_figure_name_must_fit_an_identifier() -> None:
    with pytest.raises(ValueError, match="got 'a b'"):
        _inline(_chart(["grpo"]), "a b", "d")


def test_more_arms_than_colours_stay_apart() -> None:
    arms = [f"arm{place}" for place in range(13)]
    found = looks(arms, "arm0")
    assert len({(look.colour, look.dash, look.marker) for look in found.values()}) == 13


def test_of_very_many_arms_the_best_are_seen() -> None:
    arms = [f"arm{place}" for place in range(60)]
    found = looks(arms, "arm0", list(reversed(arms)))
    seen = [arm for arm, look in found.items() if not look.behind]
    assert seen == ["arm0", *(f"arm{place}" for place in range(53, 60))]
    axes = band_chart(_bands(arms), LABELS, found).axes[0]
    assert {text.get_text() for text in axes.texts} == set(seen)
    assert len(axes.lines) == 60


def test_phases_are_stacked_in_their_order() -> None:
    frame = pd.DataFrame(
        [("grpo", "generate", 3.0), ("grpo", "update", 2.0), ("base", "evaluate", 1.0)],
        columns=["arm", "phase", "device_seconds"],
    )
    axes = phase_chart(frame, ["base", "grpo"]).axes[0]
    bars = [(bar.get_x(), bar.get_width()) for bar in axes.patches if isinstance(bar, Rectangle)]
    assert bars == [(0, 0), (0, 3), (0, 0), (3, 2), (0, 1), (5, 0)]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["base", "grpo"]


def test_labels_that_collide_are_moved_apart_within_the_panel() -> None:
    placed = _spread([0.5, 0.5, 0.98, 0.99], gap=0.1, low=0.0, high=1.0)
    assert all(later - earlier >= 0.1 - 1e-12 for earlier, later in pairwise(placed))
    assert placed[-1] <= 1.0
    assert placed[0] == 0.5
