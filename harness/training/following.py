"""What the other ranks of a cell do: they train along when the first one says so, and write nothing.

The first one takes the cell, looks what is there, evaluates and says how it ended; meanwhile these wait.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from harness.errors import CauseKind, CellError, attributing
from harness.ledger.ledger import Ledger
from harness.plan.cells import Cell
from harness.plan.resolve import Plan
from harness.store.atomic import write_json
from harness.store.attempts import Attempt
from harness.store.paths import CellPaths

if TYPE_CHECKING:
    from harness.training.loop import CellLoop
    from harness.training.ranks import Ranks
    from harness.training.trainer import StrategyTrainer
    from harness.training.vllm import Server


@dataclass(frozen=True, kw_only=True, slots=True)
class Go:
    """The first rank's word to train."""

    attempt: int
    reached: int
    """Number of the last sealed checkpoint."""
    folder: Path | None
    """Where to go on from: that checkpoint, or a state after it; None for the start."""
    server: Server | None = None
    """Who writes the rollouts, if it is none of the ranks."""


def follow(plan: Plan, cell: Cell, paths: CellPaths, ranks: Ranks) -> Attempt:
    """Train along until the first rank says how the attempt ended, and return that.

    Raises:
        CellError: If the first rank couldn't take the cell, or this rank can't go on.
    """
    from harness.training.ranks import TogetherError

    told = _told(ranks)
    while isinstance(told, Go):
        try:
            with attributing():
                _train_along(plan, cell, paths, ranks, told)
        except TogetherError:
            pass  # the first rank raised the same, and will say how it ended
        told = _told(ranks)
    if isinstance(told, Attempt):
        return told
    raise CellError("taken", str(told))


def started(plan: Plan, cell: Cell, loop: CellLoop, go: Go, ranks: Ranks) -> StrategyTrainer:
    """Return the trainer of a cell where `go` says it was left; the loop's ledger knows what had been spent by then."""
    from harness.training.checkpoint import load_extras
    from harness.training.setup import make_trainer
    from harness.training.vllm import require_vllm

    if plan.training.vllm is not None:
        require_vllm()

    loop.server = go.server
    trainer = make_trainer(plan, cell, plan.arm(cell.arm), loop.paths.scratch_of(go.attempt), loop, ranks)
    loop.sealed = go.reached
    if go.folder is not None:
        loop.ledger.spent = load_extras(go.folder, trainer, loop.watching)
    return trainer


def require_ranks(now: int, before: int) -> None:
    """Raise CellError if a cell would be trained on by another number of ranks: it would round differently."""
    if now != before:
        raise CellError(
            "error",
            f"the cell was trained by {before} rank(s) until here, and this attempt has {now}; "
            f"go on with {before}, or begin a new run",
        )


def lost_rank(paths: CellPaths, attempt: int) -> tuple[CauseKind, str] | None:
    """Return why a rank of an attempt gave up, if one could say so."""
    for file in sorted(paths.attempts.glob(f"{attempt:03d}.rank*.json")):
        with suppress(OSError, ValueError, KeyError):
            said = json.loads(file.read_text(encoding="utf-8"))
            return cast("CauseKind", said["kind"]), f"in {file.name.split('.')[1]}: {said['message']}"
    return None


def _told(ranks: Ranks) -> Go | Attempt | str:
    """Return what the first rank says next; raise if it is gone."""
    from harness.training.ranks import losses_named

    with losses_named(lambda: None):
        said: Go | Attempt | str = ranks.told(None)
    return said


def _train_along(plan: Plan, cell: Cell, paths: CellPaths, ranks: Ranks, go: Go) -> None:
    from harness.training.loop import CellLoop
    from harness.training.ranks import TogetherError, losses_named

    loop = CellLoop(
        paths=paths,
        ledger=Ledger(path=paths.ledger, attempt=go.attempt, writes=False),
        budget=plan.budget,
        checkpoints=plan.checkpoints,
        on_sealed=lambda number: None,
    )
    try:
        with attributing(), losses_named(lambda: None):
            trainer = started(plan, cell, loop, go, ranks)
            trainer.train(resume_from_checkpoint=str(go.folder) if go.folder else None)
    except TogetherError:
        raise
    except CellError as error:
        if error.kind != "rank lost":  # else it is the first rank that is gone, and knows why
            write_json(paths.lost_rank(go.attempt, ranks.index), {"kind": error.kind, "message": error.message})
        raise
