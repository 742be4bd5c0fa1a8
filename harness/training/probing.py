"""Rollouts that a strategy has sampled to choose its prompts by: looked at, paid for, and dropped."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.training.batches import batch_of, rollouts_of
from harness.training.problems import Verifier, suite_rows, validation_suite
from harness.training.signals import reads_hidden
from strategies import Rollouts, SignalName

if TYPE_CHECKING:
    from harness.training.trainer import StrategyTrainer


def probe(
    trainer: StrategyTrainer,
    problems: Sequence[int],
    rollouts: int,
    signals: frozenset[SignalName] = frozenset(),
    *,
    suite: str | None = None,
    part: str = "",
) -> Rollouts:
    """Return `rollouts` rollouts of each problem, of the training pool or of a validation suite, charged as selection.

    Args:
        trainer: Whose policy samples.
        problems: Their numbers.
        rollouts: Of each of them.
        signals: To be made of them.
        suite: The validation suite that the problems are of; the training pool if None.
        part: The part of the strategy that is charged; all of it if empty.
    """
    metrics = copy.deepcopy(trainer._metrics)  # what TRL logs is to be about the rollouts that are trained on
    owner = f"{trainer.part}/{part}" if part else trainer.part
    with trainer.meter.phase("select", owner):
        verifier = None if suite is None else Verifier(validation_suite(suite))
        rows = [trainer.train_dataset[index] for index in problems] if suite is None else suite_rows(suite, problems)
        samples = trainer.sampler.probe(rows, rollouts, owner, tapped=reads_hidden(signals), verifier=verifier)
        batch = batch_of(samples, trainer.processing_class.pad_token_id, trainer.accelerator.device)
        made = trainer.signals.make(batch, trainer.policy, signals, owner, "select") if signals else {}
    trainer._metrics = metrics
    return rollouts_of(samples, batch, made, trainer.setting)
