"""Training and evaluation never meet: by construction, and in what is frozen."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suites import load_suite, training_task, training_task_names
from suites.catalog import FROZEN, TRAINING_TASKS
from suites.contract import Item
from suites.procedural import arithmetic, countdown, graphs, sorting
from suites.procedural.problem import EVALUATION_ONE_IN, draw, settle, split_of
from suites.procedural.skills import SKILLS


def key_of(item: Item) -> str:
    """Work the key out of the payload again."""
    payload = item.payload
    if "numbers" in payload:
        return countdown.problem(payload["numbers"], payload["target"], "").key
    if "operator" in payload:
        return arithmetic.problem(payload["left"], payload["operator"], payload["right"]).key
    if "digits" in payload:
        return sorting.problem(payload["digits"]).key
    return graphs.problem(payload["edges"], payload["start"], payload["goal"]).key


def test_a_share_of_all_keys_is_for_evaluation() -> None:
    keys = [f"countdown:{i}" for i in range(8_000)]
    share = sum(split_of(key) == "evaluation" for key in keys) / len(keys)
    assert share == pytest.approx(1 / EVALUATION_ONE_IN, abs=0.02)


def test_the_split_of_a_key_is_what_it_always_was() -> None:
    assert split_of("countdown:3 4 7 9=24") == "training"
    assert [i for i in range(30) if split_of(f"sorting:{i}") == "evaluation"] == [2, 7, 8, 27]


@pytest.mark.parametrize("name", sorted(TRAINING_TASKS))
@given(seed=st.integers(0, 2**32))
def test_training_only_draws_from_its_side(name: str, seed: int) -> None:
    item = training_task(name).sample(Random(seed))
    assert split_of(key_of(item)) == "training"


@pytest.mark.parametrize("name", sorted(FROZEN))
def test_suites_only_hold_the_other_side(name: str) -> None:
    keys = [key_of(item) for item in load_suite(name).items]
    assert all(split_of(key) == "evaluation" for key in keys)
    assert len(set(keys)) == len(keys)


def test_many_training_items_and_all_suites_have_no_id_or_prompt_in_common() -> None:
    frozen = [item for name in FROZEN for item in load_suite(name).items]
    generator = Random(1)
    drawn = [training_task(name).sample(generator) for name in training_task_names() for _ in range(300)]
    assert not {item.id for item in frozen} & {item.id for item in drawn}
    assert not {item.prompt for item in frozen} & {item.prompt for item in drawn}


def test_a_reordered_problem_has_the_same_id() -> None:
    first, second = countdown.problem([3, 9, 4], 5, "x"), countdown.problem([9, 4, 3], 5, "y")
    assert first.item.id == second.item.id
    assert first.prompt != second.prompt


@pytest.mark.parametrize("name", sorted(SKILLS))
def test_drawing_depends_on_its_generator_only(name: str) -> None:
    first = [draw(SKILLS[name].sample, Random(5), "training") for _ in range(2)]
    assert first[0] == first[1]
    assert draw(SKILLS[name].sample, Random(6), "training") != first[0]


def test_a_right_result_by_a_false_step_is_no_answer() -> None:
    assert settle(answer="7", steps_hold=True, result_right=True) == (True, "7")
    assert settle(answer="7", steps_hold=False, result_right=True) == (False, None)
    assert settle(answer="8", steps_hold=True, result_right=False) == (False, "8")
