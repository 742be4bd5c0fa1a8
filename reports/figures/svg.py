"""A figure as SVG or PNG, the same bytes each time; inside a page its colours are left to the CSS of the page."""

from __future__ import annotations

import html
import io
import re
import warnings
from typing import TYPE_CHECKING

from reports.figures.style import VARIABLES, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DOTS_PER_INCH = 160
PACKED = 1
"""How hard PNG files are compressed, of 9: more takes a sixth of the time of drawing for a twentieth of their size."""
_DRAWN = re.compile(r"<(?:path|use) [^>]*>")
_FINER = re.compile(r"(?<=\d\.\d\d)\d+")
"""Digits after the second one behind a point: less than a hundredth of a point can't be seen."""


def as_svg(figure: Figure) -> str:
    """Return `figure` as SVG without a background, for `inline_svg` and `standalone_svg`."""
    stream = io.StringIO()
    with styled(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        metadata = {"Date": None, "Creator": None, "Format": None, "Type": None}
        figure.savefig(stream, format="svg", transparent=True, metadata=metadata)
    return _DRAWN.sub(lambda tag: _FINER.sub("", tag[0]), stream.getvalue())


def as_png(figure: Figure) -> bytes:
    """Return `figure` as a PNG file on white; letters that no font on the machine has become boxes."""
    stream = io.BytesIO()
    with styled(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        packed = {"compress_level": PACKED}
        figure.savefig(
            stream, format="png", dpi=DOTS_PER_INCH, facecolor="white", metadata={"Software": None}, pil_kwargs=packed
        )
    return stream.getvalue()


def standalone_svg(drawing: str) -> str:
    """Return what `as_svg` made as an SVG file on white, readable wherever it is linked."""
    paper = '<rect width="100%" height="100%" fill="white"/>'
    return re.sub(r"<svg[^>]*>", lambda tag: f"{tag[0]}\n {paper}", drawing, count=1)


def inline_svg(drawing: str, name: str, description: str) -> str:
    """Return what `as_svg` made as an `<svg>` element that stands by itself in an HTML page.

    Args:
        drawing: The figure.
        name: Letters, digits and hyphens, unique within the page: prefixes every identifier of the drawing.
        description: Read aloud in place of the picture.

    Raises:
        ValueError: If `name` can't be part of an identifier.
    """
    if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
        raise ValueError(f"the name of a figure is lower-case letters, digits and hyphens, got {name!r}")
    drawing = drawing[drawing.index("<svg") :].strip()
    drawing = re.sub(r"<metadata>.*?</metadata>\s*", "", drawing, flags=re.S)
    drawing = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", drawing).replace("xlink:href=", "href=")
    drawing = re.sub(r'\bid="', f'id="{name}-', drawing)
    drawing = re.sub(r'href="#', f'href="#{name}-', drawing).replace("url(#", f"url(#{name}-")
    drawing = re.sub(r"'DejaVu Sans'(, [\w' -]+)*", "var(--sans)", drawing)
    for colour, variable in VARIABLES.items():
        drawing = drawing.replace(f": {colour}", f": {variable}")
    size = re.search(r'viewBox="[^"]*"', drawing)
    view = size[0] if size else ""
    label = html.escape(description, quote=True)
    return re.sub(r"<svg[^>]*>", lambda _: f'<svg {view} role="img" aria-label="{label}">', drawing, count=1)
