"""Whether the rollouts of a plan can be shared out evenly among the processes that train one cell together."""

from __future__ import annotations

from harness.plan.arms import Arm
from harness.plan.resolve import Plan


def uneven(plan: Plan, ranks: int) -> list[str]:
    """Return why cells of a plan can't be trained by so many ranks, with the numbers that would do."""
    problems: dict[str, None] = {}
    for arm in plan.arms:
        if arm.strategy is None:
            continue
        update, micro = _shares(arm)
        if update % (ranks * micro) == 0:
            continue
        possible = [number for number in range(1, update + 1) if update % (number * micro) == 0]
        each = f"{micro} of them at a time (micro_batch)" if micro > 1 else "each one or more of them"
        problems[
            f"{ranks} ranks can't share the {update} rollouts of an update evenly, {each}; "
            f"nodes x tasks may be {', '.join(map(str, possible))}"
        ] = None
    return list(problems)


def _shares(arm: Arm) -> tuple[int, int]:
    """Return the rollouts of an optimizer step, and how many a rank takes at least at a time."""
    training = arm.training
    factor = int(arm.strategy.trainer_settings().get("rollouts_factor", 1)) if arm.strategy else 1
    return training.rollouts_per_step * factor // training.minibatches, training.micro_batch or 1
