"""Names: unknown ones teach, other packages may add theirs, and looking costs no torch."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint
from random import Random

import pytest

from suites import (
    Suite,
    SuiteError,
    TrainingTask,
    load_suite,
    registry,
    suite_names,
    training_task,
    training_task_names,
)


def foreign_suite() -> Suite:
    return load_suite("graphs")


def foreign_task() -> TrainingTask:
    return training_task("graphs")


def broken() -> Suite:
    raise RuntimeError("no items today")


def not_a_suite() -> str:
    return "a string"


@pytest.fixture
def others(monkeypatch: pytest.MonkeyPatch) -> None:
    modules = {"foreign": "foreign_suite", "broken": "broken", "wrong": "not_a_suite", "countdown": "broken"}
    monkeypatch.setitem(sys.modules, "another_package", sys.modules[__name__])

    def registered(group: str) -> list[EntryPoint]:
        if group == registry.TASK_GROUP:
            return [EntryPoint("foreign-task", "another_package:foreign_task", group)]
        entries = [EntryPoint(name, f"another_package:{made}", group) for name, made in modules.items()]
        return [*entries, EntryPoint("missing", "no_such_package:suite", group)]

    monkeypatch.setattr(registry, "entry_points", registered)


def test_an_unknown_suite_names_the_nearest_and_all() -> None:
    with pytest.raises(SuiteError, match=r"no suite named 'countdwn'. Did you mean 'countdown'\? Known: arithmetic, "):
        load_suite("countdwn")
    with pytest.raises(ValueError, match=r"no suite named 'zzz'. Known: "):
        load_suite("zzz")


def test_an_unknown_training_task_names_the_nearest_and_all() -> None:
    with pytest.raises(SuiteError, match=r"no training task named 'graph'. Did you mean 'graphs'\?"):
        training_task("graph")


@pytest.mark.usefixtures("others")
def test_other_packages_add_suites_and_tasks() -> None:
    assert suite_names()[-4:] == ["broken", "foreign", "missing", "wrong"]
    assert load_suite("foreign").name == "graphs"
    assert training_task_names()[-1] == "foreign-task"
    assert training_task("foreign-task").name == "graphs"


@pytest.mark.usefixtures("others")
def test_another_package_can_not_replace_a_suite_of_ours() -> None:
    assert suite_names().count("countdown") == 1
    assert load_suite("countdown").name == "countdown"


@pytest.mark.usefixtures("others")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("broken", "'broken' .* failed: RuntimeError: no items today"),
        ("missing", "'missing' .* failed: ModuleNotFoundError"),
        ("wrong", "returned str, expected Suite"),
    ],
)
def test_a_broken_package_is_named(name: str, message: str) -> None:
    with pytest.raises(SuiteError, match=message):
        load_suite(name)


@pytest.mark.parametrize("name", training_task_names())
def test_a_task_samples_items_that_its_grader_reads(name: str) -> None:
    task = training_task(name)
    item = task.sample(Random(1))
    assert item.id == task.sample(Random(1)).id
    assert task.grader(item, "nonsense") == (False, None)
    assert task.max_tokens > 0


def test_the_package_is_light() -> None:
    code = (
        "import sys, suites; suites.load_suite('graphs')\n"
        "sys.exit(bool({'torch', 'lm_eval', 'datasets'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
