"""A real run, made once by the real command and looked at by many tests."""

from __future__ import annotations

import gc
import hashlib
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import pytest

# No deadline: speed is not what tests are about. In CI the same examples each time: a red build must be red again.
hypothesis.settings.register_profile("here", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("here")

PLAN = """
name: demo
task: countdown
arms:
  - grpo
  - name: g2rl
    g2rl: {form: centred, uniform_group: zero}
controls: false
baseline: grpo
seeds: 2
budget: {steps: 6}
checkpoints: 2
training: {prompts_per_step: 2, group_size: 4, pool: 64}
suites:
  - sorting: {samples: 1, primary: true}
  - graphs: {samples: 1, at: ends}
"""


TUNED_PLAN = """
name: demo
arms:
  - grpo:
    grid: {learning_rate: [1e39, 1e-4, 2e-4]}  # the first is more than float32 holds: its trial fails
  - entropy_bonus
baseline: grpo
intervals: false
seeds: 1
budget: {steps: 2}
checkpoints: 1
training: {prompts_per_step: 2, group_size: 4, pool: 64}
suites: [sorting: {samples: 1}]
tuning:
  suite: {graphs-validation: {samples: 1}}
  budget: {steps: 9}
"""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what is only asked for by hand."""
    parser.addoption("--rewrite-golden", action="store_true", help="Write golden files anew from what is made now.")


def pytest_collection_finish() -> None:
    """Have the garbage collector leave alone what thousands of collected tests hold: looking through it takes 0.4 s."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With several processes, have one run all tests of a file, and one all that are about Slurm.

    So there is one cluster, and its tests, which mostly wait, go on beside the others, which compute.
    """
    from xdist.scheduler import LoadFileScheduling

    class OneCluster(LoadFileScheduling):  # type: ignore[misc]  # xdist is not looked into
        def _split_scope(self, nodeid: str) -> str:
            return "tests/slurm" if nodeid.startswith("tests/slurm/") else str(super()._split_scope(nodeid))

    return OneCluster(config, log)


@dataclass(frozen=True)
class Workplace:
    """A folder with a plan, and the command line in it."""

    folder: Path

    @property
    def plan(self) -> Path:
        return self.folder / "demo.yaml"

    @property
    def run(self) -> Path:
        return self.folder / "runs" / "demo"

    def command(self, *words: str) -> list[str]:
        return [str(Path(sys.executable).with_name("explorebench")), *words]

    def explorebench(self, *words: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "COLUMNS": "200"}
        return subprocess.run(
            self.command(*words), cwd=self.folder, capture_output=True, text=True, check=False, env=environment
        )

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a command in a process group of its own, as a terminal does.

        A shell that runs the tests in the background has them ignore Ctrl-C, and the command would inherit that.
        """
        return subprocess.Popen(
            ["env", "--default-signal=INT", *self.command(*words)],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def record_hashes(self) -> dict[str, str]:
        return record_hashes(self.run)


def record_hashes(run: Path) -> dict[str, str]:
    """Return the hash of each record of a run, by its place in the run's folder."""
    files = sorted(run.glob("cells/*/records/*.parquet"))
    return {str(f.relative_to(run)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


def workplace(folder: Path, plan: str = PLAN) -> Workplace:
    place = Workplace(folder)
    place.plan.write_text(plan)
    return place


@pytest.fixture
def fresh_workplace(tmp_path: Path) -> Workplace:
    """The same plan in a folder where nothing has run."""
    return workplace(tmp_path)


@pytest.fixture(scope="session")
def queued(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workplace, subprocess.CompletedProcess[str]]:
    """A finished, uninterrupted run of the plan, and what the command printed."""
    place = workplace(tmp_path_factory.mktemp("queued"))
    return place, place.explorebench("queue", "demo.yaml")


@pytest.fixture(scope="session")
def finished(queued: tuple[Workplace, subprocess.CompletedProcess[str]]) -> Workplace:
    """The finished run alone."""
    return queued[0]


@pytest.fixture
def fresh_tuned_workplace(tmp_path: Path) -> Workplace:
    """A plan with tuning in a folder where nothing has run."""
    return workplace(tmp_path, TUNED_PLAN)


@pytest.fixture(scope="session")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workplace, subprocess.CompletedProcess[str]]:
    """A finished, uninterrupted run of a plan with tuning, and what the command printed."""
    place = workplace(tmp_path_factory.mktemp("tuned"), TUNED_PLAN)
    return place, place.explorebench("queue", "demo.yaml")


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser; without one a test is skipped and says so, and where nothing may be skipped it fails."""
    import shutil

    found = shutil.which("chromium")
    if found is None:
        message = "no chromium on this machine: install it, or run .ci/machine as root"
        if os.environ.get("EXPLOREBENCH_NOTHING_SKIPPED"):
            pytest.fail(message)
        pytest.skip(message)
    return found
