"""What a report is made of: sections of tables and figures, the same for the page, for Markdown and for files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from harness.store.visible import visible

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """Column titles, and rows of texts; the first column names the row."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    """Numbers among them are `reports.formatting.Number`."""
    name: str = ""
    """Of its files: lower-case letters, digits and hyphens, unique in a report."""
    title: str = ""
    note: str = ""
    look: str = "even"
    """How the page lays it out: "even" for columns of numbers, "words" for texts, or the name of its own layout."""
    folded: bool = False
    """Whether the page shows it only when it is asked for."""

    def named(self, name: str, title: str, **changes: Any) -> Table:
        """Return the table as it stands in a report."""
        return replace(self, name=name, title=title, **changes)


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """A figure as it was drawn."""

    svg: str
    """As matplotlib writes it; see `reports.figures.svg` for what becomes of it."""
    inline: str
    """The same as it stands in the page."""
    png: bytes
    """Empty where only the page is wanted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawing:
    """One figure, or the reason why there is none."""

    name: str
    """As of a table."""
    title: str
    figure: Figure | None
    """None when what it would show is unknown; the caption then says so. None too once it is drawn."""
    picture: Picture | None = None
    """The figure, once it is drawn."""
    data: pd.DataFrame | None = None
    """What is drawn, in the units of the axes."""
    described: str = ""
    """Read aloud in place of the picture."""
    caption: str = ""
    unit: str = ""
    """Of compute along its axis, where it has a twin in every other unit; empty otherwise."""
    wide: bool = False

    def drawn(self, *, png: bool) -> Drawing:
        """Return the figure drawn; it is drawn once, whatever is made of it."""
        from reports.figures import as_png, as_svg, inline_svg

        if self.figure is None:
            return self
        svg = as_svg(self.figure)
        self.figure.set_layout_engine("none")  # all has its place now, and a second look for it takes as long
        inline = inline_svg(svg, self.name, visible(self.described))
        return replace(
            self, figure=None, picture=Picture(svg=svg, inline=inline, png=as_png(self.figure) if png else b"")
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Prose:
    """Text as it was given, such as a plan or a command."""

    text: str
    title: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Custom:
    """A part with a template of its own on the page; its tables and figures are in `parts` for files and Markdown."""

    template: str
    context: Mapping[str, Any]
    parts: tuple[Table | Drawing, ...] = ()


Block = Table | Drawing | Prose | Custom


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """One part of a report."""

    id: str
    """Of its anchor."""
    title: str
    note: str = ""
    """How its numbers are made, and what they do not say."""
    blocks: tuple[Block, ...] = field(default=())

    def drawn(self, *, png: bool) -> Section:
        """Return the section with all its figures drawn, as PNG too where that is wanted."""
        return replace(self, blocks=tuple(_drawn(block, png=png) for block in self.blocks))

    @property
    def tables(self) -> tuple[Table, ...]:
        """All tables with rows, those of custom parts among them."""
        return tuple(part for part in self._parts if isinstance(part, Table) and part.rows)

    @property
    def drawings(self) -> tuple[Drawing, ...]:
        """All figures, those of custom parts among them."""
        return tuple(part for part in self._parts if isinstance(part, Drawing))

    @property
    def _parts(self) -> list[Block]:
        return [part for block in self.blocks for part in (block.parts if isinstance(block, Custom) else (block,))]


def _drawn(block: Any, *, png: bool) -> Any:
    if isinstance(block, Custom):
        return replace(block, parts=tuple(_drawn(part, png=png) for part in block.parts))
    return block.drawn(png=png) if isinstance(block, Drawing) else block
