"""What training used, on average and as texts."""

from __future__ import annotations

from reports import formatting
from reports.read.spent import Spent


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
