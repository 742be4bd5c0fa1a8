"""From a spec to a strategy: what a wrong one is told, and strategies that other packages bring."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from strategies import SettingValue, Strategy, StrategyError, build, describe, known_strategies, label, registry
from strategies.combinators.hybrid import Hybrid
from strategies.controls.grpo import GRPO
from strategies.gradient.g2rl import G2RL
from strategies.registry import STRATEGIES
from strategies.tokens.entropy_bonus import EntropyBonus

KNOWN = f"Known: {', '.join(sorted(STRATEGIES))}"


@pytest.mark.parametrize("spec", ["g2rl", {"g2rl": None}, {"g2rl": {}}])
def test_a_name_alone_takes_every_default(spec: object) -> None:
    assert build(spec) == G2RL()


def test_parts_are_built_from_their_own_specs() -> None:
    spec = {"hybrid": {"primary": {"g2rl": {"strength": 1}}, "hedge": "entropy_bonus", "share": 0}}
    assert build(spec) == Hybrid(primary=G2RL(strength=1.0), hedge=EntropyBonus(), share=0.0)


@pytest.mark.parametrize(
    ("spec", "message", "at"),
    [
        ("g2r", f"no strategy named 'g2r'. Did you mean 'g2rl'? {KNOWN}", ()),
        ("zzz", f"no strategy named 'zzz'. {KNOWN}", ()),
        (
            {"g2rl": {"strenght": 1}},
            "g2rl: no parameter named 'strenght'. Did you mean 'strength'? Known: "
            "clip, cosine, dimension, encoder, form, layers, reference, signal, strength, uniform_group",
            ("g2rl", "strenght"),
        ),
        ({"grpo": {"clip": 1}}, "grpo: no parameter named 'clip'. Known: none", ("grpo", "clip")),
        (
            {"g2rl": {1: 2}},
            "g2rl: no parameter named '1'. Known: "
            "clip, cosine, dimension, encoder, form, layers, reference, signal, strength, uniform_group",
            ("g2rl", "1"),
        ),
        (
            {"g2rl": {"strength": "0.3"}},
            "g2rl.strength: expected a valid number; got '0.3'",
            ("g2rl", "strength"),
        ),
        ({"g2rl": {"strength": True}}, "g2rl.strength: expected a valid number; got True", ("g2rl", "strength")),
        (
            {"g2rl": {"clip": float("inf")}},
            "g2rl.clip: expected a finite number; got inf",
            ("g2rl", "clip"),
        ),
        (
            {"with_resets": {"strategy": "grpo", "every_steps": 2.5}},
            "with_resets.every_steps: expected a valid integer; got 2.5",
            ("with_resets", "every_steps"),
        ),
        ({"hybrid": {"primary": "grpo"}}, "hybrid needs hedge", ()),
        ({"hybrid": {}}, "hybrid needs primary, hedge", ()),
        (
            {"hybrid": {"primary": {"with_resets": {"strategy": "gpro"}}, "hedge": "grpo"}},
            f"no strategy named 'gpro'. Did you mean 'gspo' or 'grpo'? {KNOWN}",
            ("hybrid", "primary", "with_resets", "strategy"),
        ),
        (
            {"hybrid": {"primary": 3, "hedge": "grpo"}},
            "expected a strategy's name, or one name with its parameters; got 3",
            ("hybrid", "primary"),
        ),
        (
            {"g2rl": {}, "grpo": {}},
            "expected a strategy's name, or one name with its parameters; got {'g2rl': {}, 'grpo': {}}",
            (),
        ),
        ({"g2rl": [1]}, "expected a strategy's name, or one name with its parameters; got {'g2rl': [1]}", ()),
        (
            {"entropy_bonus": {"coefficient": -1}},
            "entropy_bonus: coefficient must be at least 0, got -1.0",
            (),
        ),
    ],
)
def test_a_wrong_spec_is_told_what_and_where(spec: object, message: str, at: tuple[str, ...]) -> None:
    with pytest.raises(StrategyError) as caught:
        build(spec)
    assert (str(caught.value), caught.value.at) == (message, at)


@dataclass(frozen=True, kw_only=True)
class Meddler(Strategy):
    """Reaches for a setting that is the plan's."""

    def trainer_settings(self) -> dict[str, SettingValue]:
        return {"learning_rate": 1.0}


