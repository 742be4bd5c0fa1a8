"""What the documents say is there."""

from __future__ import annotations

import doctest
import re
from importlib import import_module
from pathlib import Path

import pytest

from harness.cli.main import DOORS

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")
COMMAND = re.compile(r"\bexplorebench ([a-z]+)")
MODULE = re.compile(r"python -m (benchmarks(?:\.\w+)?|suites(?:\.\w+)+|harness(?:\.\w+)+)")
STATISTICS = "aggregates consistency efficiency estimates intervals items multiplicity noise power rule"
DOCTESTED = [f"reports.statistics.{name}" for name in STATISTICS.split()]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    targets = LINK.findall(document.read_text(encoding="utf-8"))
    assert [target for target in targets if not (document.parent / target).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_commands_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    fenced = "\n".join(re.findall(r"```.*?```|`[^`\n]+`", text, re.S))
    assert set(COMMAND.findall(fenced)) <= DOORS.keys()
    for module in MODULE.findall(text):
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), module


@pytest.mark.parametrize("name", DOCTESTED)
def test_examples_in_docstrings_hold(name: str) -> None:
    result = doctest.testmod(import_module(name))
    assert result.attempted > 0
    assert result.failed == 0


def test_the_readmes_strategy_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from strategies import Rollouts

    block = re.search(r"```python\n(.+?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)
    assert block is not None
    (tmp_path / "my_package_of_the_readme.py").write_text(block[1])
    monkeypatch.syspath_prepend(tmp_path)
    example = import_module("my_package_of_the_readme")
    mask = torch.tensor([[1, 1, 1], [1, 0, 0]], dtype=torch.bool)
    rewards = torch.ones(2)
    rollouts = Rollouts(rewards=rewards, advantages=torch.zeros(2), group_size=2, completion_ids=mask.long(), mask=mask)
    shaped, _ = example.LengthPenalty(weight=0.1).shape(rollouts, {})
    assert shaped.advantages[0] < 0 < shaped.advantages[1], "the longer of two right answers is worth less"
