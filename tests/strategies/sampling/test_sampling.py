"""Temperature, dynamic sampling, more rollouts: their settings, and which groups are kept."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from strategies import RunSettings, build
from strategies.sampling.dynamic_sampling import DynamicSampling
from strategies.sampling.more_rollouts import MoreRollouts
from strategies.sampling.temperature import Temperature


def test_settings_are_the_papers() -> None:
    assert Temperature().trainer_settings() == {"temperature": 1.2}
    assert MoreRollouts().trainer_settings() == {"rollouts_factor": 2}
    assert MoreRollouts(factor=32).trainer_settings() == {"rollouts_factor": 32}
    assert (DynamicSampling().rounds(), DynamicSampling().exhausted()) == (10, "fill")
    assert DynamicSampling(max_rounds=3, on_shortage="error").rounds() == 3
    assert DynamicSampling(on_shortage="error").exhausted() == "error"


def test_neutral_values_are_plain_grpo() -> None:
    assert Temperature(temperature=1.0).trainer_settings() == {"temperature": 1.0}
    assert MoreRollouts(factor=1).trainer_settings() == {}
    assert DynamicSampling(max_rounds=1).rounds() == 1


def test_groups_whose_rewards_differ_are_kept() -> None:
    rewards = torch.tensor([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [0.0, 1.0, 0.0], [0.5, 0.5, 0.5], [1.0, 1.0, 0.9]])
    assert DynamicSampling().keep(rewards).tolist() == [False, False, True, False, True]


def test_equal_rewards_that_do_not_average_exactly_are_dropped() -> None:
    # In float32 the mean of seven times 0.1 is not 0.1, so their standard deviation is above 0.
    rewards = torch.full((1, 7), 0.1)
    assert rewards.std() > 0
    assert DynamicSampling().keep(rewards).tolist() == [False]


def test_groups_of_one_are_kept_and_refused_beforehand() -> None:
    assert DynamicSampling().keep(torch.tensor([[0.0], [1.0]])).tolist() == [True, True]
    with pytest.raises(ValueError, match=r"training\.group_size is 1"):
        DynamicSampling().check(RunSettings(group_size=1))
    DynamicSampling().check(RunSettings(group_size=2))
    DynamicSampling(max_rounds=1).check(RunSettings(group_size=1))


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("temperature", {"temperature": 0.0}, "temperature must be above 0, got 0"),
        ("dynamic_sampling", {"max_rounds": 0}, "max_rounds must be at least 1, got 0"),
        ("dynamic_sampling", {"on_shortage": "skip"}, "expected 'fill' or 'error'"),
        ("more_rollouts", {"factor": 0}, "factor must be at least 1, got 0"),
        ("more_rollouts", {"factor": 1.5}, "more_rollouts.factor: expected a valid integer"),
    ],
)
def test_what_is_out_of_range_is_refused(name: str, parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build({name: parameters})


def test_the_temperature_of_every_arm_is_refused() -> None:
    with pytest.raises(ValueError, match=r"every arm samples at training\.temperature 1\.2, so this would do nothing"):
        Temperature(temperature=1.2).check(RunSettings(temperature=1.2))
    Temperature(temperature=1.2).check(RunSettings())