@dataclass(frozen=True, kw_only=True)
class Listed(Strategy):
    """Has a parameter whose default is made anew each time."""

    sizes: list[int] = field(default_factory=lambda: [1, 2])


def registered(monkeypatch: pytest.MonkeyPatch, *names: tuple[str, str]) -> None:
    """Stand in for installed packages: entry points by name, their values in this module."""
    monkeypatch.setitem(sys.modules, "another_package", sys.modules[__name__])
    entries = [EntryPoint(name, value, registry.ENTRY_POINTS) for name, value in names]
    monkeypatch.setattr(registry, "entry_points", lambda group: [e for e in entries if e.group == group])


def test_a_setting_that_is_not_a_strategys_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    registered(monkeypatch, ("meddler", "another_package:Meddler"))
    with pytest.raises(StrategyError, match=r"meddler: meddler sets 'learning_rate', which no strategy may; allowed:"):
        build("meddler")


def test_a_default_that_is_made_anew_is_a_default(monkeypatch: pytest.MonkeyPatch) -> None:
    registered(monkeypatch, ("listed", "another_package:Listed"))
    assert label(build("listed")) == "listed"
    assert describe(build("listed")) == {"listed": {"sizes": [1, 2]}}
    assert label(build({"listed": {"sizes": [3]}})) == "listed(sizes=[3])"


def test_packages_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    registered(monkeypatch, ("listed", "another_package:Listed"), ("meddler", "another_package:Meddler"))
    assert list(known_strategies()) == [*registry.STRATEGIES, "listed", "meddler"]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("grpo", "another_package:Listed", "takes the name 'grpo', which is in use"),
        ("function", "another_package:registered", "is not a subclass of Strategy"),
        ("absent", "no_such_package:Thing", "failed: ModuleNotFoundError: No module named 'no_such_package'; mend or"),
    ],
)
def test_an_entry_point_that_is_no_strategy_is_named(
    name: str, value: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    registered(monkeypatch, (name, value))
    with pytest.raises(StrategyError, match=f"entry point .*{value}.* {message}"):
        build("grpo")


def test_registering_the_same_class_again_is_no_clash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "another_package", sys.modules[__name__])
    registered(monkeypatch, ("grpo", "strategies.controls.grpo:GRPO"))
    assert known_strategies()["grpo"] is GRPO


MODULE = '''
"""A strategy in a package of its own."""

from dataclasses import dataclass
from typing import ClassVar

from strategies import Rollouts, Shaped, State, Strategy


@dataclass(frozen=True, kw_only=True)
class Louder(Strategy):
    """GRPO's advantages, louder."""

    family: ClassVar[str] = "test"
    summary: ClassVar[str] = "advantages times a gain"

    gain: float = 2.0

    def shape(self, rollouts: Rollouts, state: State) -> tuple[Shaped, State]:
        return Shaped(advantages=self.gain * rollouts.advantages), state
'''

PLAN = """
name: others
arms:
  - grpo
  - louder: {gain: 3}
  - with_resets: {strategy: louder, action: optimizer}
controls: false
baseline: grpo
seeds: 2
budget: {steps: 2}
checkpoints: 1
training: {prompts_per_step: 2, group_size: 2}
suites: [sorting]
"""


@pytest.fixture
def other_package(tmp_path: Path) -> dict[str, str]:
    """Install a distribution with a strategy, and return the environment that sees it."""
    site = tmp_path / "site"
    info = site / "explorebench_louder-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "explorebench_louder.py").write_text(MODULE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: explorebench-louder\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        textwrap.dedent("""\
        [explorebench.strategies]
        louder = explorebench_louder:Louder
        """)
    )
    path = os.pathsep.join(part for part in (str(site), os.environ.get("PYTHONPATH")) if part)
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}


def test_a_strategy_of_another_package_stands_in_a_plan(other_package: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text(PLAN)
    command: list[Any] = [sys.executable, "-c", "from harness.cli import main; main()", "check", "plan.yaml"]
    done = subprocess.run(command, cwd=tmp_path, env=other_package, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "others: 4 arms x 2 seeds = 8 cells" in done.stdout
    assert "louder(gain=3.0), seed 1" in done.stdout
    assert "with_resets(louder, action=optimizer), seed 0" in done.stdout
