"""YAML with the line of each part, and numbers as everybody writes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.errors import PlanError
from harness.plan.source import Source, read_source

NESTED = """\
# a comment
name: a
arms:
  - grpo

  - hybrid:
      primary: g2rl
      hedge: {entropy_bonus: {
        coefficient: 1}}
training:
  kl: 0
"""


@pytest.fixture
def source() -> Source:
    path = Path("plan.yaml")
    path.write_text(NESTED)
    return read_source(path)


@pytest.mark.parametrize(
    ("location", "where"),
    [
        ((), "line 2: plan"),
        (("name",), "line 2: name"),
        (("arms",), "line 3: arms"),
        (("arms", 0), "line 4: arms[0]"),
        (("arms", 1), "line 6: arms[1]"),
        (("arms", 1, "hybrid", "primary"), "line 7: arms[1].hybrid.primary"),
        (("arms", 1, "hybrid", "hedge", "entropy_bonus", "coefficient"), "line 9: arms[1].hybrid.hedge.entropy_bonus"),
        (("training", "kl"), "line 11: training.kl"),
    ],
)
def test_each_part_has_its_line(location: tuple[str | int, ...], where: str, source: Source) -> None:
    assert source.where(location).startswith(f"plan.yaml, {where}")


def test_a_part_that_is_not_there_has_the_line_of_what_holds_it(source: Source) -> None:
    assert source.where(("training", "group_size")) == "plan.yaml, line 10: training.group_size"
    assert source.where(("arms", 7)) == "plan.yaml, line 3: arms[7]"


def test_a_line_may_be_of_a_part_inside_what_is_named(source: Source) -> None:
    assert source.where(("arms", 1), ("hybrid", "hedge", "nothing")) == "plan.yaml, line 8: arms[1]"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("1e-4", 1e-4),
        ("1E4", 1e4),
        ("-2e+3", -2000.0),
        ("1.5e-3", 1.5e-3),
        ("1.e2", 100.0),
        (".5", 0.5),
        ("-0.5", -0.5),
        ("1.", 1.0),
        ("300_000", 300_000),
        ("1_000.5", 1000.5),
        ("3", 3),
        ("0", 0),
        ("e4", "e4"),
        ("1e", "1e"),
        ("v1.2", "v1.2"),
        ("1.2.3", "1.2.3"),
        ("'1e-4'", "1e-4"),
        ("true", True),
        ("null", None),
    ],
)
def test_numbers_are_what_they_look_like(written: str, read: Any) -> None:
    path = Path("plan.yaml")
    path.write_text(f"value: {written}\n")
    value = read_source(path).data["value"]
    assert value == read
    assert type(value) is type(read)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\nb: 2\na: 3\n", "plan.yaml, line 3: 'a' stands twice"),
        ("a:\n  b: 1\n  b: 1\n", "plan.yaml, line 3: 'b' stands twice"),
        ("- {a: 1, a: 2}\n", "plan.yaml, line 1: 'a' stands twice"),
        ("name: a\nb:\n\t- c\n", r"plan.yaml, line 3: not YAML: found character '\t' that cannot start any token; "),
        ("name: [a\nb: c\n", "plan.yaml, line 2: not YAML: expected ',' or ']', but got ':'"),
        ("a: 1\n---\nb: 2\n", "plan.yaml, line 2: not YAML: but found another document"),
        ("a: 1\n? [b, c]\n: 2\n", "plan.yaml, line 2: not YAML: found unhashable key"),
        ("a: !python/object:os.system b\n", "plan.yaml, line 1: not YAML: could not determine a constructor"),
        ("a: 1\nb: \x01\n", "plan.yaml, line 2: not YAML: special characters are not allowed (#x0001)"),
    ],
)
def test_what_is_not_a_plan_is_told_with_its_line(text: str, problem: str) -> None:
    path = Path("plan.yaml")
    path.write_text(text)
    with pytest.raises(PlanError) as caught:
        read_source(path)
    assert str(caught.value).startswith(problem)


def test_every_key_that_stands_twice_is_named() -> None:
    path = Path("plan.yaml")
    path.write_text("a: 1\na: 2\nb: {c: 1, c: 2}\n")
    with pytest.raises(PlanError) as caught:
        read_source(path)
    assert caught.value.problems == ["plan.yaml, line 2: 'a' stands twice", "plan.yaml, line 3: 'c' stands twice"]


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda path: None, "plan.yaml: can't be read: No such file or directory"),
        (lambda path: path.mkdir(), "plan.yaml: can't be read: Is a directory"),
        (lambda path: path.write_bytes(b"name: \xff\n"), "plan.yaml: not a text file in UTF-8 (byte 6)"),
    ],
    ids=["absent", "folder", "binary"],
)
def test_a_file_that_can_not_be_read(make: Callable[[Path], None], problem: str) -> None:
    path = Path("plan.yaml")
    make(path)
    with pytest.raises(PlanError) as caught:
        read_source(path)
    assert caught.value.problems == [problem]
