"""What a hybrid refuses, with the reason and what would work."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from strategies import RunSettings, build
from strategies.combinators.assignment import By
from strategies.combinators.hybrid import Hybrid
from strategies.controls.grpo import GRPO

MODES: tuple[By, ...] = get_args(By)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"by": "rollouts", "share": 0.1}, r"share 0\.1 of 4 rollouts in a group: the hedge would get 0"),
        ({"by": "groups", "share": 0.1}, r"share 0\.1 of 3 groups in a batch: the hedge would get 0"),
        (
            {"by": "rollouts", "share": 0.4, "share_by": "annealed", "share_end": 0.6},
            "a share between 0.4 and 0.6 of 4",
        ),
    ],
)
def test_a_part_that_would_get_nothing_is_refused(settings: dict[str, Any], said: str) -> None:
    hybrid = Hybrid(primary=GRPO(), hedge=GRPO(), **settings)
    with pytest.raises(ValueError, match=said):
        hybrid.check(RunSettings(group_size=4, prompts_per_step=3))
    hybrid.check(RunSettings(group_size=16, prompts_per_step=16))


def test_the_rollouts_that_are_shared_out_are_those_that_are_sampled() -> None:
    more = build({"more_rollouts": {"factor": 4}})
    Hybrid(primary=more, hedge=more, by="rollouts", share=0.1).check(RunSettings(group_size=4))


def test_by_steps_both_parts_must_sample_as_often() -> None:
    said = (
        "the primary DynamicSampling samples a batch up to 3 times and the hedge GRPO up to 1, .* it can't go by steps"
    )
    resampled = build({"dynamic_sampling": {"max_rounds": 3}})
    with pytest.raises(ValueError, match=said):
        Hybrid(primary=resampled, hedge=GRPO(), by="steps")
    Hybrid(primary=resampled, hedge=resampled, by="steps")
    Hybrid(primary=resampled, hedge=GRPO(), by="steps", share=0.0)


@pytest.mark.parametrize("how", [{"by": by} for by in MODES[1:]] + [{"share_by": "annealed"}])
def test_a_setting_of_one_part_holds_for_both_so_it_is_refused(how: dict[str, Any]) -> None:
    said = (
        r"the primary GRPO wants entropy_coef at 0\.0 and the hedge EntropyBonus at 0\.01, but a trainer setting holds "
        "for a whole run"
    )
    bonus = build({"entropy_bonus": {"coefficient": 0.01}})
    with pytest.raises(ValueError, match=said):
        Hybrid(primary=GRPO(), hedge=bonus, **how)
    assert Hybrid(primary=bonus, hedge=bonus, **how).trainer_settings() == {"entropy_coef": 0.01}


def test_a_share_that_alarms_could_only_lower_is_refused() -> None:
    with pytest.raises(ValueError, match=r"share_most must be at least share, .* got share_most 0\.5 and share 0\.6"):
        Hybrid(primary=GRPO(), hedge=GRPO(), share=0.6, share_by="watch")
