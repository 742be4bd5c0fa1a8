"""The name of every file a report writes, in one place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from reports.errors import ReportError


@dataclass(frozen=True, slots=True)
class SitePaths:
    """The folder of one plan's report."""

    root: Path
    unit: str | None = None
    """Of compute at which arms are matched, if they are: such a report stands beside the plain one."""

    @classmethod
    def of(cls, site: Path, plan: str, unit: str | None = None) -> SitePaths:
        """Return the paths of the report of `plan` under `site`.

        Raises:
            ReportError: If the plan's name can't be the name of one folder.
        """
        if plan in ("", ".", "..") or "/" in plan or "\\" in plan or "\0" in plan:
            raise ReportError(f"the plan's name {plan!r} can't be a folder; rename the plan and queue it again")
        return cls(site / plan, unit)

    @property
    def page(self) -> Path:
        """The page: one self-contained file."""
        return self.root / ("index.html" if self.unit is None else f"at-equal-{self.unit}.html")

    @property
    def leaderboard(self) -> Path:
        """The leaderboard as Markdown."""
        return self.root / ("leaderboard.md" if self.unit is None else f"at-equal-{self.unit}.md")

    @property
    def latex(self) -> Path:
        """The main table for a paper."""
        return self.root / "leaderboard.tex"

    @property
    def checksums(self) -> Path:
        """The records behind the leaderboard, as `sha256sum --check` reads them."""
        return self.root / "manifest.sha256"

    def table(self, name: str, kind: str) -> Path:
        """One table; `kind` is csv or json."""
        return self.root / "tables" / f"{name}.{kind}"

    def figure(self, name: str, kind: str) -> Path:
        """One figure; `kind` is svg, png, or csv for its data."""
        return self.root / "figures" / f"{name}.{kind}"

    def answers(self, place: int) -> Path:
        """The answers of the arm at a place in the plan's order."""
        return self.root / answers_page(place)


def answers_page(place: int) -> str:
    """Return the page of an arm's answers, as the page links it."""
    return f"answers/arm-{place}.html"
