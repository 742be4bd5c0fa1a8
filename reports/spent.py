"""What training used, lost work included, evaluation excluded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reports import formatting
from reports.read.compute import OUTSIDE, total

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True, slots=True)
class Spent:
    """Compute that training used, lost work included, evaluation excluded; NaN where unknown."""

    generated_tokens: float
    flops: float
    device_seconds: float
    steps: float
    """Of the optimizer."""
    lost_device_seconds: float
    """Of the device-seconds, those whose work a kill threw away."""


def spent_in(lines: pd.DataFrame) -> Spent:
    """Return what training used in some lines of the ledger, without evaluation and watches; unknown without any."""
    if lines.empty:
        nan = float("nan")
        return Spent(generated_tokens=nan, flops=nan, device_seconds=nan, lost_device_seconds=nan, steps=nan)
    training = lines[~lines["phase"].isin(OUTSIDE)]
    return Spent(
        generated_tokens=total(training, "generated_tokens"),
        flops=total(training, "flops"),
        device_seconds=total(training, "device_seconds"),
        lost_device_seconds=total(training[training["lost"]], "device_seconds"),
        steps=float(training["step"].max()) if len(training) else 0.0,
    )


def mean_spent(found: list[Spent]) -> Spent:
    """Return the mean over cells."""

    def mean(name: str) -> float:
        return float(sum(getattr(spent, name) for spent in found)) / len(found)

    return Spent(
        generated_tokens=mean("generated_tokens"),
        flops=mean("flops"),
        device_seconds=mean("device_seconds"),
        lost_device_seconds=mean("lost_device_seconds"),
        steps=mean("steps"),
    )


def spent_texts(spent: Spent | None) -> list[str]:
    """Return tokens, FLOPs, device-seconds, those lost, and steps as texts."""
    if spent is None:
        return [formatting.MISSING] * 5
    return [
        formatting.quantity(spent.generated_tokens),
        formatting.quantity(spent.flops),
        formatting.seconds(spent.device_seconds),
        formatting.seconds(spent.lost_device_seconds),
        formatting.quantity(spent.steps),
    ]


def amount_text(spent: Spent | None, unit: str) -> str:
    """Return what training used in one unit, and how much of it was lost where that is known."""
    if spent is None:
        return formatting.MISSING
    value = float(getattr(spent, unit))
    shown = formatting.seconds(value) if unit == "device_seconds" else formatting.quantity(value)
    if unit != "device_seconds" or not spent.lost_device_seconds > 0:
        return shown
    return formatting.Number(f"{shown} ({formatting.seconds(spent.lost_device_seconds)} lost)", value)
