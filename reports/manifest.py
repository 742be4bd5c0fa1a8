"""Which files stand behind each row of the leaderboard."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from reports.blocks import Table
from reports.formatting import Number
from reports.read import Run
from reports.reading import Reading


@dataclass(frozen=True, kw_only=True, slots=True)
class Counted:
    """One file of records that a row's scores were read from."""

    arm: str
    path: str
    """Within the run's folder."""
    sha256: str


def manifest(run: Run, at: Reading) -> list[Counted]:
    """Return the records behind the leaderboard, by arm, seed, checkpoint and suite."""
    cells = {(cell.arm, cell.seed): cell.id for cell in run.cells}
    rows = []
    for arm in run.plan.arms:
        for seed in run.plan.seeds:
            for checkpoint in at.of(arm, seed):
                for suite in run.plan.suites:
                    whose = (arm, seed) if checkpoint else ("base", seed)
                    if whose not in cells or run.scored(arm, seed, checkpoint, suite.name, "score") is None:
                        continue
                    path = run.paths[cells[whose]].record(checkpoint, suite.name)
                    digest = hashlib.sha256(path.read_bytes()).hexdigest()
                    rows.append(Counted(arm=arm, path=path.relative_to(run.root).as_posix(), sha256=digest))
    return rows


def as_checksums(rows: Sequence[Counted]) -> str:
    """Return the files as `sha256sum --check` reads them, each once."""
    return "".join(f"{digest}  {path}\n" for path, digest in sorted({(row.path, row.sha256) for row in rows}))


def manifest_table(rows: Sequence[Counted]) -> Table:
    """Return how many files stand behind each arm, and one hash over theirs."""
    found = []
    for arm in dict.fromkeys(row.arm for row in rows):
        ours = [row for row in rows if row.arm == arm]
        digest = hashlib.sha256("".join(row.sha256 for row in ours).encode()).hexdigest()
        found.append((arm, Number(str(len(ours)), len(ours)), digest))
    return Table(header=("arm", "files of records", "SHA-256 over their hashes"), rows=tuple(found))
