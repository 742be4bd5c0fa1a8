"""The trainer's settings that a strategy may override, and how two strategies share one."""

from __future__ import annotations

from typing import NamedTuple

from strategies.contract import SettingValue


class Setting(NamedTuple):
    """One setting of TRL's GRPOConfig."""

    default: SettingValue
    """Its value under plain `grpo`."""
    mixes: bool
    """Whether a value between two others means something in between."""


SETTINGS: dict[str, Setting] = {
    "entropy_coef": Setting(0.0, True),
    "use_adaptive_entropy": Setting(False, False),
    "entropy_coef_min": Setting(0.0, True),
    "entropy_coef_max": Setting(1.0, True),
    "entropy_coef_delta": Setting(0.005, True),
    "entropy_target": Setting(0.2, True),
    "epsilon": Setting(0.2, True),
    "epsilon_high": Setting(0.2, True),
    "top_entropy_quantile": Setting(1.0, True),
    "temperature": Setting(1.0, False),
    "scale_rewards": Setting("group", False),
    "loss_type": Setting("dapo", False),
    "importance_sampling_level": Setting("token", False),
    "mask_truncated_completions": Setting(False, False),
}


def checked(settings: dict[str, SettingValue], owner: str) -> dict[str, SettingValue]:
    """Return `settings`, or raise ValueError for a name that is not a strategy's to set."""
    for name in settings:
        if name not in SETTINGS:
            raise ValueError(f"{owner} sets {name!r}, which no strategy may; allowed: {', '.join(SETTINGS)}")
    return settings


def mixed(primary: dict[str, SettingValue], hedge: dict[str, SettingValue], share: float) -> dict[str, SettingValue]:
    """Return settings that depart from the defaults by (1 − share) of `primary`'s departure and share of `hedge`'s.

    Raises:
        ValueError: If the parts disagree on a setting that has no values in between.
    """
    if share in (0, 1):
        return dict(hedge if share == 1 else primary)
    result: dict[str, SettingValue] = {}
    for name in sorted(primary.keys() | hedge.keys()):
        default, mixes = SETTINGS[name]
        first, second = primary.get(name, default), hedge.get(name, default)
        if first == second:
            result[name] = first
        elif mixes:
            base = float(default)
            result[name] = base + (1 - share) * (float(first) - base) + share * (float(second) - base)
        else:
            raise ValueError(f"the parts need {name}={first!r} and {name}={second!r}: there is nothing in between")
    return result
