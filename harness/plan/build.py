"""From what a plan says of an arm to its strategy, built and checked against the run that it is for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from harness.plan.arms import Arm
from harness.plan.complaints import expectation
from harness.plan.grid import LEARNING_RATE, GridError, Values, with_values
from harness.plan.model import folder_sha256
from harness.plan.run import run_settings
from harness.plan.schema import Budget, PlanFile, Training

if TYPE_CHECKING:
    from strategies import Strategy


def require_effect(file: PlanFile, point: Arm, trial: Budget) -> None:
    """Raise ValueError if a strategy that acts in a cell could have no effect in a trial, which is shorter."""
    if point.strategy is None:
        return
    try:
        point.strategy.check(run_settings(file, trial))
    except ValueError as error:
        raise ValueError(f"in a trial of {trial.amount:,.10g} {trial.unit}: {error}") from error


def build_arm(file: PlanFile, name: str | None, spec: object, values: Values) -> Arm:
    """Return an arm with the parameters of a point (none for an arm without a grid).

    Raises:
        ValueError: If it can't be built, or could have no effect.
    """
    from strategies import build, describe, label
    from strategies.requirements import require_readable

    strategy = build(with_values(spec, values) if values else spec)
    if not strategy.trained:
        raise ValueError(
            f"{label(strategy)} is the untrained model, which every plan has; leave it out, or list it bare"
        )
    run = run_settings(file, file.budget)
    strategy.check(run)
    require_readable(strategy.needs(), run)
    _require_encoders(strategy)
    return Arm(
        name=name or label(strategy),
        strategy=strategy,
        spec=describe(strategy),
        family=strategy.family,
        training=_training(file.training, values),
        encoders=encoder_hashes(strategy),
        values=values,
    )


def encoder_hashes(strategy: Strategy) -> dict[str, str]:
    """Return the SHA-256 of each text encoder of `strategy` that is a folder; others are known by name alone."""
    from strategies.signals import EMBEDDINGS

    names = [name.removeprefix(EMBEDDINGS) for name in sorted(strategy.needs()) if name.startswith(EMBEDDINGS)]
    return {name: folder_sha256(Path(name)) for name in names if Path(name).is_dir()}


def _require_encoders(strategy: Strategy) -> None:
    """Raise ValueError if a text encoder that `strategy` reads isn't there."""
    from harness.training.encoders import require_encoder
    from strategies.signals import EMBEDDINGS

    for name in sorted(strategy.needs()):
        if name.startswith(EMBEDDINGS):
            require_encoder(name.removeprefix(EMBEDDINGS))


def _training(training: Training, values: Values) -> Training:
    if LEARNING_RATE not in values:
        return training
    try:
        return Training.model_validate({**training.model_dump(), LEARNING_RATE: values[LEARNING_RATE]})
    except ValidationError as error:
        raise GridError(expectation(error.errors()[0]), LEARNING_RATE) from error
