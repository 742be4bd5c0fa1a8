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


def standalone_svg(figure: Figure) -> str:
    """Return `figure` as an SVG file on white, readable wherever it is linked."""
    stream = io.StringIO()
    with styled():
        metadata = {"Date": None, "Creator": None, "Format": None, "Type": None}
        figure.savefig(stream, format="svg", transparent=False, facecolor="white", metadata=metadata)
    return stream.getvalue()


def standalone_png(figure: Figure) -> bytes:
    """Return `figure` as a PNG file on white; letters that no font on the machine has become boxes."""
    stream = io.BytesIO()
    with styled(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure.savefig(stream, format="png", dpi=DOTS_PER_INCH, facecolor="white", metadata={"Software": None})
    return stream.getvalue()


def inline_svg(figure: Figure, name: str, description: str) -> str:
    """Return `figure` as an `<svg>` element that stands by itself in an HTML page.

    Args:
        figure: What to draw.
        name: Letters, digits and hyphens, unique within the page: prefixes every identifier of the drawing.
        description: Read aloud in place of the picture.

    Raises:
        ValueError: If `name` can't be part of an identifier.
    """
    if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
        raise ValueError(f"the name of a figure is lower-case letters, digits and hyphens, got {name!r}")
    stream = io.StringIO()
    with styled(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        metadata = {"Date": None, "Creator": None, "Format": None, "Type": None}
        figure.savefig(stream, format="svg", transparent=True, metadata=metadata)
    drawing = stream.getvalue()
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
