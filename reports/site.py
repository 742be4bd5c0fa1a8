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
