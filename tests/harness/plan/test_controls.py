"""The controls of a plan: there unless they are switched off, and never twice."""

from __future__ import annotations

from collections.abc import Callable

from harness.plan.export import resolved_json
from harness.plan.resolve import Plan
from harness.plan.trials import settle

PlanWith = Callable[..., Plan]
ON = ("controls: false", "controls: true")
G2RL = "  - g2rl: {strength: 0.5}\n"
OTHERS = """\
  - name: mine
    g2rl: {strength: 0.5}
  - hybrid: {primary: {g2rl: {strength: 0.5}}, hedge: entropy_bonus}
  - accuracy_band
  - with_resets: {strategy: grpo, trigger: every, every_steps: 7, action: optimizer}
"""


def controls(plan: Plan) -> dict[str, tuple[str, ...]]:
    return {arm.name: arm.control_of for arm in plan.arms if arm.added}


def test_an_arm_with_a_bonus_gets_the_bonus_shuffled(plan_with: PlanWith) -> None:
    plan = plan_with(ON)
    assert [arm.name for arm in plan.arms] == [
        "base",
        "grpo",
        "g2rl(strength=0.5)",
        "noise_novelty(g2rl(strength=0.5))",
    ]
    control = plan.arms[-1]
    assert (control.family, control.control_of) == ("controls", ("g2rl(strength=0.5)",))
    assert control.spec == {"noise_novelty": {"of": plan.arms[2].spec, "unit": "advantage"}}
    assert [cell.seed for cell in plan.cells if cell.arm == control.name] == [0, 1]


def test_each_way_of_exploring_gets_its_own_and_none_stands_twice(plan_with: PlanWith) -> None:
    plan = plan_with(ON, (G2RL, OTHERS))
    subset = "random_subset(rollouts=4)"
    assert controls(plan) == {
        "noise_novelty(mine)": ("mine",),
        "noise_novelty(hybrid(g2rl(strength=0.5), entropy_bonus))": ("hybrid(g2rl(strength=0.5), entropy_bonus)",),
        subset: ("accuracy_band",),
        "with_resets(grpo, trigger=random, action=optimizer, mean_steps=7.0)": (
            "with_resets(grpo, trigger=every, action=optimizer, every_steps=7)",
        ),
    }


def test_a_control_that_the_user_wrote_is_the_control(plan_with: PlanWith) -> None:
    own = "  - name: shuffled\n    noise_novelty: {of: {g2rl: {strength: 0.5}}}\n"
    plan = plan_with(ON, (G2RL, G2RL + own))
    assert controls(plan) == {}
    assert plan.arm("shuffled").control_of == ("g2rl(strength=0.5)",)


def test_a_plan_without_plain_grpo_gets_it(plan_with: PlanWith) -> None:
    plan = plan_with(ON, ("  - grpo\n", "  - entropy_bonus\n"), ("baseline: grpo", "baseline: entropy_bonus"))
    assert plan.arm("grpo").added


def test_plain_grpo_with_a_learning_rate_that_is_tuned_is_plain_grpo(plan_with: PlanWith) -> None:
    tuned = "  - grpo: {}\n    grid: {learning_rate: [1e-4, 2e-4]}\n"
    tuning = "tuning: {suite: countdown-validation, budget: {steps: 4}, seeds: 1}\n"
    plan = plan_with(ON, ("  - grpo\n", tuned), ("checkpoints: 2", f"checkpoints: 2\n{tuning}"))
    for one in (plan, settle(plan, {"grpo": 1})):
        assert list(controls(one)) == ["noise_novelty(g2rl(strength=0.5))"]


def test_the_untrained_model_may_be_listed_and_stands_once(plan_with: PlanWith) -> None:
    plan = plan_with(("  - grpo\n", "  - grpo\n  - base\n"))
    assert [arm.name for arm in plan.arms] == ["base", "grpo", "g2rl(strength=0.5)"]


def test_switched_off_they_are_named_as_left_out(plan_with: PlanWith) -> None:
    on, off = plan_with(ON), plan_with()
    assert controls(off) == {}
    name = "noise_novelty(g2rl(strength=0.5))"
    assert resolved_json(off)["controls"] == {
        "on": False,
        "left_out": [{"name": name, "control_of": ["g2rl(strength=0.5)"]}],
    }
    assert resolved_json(on)["controls"] == {"on": True, "left_out": []}
    assert {cell.id for cell in off.cells} < {cell.id for cell in on.cells}, "the other cells are the same"


def test_a_tuned_arm_gets_its_control_when_its_parameters_are_chosen(plan_with: PlanWith) -> None:
    grid = "  - name: mine\n    g2rl: {}\n    grid: {strength: [0.1, 0.2], learning_rate: [1e-4]}\n"
    tuning = "tuning: {suite: countdown-validation, budget: {steps: 4}, seeds: 1}\n"
    plan = plan_with(ON, (G2RL, grid), ("checkpoints: 2", f"checkpoints: 2\n{tuning}"))
    assert controls(plan) == {}
    for point, strength in ((1, 0.2), (0, 0.1)):
        plan = settle(plan, {"mine": point})
        assert controls(plan) == {"noise_novelty(mine)": ("mine",)}
        control = plan.arm("noise_novelty(mine)")
        assert control.spec["noise_novelty"]["of"]["g2rl"]["strength"] == strength
        assert control.training == plan.arm("mine").training
    assert controls(settle(plan, {})) == {}
