"""The arms that are settings of TRL: their defaults, their neutral values, and the runs they are refused in."""

from __future__ import annotations

from typing import Any

import pytest

from strategies import RunSettings, build
from strategies.settings import checked

ONE, SEVERAL = RunSettings(updates_per_batch=1), RunSettings(updates_per_batch=4)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        # DAPO, run_dapo_qwen2.5_32b.sh: clip_ratio_low 0.2 (TRL's own default), clip_ratio_high 0.28.
        ("clip_higher", {"epsilon": 0.2, "epsilon_high": 0.28}),
        ("high_entropy_tokens", {"top_entropy_quantile": 0.2}),
        # TRL 1.16's GRPOConfig.
        (
            "adaptive_entropy",
            {
                "use_adaptive_entropy": True,
                "entropy_target": 0.2,
                "entropy_coef": 0.0,
                "entropy_coef_delta": 0.005,
                "entropy_coef_min": 0.0,
                "entropy_coef_max": 1.0,
            },
        ),
        ("dr_grpo", {"loss_type": "dr_grpo", "scale_rewards": "none"}),
        # TRL's paper index, from section 5.1 of the paper.
        (
            "gspo",
            {
                "importance_sampling_level": "sequence",
                "loss_type": "grpo",
                "epsilon": 3e-4,
                "epsilon_high": 4e-4,
            },
        ),
        ("cispo", {"loss_type": "cispo", "epsilon_high": 5.0}),
    ],
)
def test_defaults_are_the_sources(name: str, settings: dict[str, Any]) -> None:
    strategy = build(name)
    assert checked(strategy.trainer_settings(), name) == settings
    assert strategy.controls() == ()


@pytest.mark.parametrize(
    ("name", "parameters", "settings"),
    [
        ("clip_higher", {"epsilon_high": 0.2}, {}),
        ("clip_higher", {"epsilon": 0.1}, {"epsilon": 0.1, "epsilon_high": 0.28}),
        ("high_entropy_tokens", {"top_entropy_quantile": 1.0}, {}),
        ("adaptive_entropy", {"most": 0.0}, {}),
        ("dr_grpo", {"constant_length": False, "keep_difficulty": False}, {}),
        ("dr_grpo", {"constant_length": False}, {"scale_rewards": "none"}),
        ("dr_grpo", {"keep_difficulty": False}, {"loss_type": "dr_grpo"}),
    ],
)
def test_a_part_that_is_switched_off_sets_nothing(
    name: str, parameters: dict[str, Any], settings: dict[str, Any]
) -> None:
    assert build({name: parameters}).trainer_settings() == settings


def test_each_number_of_the_controller_goes_to_its_own_setting() -> None:
    spec = {"adaptive_entropy": {"target": 1.5, "step": 0.01, "initial": 0.2, "least": 0.1, "most": 0.3}}
    assert build(spec).trainer_settings() == {
        "use_adaptive_entropy": True,
        "entropy_target": 1.5,
        "entropy_coef_delta": 0.01,
        "entropy_coef": 0.2,
        "entropy_coef_min": 0.1,
        "entropy_coef_max": 0.3,
    }


@pytest.mark.parametrize("name", ["clip_higher", "gspo", "cispo", "kl_cov"])
def test_arms_on_ratios_are_refused_where_all_ratios_are_one(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name}: with one update per generation batch .* got 1 update per batch"):
        build(name).check(ONE)
    build(name).check(SEVERAL)


@pytest.mark.parametrize(
    "spec", [{"clip_higher": {"epsilon_high": 0.2}}, {"kl_cov": {"k": 0.0}}, "clip_cov", "dr_grpo"]
)
def test_what_needs_no_ratios_runs_with_one_update(spec: Any) -> None:
    build(spec).check(ONE)


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("clip_higher", {"epsilon": 0.0}, "epsilon must be above 0 and at most 1, got 0"),
        ("clip_higher", {"epsilon_high": -1.0}, "epsilon_high must be above 0, got -1"),
        ("high_entropy_tokens", {"top_entropy_quantile": 0.0}, "must be above 0 and at most 1, got 0"),
        ("adaptive_entropy", {"least": 0.5}, r"least <= initial <= most .* got 0\.5, 0\.0 and 1\.0"),
        ("adaptive_entropy", {"initial": 2.0}, r"got 0\.0, 2\.0 and 1\.0"),
        ("adaptive_entropy", {"step": 0.0}, "would stay at 0"),
        ("gspo", {"epsilon": 2.0}, "epsilon must be above 0 and at most 1, got 2"),
        ("cispo", {"epsilon_high": 0.0}, "epsilon_high must be above 0, got 0"),
        ("clip_cov", {"ratio": 1.5}, r"ratio must be at least 0 and at most 1, got 1\.5"),
        ("clip_cov", {"lower": 5.0}, r"lower must be below upper, .* got 5\.0 and 5\.0"),
        ("kl_cov", {"k": -0.1}, r"k must be at least 0 and at most 1, got -0\.1"),
        ("kl_cov", {"coefficient": 0.0}, "coefficient must be above 0, got 0"),
        ("entropy_advantage", {"alpha": -1.0}, "alpha must be at least 0, got -1"),
        ("entropy_advantage", {"kappa": 1.0}, "kappa must be above 1, got 1"),
    ],
)
def test_what_is_out_of_range_is_refused(name: str, parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build({name: parameters})
