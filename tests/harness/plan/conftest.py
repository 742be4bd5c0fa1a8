"""Plans as text, and what is said of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import PlanError
from harness.plan.resolve import Plan, load_plan

TEXT = """\
name: small
arms:
  - grpo
  - g2rl: {strength: 0.5}
baseline: grpo
seeds: 2
budget: {steps: 4}
checkpoints: 2
training:
  prompts_per_step: 2
  group_size: 4
  kl: 0
suites:
  - countdown: {samples: 2, primary: true}
  - sorting
controls: false
"""

Changes = tuple[str, str]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, offline."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return tmp_path


@pytest.fixture
def write() -> Callable[..., Path]:
    """Write plan.yaml: the text above, each (old, new) pair replaced in it once."""

    def write(*changes: Changes, text: str = TEXT) -> Path:
        for old, new in changes:
            assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in the plan"
            text = text.replace(old, new)
        path = Path("plan.yaml")
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def plan_with(write: Callable[..., Path]) -> Callable[..., Plan]:
    """Write and resolve a plan."""
    return lambda *changes: load_plan(write(*changes))


@pytest.fixture
def problems_with(write: Callable[..., Path]) -> Callable[..., list[str]]:
    """Write a plan that can't be run, and return what is said of it."""

    def problems_with(*changes: Changes, text: str = TEXT) -> list[str]:
        with pytest.raises(PlanError) as caught:
            load_plan(write(*changes, text=text))
        return caught.value.problems

    return problems_with
