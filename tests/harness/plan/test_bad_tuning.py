"""Tuning that can't be done: one line a problem, with the line of the file."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Problems = Callable[..., list[str]]

TEXT = """\
name: small
arms:
  - grpo:
    grid: {learning_rate: [5e-5, 1e-4]}
  - g2rl: {form: centred}
    grid:
      strength: [0.1, 0.3]
      clip: [2, 3.0]
baseline: grpo
seeds: 2
budget: {steps: 4}
checkpoints: 2
training: {prompts_per_step: 2, group_size: 4, max_completion_tokens: 10}
suites: [sorting, countdown]
tuning:
  suite: {countdown-validation: {samples: 4}}
  budget: {steps: 8}
  seeds: 2
"""


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        # the grid
        (
            "strength: [0.1, 0.3]",
            "strenght: [0.1, 0.3]",
            "line 7: arms[1].grid.strenght: g2rl: no parameter named 'strenght'. Did you mean 'strength'? "
            "Known: clip, cosine, dimension, encoder, form, layers, reference, signal, "
            "strength, uniform_group (at strenght=0.1, clip=2)",
        ),
        (
            "clip: [2, 3.0]",
            "clip: [2, wide]",
            "line 8: arms[1].grid.clip: g2rl.clip: expected a valid number; got 'wide' (at strength=0.1, clip=wide)",
        ),
        (
            "clip: [2, 3.0]",
            "g2rl.clip: [2, wide]",
            "line 8: arms[1].grid.g2rl.clip: g2rl.clip: expected a valid number; got 'wide'",
        ),
        ("clip: [2, 3.0]", "clip: []", "line 8: arms[1].grid.clip: expected at least one value; got []"),
        ("clip: [2, 3.0]", "clip: 2", "line 8: arms[1].grid.clip: expected a list of values; got 2"),
        (
            "clip: [2, 3.0]",
            "clip: [2, 2.0]",
            "line 6: arms[1].grid: the points strength=0.1, clip=2 and strength=0.1, clip=2.0 do the same; leave",
        ),
        (
            "clip: [2, 3.0]",
            "form: [prose]",
            "line 8: arms[1].grid.form: form has a value in the arm as well, 'centred'; leave one of them out",
        ),
        (
            "clip: [2, 3.0]",
            "inner.clip: [2, 3]",
            "line 8: arms[1].grid.inner.clip: g2rl has no strategy called 'inner' to look for clip in",
        ),
        (
            "[5e-5, 1e-4]",
            "[5e-5, 0]",
            "line 4: arms[0].grid.learning_rate: expected more than 0; got 0 (at learning_rate=0)",
        ),
        (
            "[5e-5, 1e-4]",
            "[5e-5, high]",
            "line 4: arms[0].grid.learning_rate: expected a number; got 'high' (at learning_rate=high)",
        ),
        (
            "[5e-5, 1e-4]",
            "[1e-4]",
            "line 4: arms[0].grid: one point leaves nothing to choose; write learning_rate=0.0001 in the arm, or add",
        ),
        ("grid: {learning_rate: [5e-5, 1e-4]}", "grid:", "line 4: arms[0].grid: expected parameters, each with a list"),
        # its arm
        (
            "g2rl: {form: centred}",
            "g2lr: {form: centred}",
            "line 5: arms[1]: no strategy named 'g2lr'. Did you mean 'g2rl'?",
        ),
        (
            "g2rl: {form: centred}",
            "g2rl: {form: round}",
            "line 5: arms[1]: g2rl.form: expected 'literal', 'prose' or 'centred'; got 'round' (at strength=0.1, clip",
        ),
        ("  - grpo:\n", "  - grpo:\n    name: 3\n", "line 4: arms[0].name: expected text; got 3"),
        (
            "  - grpo:\n",
            "  - grpo:\n    name: g2rl(form=centred)\n",
            "line 6: arms[1]: the arm 'g2rl(form=centred)' stands twice; change it, or give it a name of its own",
        ),
        (
            "  - g2rl: {form: centred}\n    grid:\n      strength: [0.1, 0.3]\n      clip: [2, 3.0]\n",
            "  - name: again\n    grpo:\n    grid: {learning_rate: [5e-5, 1e-4]}\n",
            "line 5: arms[1]: the arm 'again' does the same as 'grpo', with the same seeds; change it, or leave it out",
        ),
        (
            "baseline: grpo",
            "baseline: 'grpo: learning_rate=5e-05'",
            "line 9: baseline: the baseline must be one of the arms (grpo, g2rl(form=centred)); got 'grpo: learn",
        ),
        # tuning
        (
            "{countdown-validation: {samples: 4}}",
            "countdown",
            "line 16: tuning.suite: countdown is among suites: as well, so arms would be compared on what they were",
        ),
        (
            "countdown-validation",
            "countdown-validatio",
            "line 16: tuning.suite: no suite named 'countdown-validatio'. Did",
        ),
        (
            "{samples: 4}",
            "{samples: 4, at: ends}",
            "line 16: tuning.suite: primary and at say how arms are compared; the suite of the tuning takes samples",
        ),
        (
            "{samples: 4}",
            "{sampels: 4}",
            "line 16: tuning.suite.countdown-validation.sampels: no such field. Did you mean 'samples'? Known: name, ",
        ),
        (
            "  suite: {countdown-validation: {samples: 4}}\n",
            "",
            "line 15: tuning.suite: this field is needed and isn't there",
        ),
        (
            "  suite: {countdown-validation: {samples: 4}}\n  budget: {steps: 8}\n  seeds: 2\n",
            "  budgt: {steps: 8}\n",
            "line 15: tuning.suite: this field is needed and isn't there",
        ),
        (
            "  seeds: 2\n",
            "  seed: 2\n",
            "line 18: tuning.seed: no such field. Did you mean 'seeds'? Known: suite, budget, ",
        ),
        (
            "  seeds: 2\n",
            "  seeds: 0\n",
            "line 18: tuning.seeds: expected a number of seeds above 0, or a list of them; got 0",
        ),
        (
            "  seeds: 2\n",
            "  seeds: [1, 1]\n",
            "line 18: tuning.seeds: seeds must be distinct and not negative; got [1, 1]",
        ),
        (
            "\nseeds: 2",
            "\nseeds: [0, 1_000_001]",
            "line 10: seeds: 1000001 is a seed of the tuning (tuning seed n trains with 1,000,000 + n); expected other",
        ),
        # its budget: 4 points x 2 seeds are 8 trials of g2rl, 2 x 2 are 4 of grpo
        (
            "  budget: {steps: 8}",
            "  budget: {steps: 7}",
            "line 17: tuning.budget: 7 steps is smaller than one step for each of the 8 trials of g2rl(form=centred) "
            "(4 points x 2 tuning seeds; a step: one step = 1); expected at least 8",
        ),
        (
            "  budget: {steps: 8}",
            "  budget: {steps: 20}",
            "line 17: tuning.budget: 20 steps can't be shared out in whole steps among the 8 trials of "
            "g2rl(form=centred), so arms would not get the same; expected a multiple of the trials of each arm (4, 8)",
        ),
        (
            "  budget: {steps: 8}",
            "  budget: {generated_tokens: 639}",
            "line 17: tuning.budget: 639 generated_tokens is smaller than one step for each of the 8 trials of "
            "g2rl(form=centred) (4 points x 2 tuning seeds; a step: 8 rollouts of at most 10 tokens = 80); "
            "expected at least 640",
        ),
        (
            "  budget: {steps: 8}",
            "  budget: {flops: 1e6}",
            "line 17: tuning.budget: 1,000,000 flops is smaller than one st",
        ),
        (
            "  budget: {steps: 8}",
            "  budget: {tokens: 8}",
            "line 17: tuning.budget.tokens: expected 'generated_tokens', ",
        ),
    ],
)
def test_the_problem_is_told(old: str, new: str, problem: str, problems_with: Problems) -> None:
    found = problems_with((old, new), text=TEXT)
    assert found[0].startswith(f"plan.yaml, {problem}")
    assert "\n" not in found[0]
    assert len(found) == (3 if "budgt" in new else 1), "each told once"


def test_a_range_is_told_once_however_many_points_leave_it(problems_with: Problems) -> None:
    (problem,) = problems_with(("clip: [2, 3.0]", "clip: [2, -1]"), text=TEXT)
    assert problem.startswith("plan.yaml, line 6: arms[1].grid: g2rl: ")
    assert "-1" in problem
    assert problem.endswith("(at strength=0.1, clip=-1)")


def test_a_grid_needs_tuning(problems_with: Problems) -> None:
    without = TEXT[: TEXT.index("tuning:")]
    assert problems_with(text=without) == [
        f"plan.yaml, line {line}: arms[{arm}].grid: a grid needs a tuning budget; add tuning: to the plan, "
        "or drop the grid"
        for line, arm in ((4, 0), (6, 1))
    ]


def test_tuning_needs_a_grid(problems_with: Problems) -> None:
    arms = "  - grpo\n  - g2rl\n"
    without = TEXT[: TEXT.index("  - grpo:")] + arms + TEXT[TEXT.index("baseline") :]
    (problem,) = problems_with(text=without)
    assert problem.startswith(
        "plan.yaml, line 11: tuning: no arm has a grid to tune; give one a grid:, such as grid: {"
    )


def test_a_suite_with_another_name_and_the_same_items(problems_with: Problems, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    from suites import load_suite

    copy = replace(load_suite("countdown"), name="countdown-validation")
    monkeypatch.setattr(
        "harness.plan.tuning.load_suite", lambda name: copy if name == "countdown-validation" else load_suite(name)
    )
    (problem,) = problems_with(text=TEXT)
    assert "line 16: tuning.suite: countdown-validation shares 200 items with countdown, on which arms are" in problem


def test_a_trial_too_short_for_the_strategy_to_act_is_refused(problems_with: Problems) -> None:
    changes = [
        (
            "  - grpo:\n    grid: {learning_rate: [5e-5, 1e-4]}\n",
            "  - grpo\n  - greso:\n    grid: {learning_rate: [5e-5, 1e-4]}\n",
        ),
        ("max_completion_tokens: 10", "pool: 64"),
        ("{steps: 4}", "{steps: 400}"),  # 800 visits to 64 prompts; a trial of two steps has four
    ]
    (problem,) = problems_with(*changes, text=TEXT)
    assert problem.startswith("plan.yaml, line 5: arms[1].grid.learning_rate: in a trial of 2 steps: greso ")
    assert problem.endswith("(at learning_rate=5e-05)")
