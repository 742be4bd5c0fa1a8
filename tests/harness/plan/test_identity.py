"""A cell is all that changes its result, and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.plan.cells import cell_for, digest
from harness.plan.resolve import Plan, load_plan
from harness.plan.schema import Training

PlanWith = Callable[..., Plan]


def ids(plan: Plan, *, trained: bool = True) -> list[str]:
    return [cell.id for cell in plan.cells if (plan.arm(cell.arm).strategy is not None) is trained]


TRAINING = {
    "prompts_per_step": "3",
    "group_size": "5",
    "learning_rate": "2e-4",
    "warmup_steps": "1",
    "kl": "0.1",
    "temperature": "0.9",
    "max_completion_tokens": "17",
    "micro_batch": "4",
    "minibatches": "2",
    "epochs": "2",
    "max_grad_norm": "0.5",
    "weight_decay": "0.1",
    "precision": "bfloat16",
    "gradient_checkpointing": "true",
    "lora": "{rank: 2}",
    "vllm": "{mode: server}",
    "pool": "99",
}
"""Another value for each field of `training`."""
BARE = ("training:\n  prompts_per_step: 2\n  group_size: 4\n  kl: 0\n", "")


def test_every_training_field_is_tried() -> None:
    assert TRAINING.keys() == Training.model_fields.keys()


@pytest.mark.parametrize("name", TRAINING)
def test_every_training_field_makes_other_cells(name: str, plan_with: PlanWith) -> None:
    budget = ("{steps: 4}", "{steps: 400}")
    before = plan_with(BARE, budget)
    after = plan_with((BARE[0], f"training: {{{name}: {TRAINING[name]}}}\n"), budget)
    assert not set(ids(before)) & set(ids(after))
    assert ids(before, trained=False) == ids(after, trained=False)  # the base model is not trained


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("{steps: 4}", "{steps: 5}"),
        ("{steps: 4}", "{device_seconds: 4}"),
        ("checkpoints: 2", "checkpoints: 1"),
        ("name: small", "name: small\ntask: sorting"),
        ("seeds: 2", "seeds: [2, 3]"),
    ],
)
def test_what_changes_training_makes_other_cells(old: str, new: str, plan_with: PlanWith) -> None:
    assert not set(ids(plan_with())) & set(ids(plan_with((old, new))))


def test_another_task_makes_other_cells_even_with_the_same_cap(plan_with: PlanWith) -> None:
    cap, name = ("kl: 0", "max_completion_tokens: 20"), "name: small"
    before, after = plan_with(cap), plan_with(cap, (name, f"{name}\ntask: sorting"))
    assert not set(ids(before)) & set(ids(after))


@pytest.mark.parametrize("new", ["{strength: 0.6}", "{strength: 0.5, form: prose}", "{strength: 0.5, clip: 2}"])
def test_a_strategys_parameter_makes_other_cells_of_that_arm_alone(new: str, plan_with: PlanWith) -> None:
    named = "name: mine\n    g2rl: "
    before = ids(plan_with(("g2rl: {strength: 0.5}", named + "{strength: 0.5}")))
    after = ids(plan_with(("g2rl: {strength: 0.5}", named + new)))
    assert before[:2] == after[:2]
    assert not set(before[2:]) & set(after[2:])


def test_another_model_makes_other_cells_even_of_the_base(
    plan_with: PlanWith, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [cell.id for cell in plan_with().cells]
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    after = [cell.id for cell in plan_with(("name: small", "name: small\nmodel: ./model")).cells]
    assert not set(before) & set(after)
    (folder / "model.safetensors").write_bytes(b"other weights")
    again = [cell.id for cell in load_plan(Path("plan.yaml")).cells]
    assert not set(after) & set(again)


@pytest.mark.parametrize(
    "changes",
    [
        [("name: small", "name: other")],
        [("- sorting", "- graphs")],
        [("samples: 2", "samples: 9, at: ends")],
        [("name: small", "name: small\nevaluation: {temperature: 0.5, top_p: 0.9, batch_size: 7}")],
        [("baseline: grpo", "baseline: g2rl(strength=0.5)")],
        [("seeds: 2", "seeds: [0, 1]"), ("name: small", "intervals: false\nname: small")],
        [("name: small\n", ""), ("checkpoints: 2\n", "checkpoints: 2\nname: small\n")],
        [("  prompts_per_step: 2\n", ""), ("  kl: 0\n", "  kl: 0\n  prompts_per_step: 2\n")],
        [("{strength: 0.5}", "{clip: 3, strength: 0.5}")],
    ],
    ids=["name", "suites", "samples", "evaluation", "baseline", "seeds", "order", "inner order", "strategy order"],
)
def test_what_does_not_change_training_leaves_the_cells(changes: list[tuple[str, str]], plan_with: PlanWith) -> None:
    assert [cell.id for cell in plan_with().cells] == [cell.id for cell in plan_with(*changes).cells]


def test_defaults_spelled_out_are_defaults_left_out(plan_with: PlanWith) -> None:
    plan = plan_with(BARE)
    defaults = {**Training().model_dump(), "max_completion_tokens": plan.max_completion_tokens}
    spelled = plan_with(
        (BARE[0], f"training: {json.dumps(defaults)}\n"),
        ("name: small", "name: small\nmodel: tiny\ntask: countdown"),
        ("- grpo\n", "- grpo: {}\n"),
        ("{strength: 0.5}", "{strength: 0.5, form: literal, uniform_group: shape, clip: 3}"),
    )
    assert [cell.id for cell in plan.cells] == [cell.id for cell in spelled.cells]


def test_a_whole_number_is_the_same_parameter_as_its_float(plan_with: PlanWith) -> None:
    for whole, decimal in (("strength: 1", "strength: 1.0"), ("strength: 2", "strength: 2e0")):
        changed = [plan_with(("strength: 0.5", written)) for written in (whole, decimal)]
        assert ids(changed[0]) == ids(changed[1])


def test_an_arms_name_is_in_the_id_and_not_in_the_hash(plan_with: PlanWith) -> None:
    plain = plan_with().cells[-1]
    named = plan_with(("- g2rl: {strength: 0.5}", "- name: mine, all mine\n    g2rl: {strength: 0.5}")).cells[-1]
    assert plain.identity == named.identity
    assert re.fullmatch(r"g2rl-strength-0-5-s1-[0-9a-f]{12}", plain.id)
    assert named.id == f"mine-all-mine-s1-{plain.id[-12:]}"


def test_an_id_is_short_and_fit_for_a_folder() -> None:
    cell = cell_for("a/b " * 40, {"grpo": {}}, 12, {})
    assert re.fullmatch(r"[A-Za-z0-9-]{1,48}-s12-[0-9a-f]{12}", cell.id)


def test_a_digest_is_of_the_value_and_not_of_its_order() -> None:
    assert digest({"a": 1, "b": [1, 2]}) == digest({"b": [1, 2], "a": 1})
    assert digest([1, 2]) != digest([2, 1])
    assert digest({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"  # sha256 of {}
    with pytest.raises(ValueError, match="not JSON compliant"):
        digest(float("nan"))


def test_an_encoder_that_changes_makes_other_cells(plan_with: PlanWith, folder: Path) -> None:
    encoder = folder / "encoder"
    encoder.mkdir()
    found = []
    for content in ("{}", "{}", "[]"):
        (encoder / "modules.json").write_text(content)
        plan = plan_with(("  - g2rl: {strength: 0.5}\n", "  - evol_rl: {encoder: ./encoder}\n"))
        found.append([cell.id for cell in plan.cells if cell.arm == "evol_rl(encoder=./encoder)"])
    assert found[0] == found[1]
    assert not set(found[1]) & set(found[2])
