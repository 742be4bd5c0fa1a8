"""Every grader accepts each worked solution, refuses altered ones, and reads any text without an error."""

from __future__ import annotations

import json
from random import Random

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from suites.contract import Grade
from suites.procedural.problem import Problem
from suites.procedural.skills import SKILLS

NAMES = sorted(SKILLS)
SEEDS = st.integers(0, 2**32)
ALPHABETS = {
    "countdown": "0123456789+-*=, ",
    "countdown-five": "0123456789+-*=, ",
    "countdown-large": "0123456789+-*=, ",
    "arithmetic": "0123456789+-*=",
    "sorting": "0123456789>",
    "graphs": "abcdef|>",
}


def sampled(name: str, seed: int) -> Problem:
    return SKILLS[name].sample(Random(seed))


def test_every_skill_has_an_alphabet() -> None:
    assert sorted(ALPHABETS) == NAMES


@pytest.mark.parametrize("name", NAMES)
@given(seed=SEEDS)
def test_a_worked_solution_is_right_and_short(name: str, seed: int) -> None:
    problem = sampled(name, seed)
    grade = SKILLS[name].grader(problem.item, problem.solution)
    assert grade.correct
    assert grade.answer
    assert len(problem.solution) < SKILLS[name].max_tokens <= 60


@pytest.mark.parametrize("name", NAMES)
@given(seed=SEEDS)
def test_a_solution_cut_short_is_wrong(name: str, seed: int) -> None:
    problem = sampled(name, seed)
    for length in range(len(problem.solution)):
        assert not SKILLS[name].grader(problem.item, problem.solution[:length]).correct


@pytest.mark.parametrize("name", NAMES)
@given(seed=SEEDS, data=st.data())
def test_a_changed_result_is_wrong(name: str, seed: int, data: st.DataObject) -> None:
    problem = sampled(name, seed)
    last = problem.solution[-1]
    other = data.draw(st.sampled_from([letter for letter in ALPHABETS[name] if letter not in (last, " ")]))
    assert not SKILLS[name].grader(problem.item, problem.solution[:-1] + other).correct


@pytest.mark.parametrize("name", [name for name in NAMES if name != "graphs"])
@given(seed=SEEDS)
def test_the_solution_of_another_problem_is_wrong(name: str, seed: int) -> None:
    """Not so of graphs: two may have the same frontiers and shortest path."""
    generator = Random(seed)
    here, there = SKILLS[name].sample(generator), SKILLS[name].sample(generator)
    same_value = name == "arithmetic" and here.solution.split("=")[-1] == there.solution.split("=")[-1]
    assume(here.key != there.key and not same_value)
    assert not SKILLS[name].grader(here.item, there.solution).correct


@pytest.mark.parametrize("name", NAMES)
@given(seed=st.integers(0, 50), text=st.text(max_size=200))
@example(seed=0, text="")
@example(seed=0, text="٣+٤=٧")
@example(seed=0, text="²>²")
@example(seed=0, text="9" * 10_000)
@example(seed=0, text="9*9=" * 5_000 + "1")
@example(seed=0, text="\x00\ud800,")
def test_any_text_gets_a_grade(name: str, seed: int, text: str) -> None:
    grade = SKILLS[name].grader(sampled(name, seed).item, text)
    assert isinstance(grade, Grade)
    assert not (grade.correct and grade.answer is None)


@pytest.mark.parametrize("name", NAMES)
@given(seed=st.integers(0, 50), data=st.data())
def test_any_text_of_the_right_letters_gets_a_grade(name: str, seed: int, data: st.DataObject) -> None:
    text = data.draw(st.text(ALPHABETS[name], max_size=60))
    assert isinstance(SKILLS[name].grader(sampled(name, seed).item, text), Grade)


@pytest.mark.parametrize("name", NAMES)
def test_equal_answers_have_equal_grades(name: str) -> None:
    """A vote among answers needs this; it is tried on solutions with one letter changed."""
    generator = Random(7)
    for _ in range(40):
        problem = SKILLS[name].sample(generator)
        grades: dict[str, bool] = {}
        for i in range(len(problem.solution)):
            for letter in ALPHABETS[name]:
                text = problem.solution[:i] + letter + problem.solution[i + 1 :]
                correct, answer = SKILLS[name].grader(problem.item, text)
                if answer is not None:
                    assert grades.setdefault(answer, correct) == correct, (problem.prompt, text)


@pytest.mark.parametrize("name", NAMES)
def test_the_grader_reads_the_payload_after_json(name: str) -> None:
    problem = sampled(name, 3)
    payload = json.loads(json.dumps(problem.payload))
    item = type(problem.item)(id="x", prompt="something else", payload=payload)
    assert SKILLS[name].grader(item, problem.solution + " \n").correct
