"""What happens between optimizer steps: the bill, the log, the strategy's reactions, and checkpoints."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from harness.errors import CellError
from harness.ledger.ledger import OUTSIDE, Ledger, Phase
from harness.plan.schema import Budget
from harness.stopping import Stop, never
from harness.store.atomic import append_line
from harness.store.paths import CellPaths
from harness.store.seal import drop_resumable, seal
from harness.training.checkpoint import save_extras
from harness.training.ranks import Ranks
from harness.training.resets import apply
from strategies import Progress

if TYPE_CHECKING:
    from harness.training.drift import BaseDrift
    from harness.training.trainer import StrategyTrainer
    from harness.training.vllm import Server
    from harness.training.watching import Watching

LOGGED = {
    "reward": "reward",
    "reward_std": "reward_std",
    "entropy": "entropy",
    "kl": "kl",
    "zero_variance_groups": "frac_reward_zero_std",
    "completion_tokens": "completions/mean_length",
    "truncated": "completions/clipped_ratio",
    "grad_norm": "grad_norm",
    "learning_rate": "learning_rate",
    "loss": "loss",
}
"""Our name for each number that TRL reports."""


class CellLoop(TrainerCallback):  # type: ignore[misc]  # transformers is untyped
    """Runs one cell's training up to its budget, sealing a checkpoint at each share of it."""

    def __init__(
        self,
        *,
        paths: CellPaths,
        ledger: Ledger,
        budget: Budget,
        checkpoints: int,
        on_sealed: Callable[[int], None],
        stop: Stop = never,
    ):
        self.paths = paths
        self.ledger = ledger
        self.budget = budget
        self.checkpoints = checkpoints
        self.on_sealed = on_sealed
        self.stop = stop
        self.trainer: StrategyTrainer
        self.watching: Watching
        self.drifts: dict[Phase, BaseDrift]
        """For each phase that may ask how far the policy has gone."""
        self.suite_samples: int | None = None
        """Answers that the primary suites draw at a checkpoint."""
        self.server: Server | None = None
        """What writes the rollouts, where it is no rank."""
        self.sealed = 0
        """Number of the last sealed checkpoint."""
        self._step_seconds = 0.0
        self._step_tokens = 0
        self._rollouts: dict[str, Any] = {}

    @property
    def ranks(self) -> Ranks:
        """The processes that train together, this one among them."""
        return self.trainer.ranks

    @property
    def share(self) -> float:
        """Share of the budget spent, at most 1."""
        return min(self.ledger.spent.of(self.budget.unit) / self.budget.amount, 1.0)

    @property
    def due(self) -> int:
        """Number of the last checkpoint whose share has been reached."""
        return math.floor(self.share * self.checkpoints + 1e-9)

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Start the step's clock."""
        self.trainer.meter.start()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Book the step; ask for a checkpoint or the end when the budget says so."""
        uses = self.ranks.summed(self.trainer.meter.finish(state.global_step))
        device_seconds = sum(use.device_seconds for use in uses if use.phase not in OUTSIDE)
        self._step_seconds = device_seconds / self.ranks.count
        self._step_tokens = sum(use.generated_tokens for use in uses)
        self.ledger.step(uses)
        control.should_log = True
        if state.global_step % self.trainer.updates_per_batch:
            return  # a generation batch is half used, and no checkpoint could hold the rest of it
        control.should_save = self.due > self.sealed or self.ranks.agreed(self.stop) is not None
        control.should_training_stop = self.due >= self.checkpoints

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Write the step's line, after letting the strategy react to it."""
        if logs is None or "loss" not in logs:  # the summary at the end of training
            return
        logs = self._rollouts = {**self._rollouts, **logs}  # a later update on the same rollouts says nothing of them
        row = {name: logs.get(theirs) for name, theirs in LOGGED.items()}
        _refuse_divergence(row, state.global_step)
        self.trainer.meter.start("watch")
        watched = self.watching.judged(self._progress(logs, "watch", ""))
        with self.trainer.meter.phase("score", self.trainer.part):
            events = self._reactions(self._progress(logs, "score", self.trainer.part))
        self.ledger.also(self.ranks.summed(self.trainer.meter.finish(state.global_step)))
        diagnostics = self.ranks.means(self.trainer.diagnostics)
        if not self.ranks.first:
            return
        spent = self.ledger.spent
        line = {
            "attempt": self.ledger.attempt,
            "step": state.global_step,
            "share": self.share,
            "generated_tokens": spent.generated_tokens,
            "flops": spent.flops,
            "device_seconds": spent.device_seconds,
            **row,
            "wall_s": self._step_seconds,
            "tokens_per_s": self._step_tokens / max(self._step_seconds, 1e-9),
            "strategy": dict(diagnostics),
            "watch": watched,
            "events": events,
        }
        self.ledger.allowed()
        append_line(self.paths.train, line)
        print(in_short(line), flush=True)

    def _progress(self, logs: dict[str, Any], phase: Phase, part: str) -> Progress:
        """Return where the run stands, for one who is charged as `part` under `phase` for what it asks."""
        return Progress(
            step=self.trainer.state.global_step,
            share=self.share,
            reward=float(logs["reward"]),
            entropy=float(logs["entropy"]),
            generator=self.trainer.generator,
            zero_variance=float(logs["frac_reward_zero_std"]),
            rollouts=self.trainer.args.generation_batch_size,
            flops=self.ledger.spent.flops,
            suite_samples=self.suite_samples,
            drift=lambda: self.drifts[phase](phase, part),
        )

    def _reactions(self, progress: Progress) -> list[dict[str, Any]]:
        """Let the strategy react, do what it asks for, and return that as the log has it, with what it cost."""
        trainer, done = self.trainer, []
        events, trainer.strategy_state = trainer.strategy.react(progress, trainer.strategy_state)
        for event in events:
            started_s, flops = time.perf_counter(), trainer.meter.flops
            detail = apply(event, trainer)
            said = {"kind": event.kind, "cause": event.cause, "step": progress.step, "detail": detail}
            cost = {"seconds": time.perf_counter() - started_s, "flops": self.ranks.total(trainer.meter.flops - flops)}
            done.append({**said, **cost})
        return done

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Seal what TRL wrote, then evaluate it; the step's clock stands still meanwhile.

        Raises:
            CellError: If training must stop here; what was reached is kept, as a checkpoint or between two of them.
        """
        scratch, step = Path(args.output_dir) / f"checkpoint-{state.global_step}", state.global_step
        self.ranks.gathered(None)  # each rank has written its random state there
        if self.due == self.sealed:
            self.ranks.alone(lambda: self._leave(scratch, step))
            asked = self.ranks.agreed(self.stop)
            if asked is not None:
                raise asked
            return
        reached = range(self.sealed + 1, self.due + 1)  # one long step may reach the share of several
        self.ranks.alone(lambda: self._keep(scratch, step, reached))
        self.sealed = self.due
        for number in reached:
            self.ranks.alone(partial(self.on_sealed, number))

    def _keep(self, scratch: Path, step: int, reached: range) -> None:
        """Seal the state as the checkpoints `reached`."""
        save_extras(scratch, self.trainer, self.watching, self.ledger.spent)
        for number in reached:
            folder = scratch
            if number < self.due:
                folder = scratch.with_name(f"{scratch.name}-{number}")
                shutil.copytree(scratch, folder)
            self.ledger.allowed()
            seal(folder, self.paths.checkpoint(number), {"checkpoint": number, **self._facts(step)})
        drop_resumable(self.paths)

    def _leave(self, scratch: Path, step: int) -> None:
        """Keep a state between two checkpoints, from which alone the cell goes on; nothing evaluates it."""
        save_extras(scratch, self.trainer, self.watching, self.ledger.spent)
        target = self.paths.resumable_at(step)
        self.ledger.allowed()
        seal(scratch, target, {"checkpoint": self.sealed, **self._facts(step)})
        drop_resumable(self.paths, but=target)

    def _facts(self, step: int) -> dict[str, Any]:
        ranks = {"ranks": self.ranks.count} if self.ranks.count > 1 else {}
        return {"step": step, "share": self.share, **ranks}


def in_short(line: dict[str, Any]) -> str:
    """Return a step's line as a process prints it, for who looks at its output.

    Examples:
        >>> in_short({"step": 7, "share": 0.25, "reward": 0.5, "entropy": None, "wall_s": 1.25})
        'step 7: 25% of the budget, reward 0.500, entropy unknown, 1.25 s'
    """
    reward, entropy = ("unknown" if line[name] is None else f"{line[name]:.3f}" for name in ("reward", "entropy"))
    share, seconds = f"{line['share']:.0%} of the budget", f"{line['wall_s']:.2f} s"
    return f"step {line['step']}: {share}, reward {reward}, entropy {entropy}, {seconds}"


def _refuse_divergence(row: dict[str, Any], step: int) -> None:
    for name in ("loss", "grad_norm"):
        value = row[name]
        if value is not None and not math.isfinite(value):
            raise CellError("diverged", f"{name} was {value} at step {step}")
