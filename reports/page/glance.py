"""The ten-second answer: which arms are better than the baseline, which are tied with it, which break something."""

from __future__ import annotations

from dataclasses import dataclass

from reports.leaderboard import Leaderboard

SHOWN = 8
"""Most lines of a group."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Arms of which the same is said."""

    title: str
    style: str
    """Of the page: improved, equivalent, unsure, regressed or broken."""
    arms: tuple[str, ...]
    """Best first."""

    @property
    def shown(self) -> tuple[str, ...]:
        """Those that are named: all, unless they are too many to be seen at a glance."""
        return self.arms if len(self.arms) <= SHOWN else self.arms[: SHOWN - 1]

    @property
    def more(self) -> int:
        """How many are not named."""
        return len(self.arms) - len(self.shown)


def glance(board: Leaderboard) -> list[Group]:
    """Return the groups that have an arm; an arm that breaks something stands in two."""
    titles = {
        "improved": ("improved", f"Better than {board.baseline}"),
        "equivalent": ("equivalent", f"As good as {board.baseline}"),
        "can't tell": ("unsure", f"Can't tell from {board.baseline}"),
        "regressed": ("regressed", f"Worse than {board.baseline}"),
    }
    rows = sorted(board.candidates, key=lambda row: -row.primary.mean if row.primary else 1.0)
    groups = [
        Group(title=title, style=style, arms=tuple(row.arm for row in rows if row.verdict == verdict))
        for verdict, (style, title) in titles.items()
    ]
    broken = tuple(
        f"{row.arm} (on {', '.join(dict.fromkeys(one.suite for one in found))})"
        for row in board.ranked
        if (found := board.beside.side_effects(row.arm))
    )
    groups.append(Group(title="Breaks something", style="broken", arms=broken))
    return [group for group in groups if group.arms]
