"""A plan that can't be run: one line a problem, with file, line, what was got and what was expected."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.plan.schema import PlanFile
from strategies import known_strategies
from suites.frozen import store

Problems = Callable[..., list[str]]

STRATEGIES = f"Known: {', '.join(sorted(known_strategies()))}"
FIELDS = f"Known: {', '.join(PlanFile.model_fields)}"
UNITS = "expected 'generated_tokens', 'flops', 'device_seconds' or 'steps'"
ONE_UNIT = "expected one unit with its amount, such as generated_tokens: 300_000"
TOO_FEW = (
    "seeds: an interval needs at least two training seeds, got one; add seeds, or set intervals: false to run without"
)
SUITE = "expected a suite's name, or one name with its options"
ARM = "expected a strategy's name, or one name with its parameters"


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        # arms
        ("- grpo\n", "- g2r\n", f"line 3: arms[0]: no strategy named 'g2r'. Did you mean 'g2rl'? {STRATEGIES}"),
        (
            "{strength: 0.5}",
            "{strenght: 0.5}",
            "line 4: arms[1]: g2rl: no parameter named 'strenght'. Did you mean 'strength'? "
            "Known: clip, cosine, dimension, encoder, form, layers, reference, signal, strength, uniform_group",
        ),
        (
            "{strength: 0.5}",
            "\n      form: centred\n      strength: '0.5'",
            "line 6: arms[1]: g2rl.strength: expected a valid number; got '0.5'",
        ),
        (
            "g2rl: {strength: 0.5}",
            "hybrid:\n      primary: g2rl\n      hedge: {g2r: {}}",
            f"line 6: arms[1]: no strategy named 'g2r'. Did you mean 'g2rl'? {STRATEGIES}",
        ),
        (
            "g2rl: {strength: 0.5}",
            "with_resets: {strategy: g2rl, action: reference}",
            "line 4: arms[1]: action reference resets the reference policy of the KL penalty, but training.kl is 0.0: "
            "it would do nothing. Set training.kl above 0 (ProRL uses 0.001 to 0.01), or use action optimizer",
        ),
        ("g2rl: {strength: 0.5}", "hybrid: {primary: g2rl}", "line 4: arms[1]: hybrid needs hedge"),
        ("g2rl: {strength: 0.5}", "3", f"line 4: arms[1]: {ARM}; got 3"),
        (
            "g2rl: {strength: 0.5}",
            "grpo",
            "line 4: arms[1]: the arm 'grpo' stands twice; change it, or give it a name of its own (name: …)",
        ),
        ("arms:\n  - grpo\n  - g2rl: {strength: 0.5}", "arms: grpo", "line 2: arms: expected a list; got 'grpo'"),
        ("arms:\n  - grpo\n  - g2rl: {strength: 0.5}", "arms: []", "line 2: arms: expected at least one entry; got []"),
        # fields
        (
            "  group_size: 4",
            "  group_sise: 4",
            "line 11: training.group_sise: no such field. Did you mean 'group_size'?",
        ),
        ("checkpoints: 2", "checkpoint: 2", f"line 8: checkpoint: no such field. Did you mean 'checkpoints'? {FIELDS}"),
        (
            "samples: 2",
            "sample: 2",
            "line 14: suites[0].countdown.sample: no such field. Did you mean 'samples'? Known:",
        ),
        ("kl: 0", "kl: none", "line 12: training.kl: expected a number; got 'none'"),
        ("kl: 0", "kl: -0.1", "line 12: training.kl: expected at least 0; got -0.1"),
        ("kl: 0", "learning_rate: .inf", "line 12: training.learning_rate: expected a finite number; got inf"),
        ("kl: 0", "learning_rate: 0", "line 12: training.learning_rate: expected more than 0; got 0"),
        (
            "kl: 0",
            "gradient_checkpointing: 1",
            "line 12: training.gradient_checkpointing: expected true or false; got 1",
        ),
        ("kl: 0", "precision: half", "line 12: training.precision: expected 'float32' or 'bfloat16'; got 'half'"),
        ("kl: 0", "micro_batch: 3", "line 9: training: micro_batch must divide the 8 rollouts of a step, got 3"),
        ("group_size: 4", "group_size: 1", "line 11: training.group_size: expected at least 2; got 1"),
        ("group_size: 4", "group_size: 4.0", "line 11: training.group_size: expected a whole number; got 4.0"),
        ("group_size: 4", "group_size: true", "line 11: training.group_size: expected a whole number; got true"),
        ("name: small", "name: 3", "line 1: name: expected text; got 3"),
        (
            "name: small",
            "name: ../up",
            "line 1: name: expected letters, digits, dots, dashes and underscores, a letter or digit first; "
            "got '../up'",
        ),
        # baseline
        ("baseline: grpo\n", "", "line 1: baseline: this field is needed and isn't there"),
        (
            "baseline: grpo",
            "baseline: g2rl",
            "line 5: baseline: the baseline must be one of the arms (grpo, g2rl(strength=0.5)); got 'g2rl'",
        ),
        # seeds
        ("seeds: 2", "seeds: 1", f"line 6: {TOO_FEW}"),
        ("seeds: 2", "seeds: [4]", f"line 6: {TOO_FEW}"),
        ("seeds: 2", "seeds: 0", "line 6: seeds: expected a number of seeds above 0, or a list of them; got 0"),
        (
            "seeds: 2",
            "seeds: three",
            "line 6: seeds: expected a number of seeds above 0, or a list of them; got 'three'",
        ),
        ("seeds: 2", "seeds: []", "line 6: seeds: expected at least one entry; got []"),
        ("seeds: 2", "seeds: [1, 1]", "line 6: seeds: seeds must be distinct and not negative; got [1, 1]"),
        ("seeds: 2", "seeds:\n  - 1\n  - two", "line 8: seeds[1]: expected a whole number; got 'two'"),
        # budget
        (
            "{steps: 4}",
            "{steps: 1}",
            "line 7: budget: 1 steps is smaller than one step for each of the 2 checkpoints "
            "(a step: one step = 1); expected at least 2",
        ),
        (
            "{steps: 4}\ncheckpoints: 2\ntraining:",
            "\n  generated_tokens: 79\ncheckpoints: 1\ntraining:\n  max_completion_tokens: 10",
            "line 7: budget: 79 generated_tokens is smaller than one step for each of the 1 checkpoints "
            "(a step: 8 rollouts of at most 10 tokens = 80); expected at least 80",
        ),
        ("{steps: 4}", "{flops: 1e6}", "line 7: budget: 1e+06 flops is smaller than one step for each of the 2 check"),
        ("{steps: 4}", "{tokens: 4}", f"line 7: budget.tokens: {UNITS}; got 'tokens'"),
        ("{steps: 4}", "{steps: -4}", "line 7: budget.steps: expected more than 0; got -4"),
        ("{steps: 4}", "{steps: 4, flops: 1}", f"line 7: budget: {ONE_UNIT}; got {{'steps': 4, 'flops': 1}}"),
        ("{steps: 4}", "4", f"line 7: budget: {ONE_UNIT}; got 4"),
        # suites
        ("- sorting", "- sortin", "line 15: suites[1]: no suite named 'sortin'. Did you mean 'sorting'? Known: arithm"),
        ("- sorting", "- countdown", "line 13: suites: each suite may stand once; got countdown, countdown"),
        ("- sorting", "- 3", f"line 15: suites[1]: {SUITE}; got 3"),
        ("- sorting", "- sorting: 3", f"line 15: suites[1]: {SUITE}; got {{'sorting': 3}}"),
        ("- sorting", "- sorting: {at: end}", "line 15: suites[1].sorting.at: expected 'every' or 'ends'; got 'end'"),
        ("samples: 2", "samples: 0", "line 14: suites[0].countdown.samples: expected at least 1; got 0"),
        # model and task
        ("name: small", "name: small\nmodel: ./nowhere", "line 2: model: model './nowhere': no such folder ("),
        (
            "name: small",
            "name: small\nmodel: some-lab/some-model",
            "line 2: model: model 'some-lab/some-model': not a folder here, not in the local cache, "
            "and hub needed but offline (HF_HUB_OFFLINE is set); unset it, or run ",
        ),
        (
            "name: small",
            "task: countdwn\nname: small",
            "line 1: task: no training task named 'countdwn'. Did you mean 'countdown'? Known:",
        ),
    ],
)
def test_the_one_problem_is_told(old: str, new: str, problem: str, problems_with: Problems) -> None:
    found = problems_with((old, new))
    assert len(found) == 1
    assert found[0].startswith(f"plan.yaml, {problem}")
    assert "\n" not in found[0]


@pytest.mark.parametrize(
    ("text", "got"),
    [("", "nothing"), ("# later\n", "nothing"), ("- grpo\n", "['grpo']"), ("hello\n", "'hello'")],
)
def test_a_file_that_is_no_plan(text: str, got: str, problems_with: Problems) -> None:
    (problem,) = problems_with(text=text)
    assert problem.startswith(
        f"plan.yaml: expected fields such as name, arms and budget; got {got} (`explorebench init`"
    )


def test_every_problem_is_told_at_once(problems_with: Problems) -> None:
    changes = [("- grpo\n", "- gpro\n"), ("- sorting", "- sortin"), ("name: small", "name: small\nmodel: ./nowhere")]
    assert [problem.split(":")[0] for problem in problems_with(*changes)] == [
        "plan.yaml, line 4",
        "plan.yaml, line 16",
        "plan.yaml, line 2",
    ]


def test_every_wrong_field_is_told_at_once(problems_with: Problems) -> None:
    problems = problems_with(("seeds", "seedz"), ("group_size: 4", "group_size: 1"))
    assert [problem.split(": ")[:2] for problem in problems] == [
        ["plan.yaml, line 1", "seeds"],
        ["plan.yaml, line 11", "training.group_size"],
        ["plan.yaml, line 6", "seedz"],
    ]


def test_a_long_value_is_shown_short(problems_with: Problems) -> None:
    (problem,) = problems_with(("kl: 0", f"kl: {'x' * 500}"))
    assert problem.endswith(f"; got '{'x' * 78}…")


def test_a_suite_that_is_not_what_was_frozen(
    problems_with: Problems, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frozen = folder / "frozen"
    shutil.copytree(store.FOLDER, frozen, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    items = frozen / "sorting.jsonl"
    items.write_text(items.read_text().replace("1", "2", 1))
    monkeypatch.setattr("suites.registry.load_frozen", lambda name: store.load_frozen(name, frozen))
    (problem,) = problems_with()
    assert problem.startswith(f"plan.yaml, line 15: suites[1]: {items}: suite 'sorting' has hash ")
    assert "the manifest expects " in problem
    assert "restore the file from version control" in problem
