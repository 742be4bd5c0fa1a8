"""The trainer's settings that a strategy may override, and how two strategies share one."""

from __future__ import annotations

import math
from typing import NamedTuple

from strategies.contract import SettingValue


class Setting(NamedTuple):
    """One setting of TRL's GRPOConfig, or of ours."""

    default: SettingValue
    """Its value under plain `grpo`."""
    mixes: bool
    """Whether a value between two others means something in between."""
    below: float = math.inf
    """Values at or above this are out of the way of everything, and mix with none."""


SETTINGS: dict[str, Setting] = {
    "entropy_coef": Setting(0.0, True),
    "use_adaptive_entropy": Setting(False, False),
    "entropy_coef_min": Setting(0.0, True),
    "entropy_coef_max": Setting(1.0, True),
    "entropy_coef_delta": Setting(0.005, True),
    "entropy_target": Setting(0.2, True),
    "epsilon": Setting(0.2, True, below=1.0),
    "epsilon_high": Setting(0.2, True, below=1.0),
    "top_entropy_quantile": Setting(1.0, True),
    "temperature": Setting(1.0, False),
    "scale_rewards": Setting("group", False),
    "loss_type": Setting("dapo", False),
    "importance_sampling_level": Setting("token", False),
    "mask_truncated_completions": Setting(False, False),
    "rollouts_factor": Setting(1, False),
}
"""All are TRL's names but `rollouts_factor`: how many times the plan's group size is sampled for each prompt."""

Settings = dict[str, SettingValue]


def checked(settings: Settings, owner: str) -> Settings:
    """Return `settings`, or raise ValueError for a name that is not a strategy's to set."""
    for name in settings:
        if name not in SETTINGS:
            raise ValueError(f"{owner} sets {name!r}, which no strategy may; allowed: {', '.join(SETTINGS)}")
    return settings


def mixed(primary: Settings, hedge: Settings, share: float, owners: tuple[str, str]) -> Settings:
    """Return settings that depart from the defaults by (1 − share) of `primary`'s departure and share of `hedge`'s.

    Args:
        primary: What one part sets.
        hedge: What the other sets.
        share: Of the hedge, in [0, 1].
        owners: What the parts are called, in that order.

    Raises:
        ValueError: If both parts set one setting to different values, or one sets what has no values in between.
    """
    if share in (0, 1):
        return dict(hedge if share == 1 else primary)
    for name in sorted(primary.keys() & hedge.keys()):
        if primary[name] != hedge[name]:
            raise ValueError(
                f"{owners[0]} sets {name} to {primary[name]!r} and {owners[1]} sets it to {hedge[name]!r}; "
                "give both the same value, or leave one of them out"
            )
    result: Settings = {}
    for owner, settings, weight in ((owners[0], primary, 1 - share), (owners[1], hedge, share)):
        for name, value in settings.items():
            default, mixes, below = SETTINGS[name]
            if name in primary.keys() & hedge.keys() or value == default:
                result[name] = value
            elif mixes and float(value) < below:
                result[name] = float(default) + weight * (float(value) - float(default))
            else:
                raise ValueError(
                    f"{owner} sets {name} to {value!r}, which can't be mixed with {default!r}: there is nothing in "
                    "between; use it alone, or with share 0 or 1"
                )
    return dict(sorted(result.items()))


def agreed(primary: Settings, hedge: Settings, owners: tuple[str, str]) -> Settings:
    """Return the settings of two parts that take turns, or whose share moves: those that both want.

    Args:
        primary: What one part sets.
        hedge: What the other sets.
        owners: What the parts are called, in that order.

    Raises:
        ValueError: If one wants another value than the other; a setting holds for a whole run.
    """
    for name in sorted(primary.keys() | hedge.keys()):
        default = SETTINGS[name].default
        wanted = primary.get(name, default), hedge.get(name, default)
        if wanted[0] != wanted[1]:
            raise ValueError(
                f"{owners[0]} wants {name} at {wanted[0]!r} and {owners[1]} at {wanted[1]!r}, but a trainer setting "
                "holds for a whole run: it can't be one part's in some places, nor follow a share that moves. Use "
                "by: advantages with share_by: fixed, or give both parts the same value"
            )
    return dict(sorted({**primary, **hedge}.items()))
