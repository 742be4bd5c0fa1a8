from __future__ import annotations

from typing import Any

import pytest
from lm_eval.api.instance import Instance
from lm_eval.api.model import LM
from lm_eval.api.task import Task
from lm_eval.evaluator import evaluate

from suites import load_suite, suite_names
from suites.contract import Grade, Item, Suite
from suites.tasks import ACCURACY, GRADES, SuiteTask


def grade(item: Item, text: str) -> Grade:
    """Accept `<wanted>` and nothing else."""
    assert type(text) is str
    return Grade(text == item.payload["wanted"], text or None)


def toy(**changes: Any) -> Suite:
    wanted = {"a": "1", "b": "3", "c": "9"}
    content: dict[str, Any] = {
        "name": "toy",
        "version": 2,
        "description": "",
        "skill": "toy",
        "items": tuple(Item(id=i, prompt=f"{i}?", payload={"wanted": w}) for i, w in wanted.items()),
        "grader": grade,
        "max_tokens": 5,
        "stop": (";",),
        "licence": "Apache-2.0",
        "sha256": "ab",
    }
    return Suite(**{**content, **changes})


class Counting(LM):  # type: ignore[misc]  # lm-eval is untyped to mypy
    """Answers the k-th sample of an item with k, and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def generate_until(self, requests: list[Instance]) -> list[str]:
        self.asked = [request.args for request in requests]
        prompts = [request.args[0] for request in requests]
        return [str(prompts[:position].count(prompt)) for position, prompt in enumerate(prompts)]

    def loglikelihood(self, requests: list[Instance]) -> list[tuple[float, bool]]:
        raise NotImplementedError

    def loglikelihood_rolling(self, requests: list[Instance]) -> list[float]:
        raise NotImplementedError


def run(task: Task, model: LM) -> Any:
    return evaluate(lm=model, task_dict={"tasks": {"toy": task}, "groups": {}}, bootstrap_iters=0)


def task_of(suite: Suite, samples: int = 4) -> SuiteTask:
    return SuiteTask(suite, samples=samples, temperature=0.5, top_p=0.9)


def test_lm_eval_grades_every_sample_and_not_the_first_alone() -> None:
    results = run(task_of(toy()), Counting())
    rows = results["samples"]["toy"]
    assert [row["doc"]["id"] for row in rows] == ["a", "b", "c"]
    # Samples are "0", "1", "2", "3": item a accepts the second, b the fourth, c none.
    assert [[g.correct for g in row[GRADES]] for row in rows] == [
        [False, True, False, False],
        [False, False, False, True],
        [False, False, False, False],
    ]
    assert rows[0][GRADES][2] == Grade(False, "2")
    assert results["results"]["toy"][f"{ACCURACY},every_sample"] == pytest.approx(2 / 12)
    assert results["results"]["toy"][f"{GRADES},every_sample"] == 12
    assert results["versions"]["toy"] == 2


def test_limits_come_from_the_suite_and_sampling_from_the_caller() -> None:
    model = Counting()
    run(task_of(toy()), model)
    assert [prompt for prompt, _ in model.asked] == ["a?"] * 4 + ["b?"] * 4 + ["c?"] * 4
    assert model.asked[0][1] == {
        "until": [";"],
        "max_gen_toks": 5,
        "do_sample": True,
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 0,
    }


def test_temperature_zero_is_greedy_to_any_lm_eval_model() -> None:
    task = SuiteTask(toy(), samples=1, temperature=0.0, top_p=1.0)
    assert task.config.generation_kwargs["do_sample"] is False


def test_no_sample_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 sample per item, got 0"):
        task_of(toy(), samples=0)


def test_a_lost_sample_is_an_error_and_not_a_smaller_k() -> None:
    task = task_of(toy())
    with pytest.raises(ValueError, match="item 'a': 3 samples came back, expected 4"):
        task.process_results(task.test_docs()[0], [["0", "1", "2"]])


@pytest.mark.parametrize("option", [{"system_instruction": "Think."}, {"apply_chat_template": True}])
def test_the_fixed_prompts_of_a_suite_are_not_altered(option: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="'toy' has fixed prompts"):
        task_of(toy()).build_all_requests(**option)


def test_building_requests_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    run(task_of(toy()), Counting())
    assert capfd.readouterr() == ("", "")


def test_limit_and_ranks_share_the_items_out() -> None:
    task = task_of(toy())
    task.build_all_requests(limit=2)
    assert [request.doc["id"] for request in task.instances] == ["a", "b"]
    task.build_all_requests(rank=1, world_size=2)
    assert [request.doc["id"] for request in task.instances] == ["b"]


@pytest.mark.parametrize("name", suite_names())
def test_every_suite_runs_through_lm_eval_and_grades_what_no_one_can_read(name: str) -> None:
    suite = load_suite(name)
    task = SuiteTask(suite, samples=2, temperature=1.0, top_p=1.0)
    results = evaluate(lm=Counting(), task_dict={"tasks": {name: task}, "groups": {}}, bootstrap_iters=0)
    rows = results["samples"][name]
    assert [row["doc"]["id"] for row in rows] == [item.id for item in suite.items]
    assert results["results"][name][f"{GRADES},every_sample"] == 2 * len(suite.items)
