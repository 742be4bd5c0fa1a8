"""cluster.yaml: what it says, what is inherited, and what is wrong with it, by line."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import PlanError
from slurm.profile import find_profile, load_profile, overridden, written

WHOLE = """
partition: gpu
account: mine
time: 4:00:00
memory: 32G
cpus: 8
gpus: 1
modules: [cuda/12.4]
setup: ["source env.sh"]
sbatch: {mail-type: END}
evaluate: {partition: cpu, gpus: 0, time: 90min, memory: 500M}
probe: {time: 1}
"""


def file_with(folder: Path, text: str) -> Path:
    path = folder / "cluster.yaml"
    path.write_text(text)
    return path


def test_stages_inherit_what_they_do_not_say(tmp_path: Path) -> None:
    profile = load_profile(file_with(tmp_path, WHOLE))
    train, evaluate, probe = (profile.request(stage) for stage in ("train", "evaluate", "probe"))
    assert (train.partition, train.time_min, train.memory_gib, train.gpus) == ("gpu", 240, 32.0, 1)
    assert (evaluate.partition, evaluate.time_min, evaluate.gpus) == ("cpu", 90, 0)
    assert evaluate.memory_gib == pytest.approx(500 / 1024)
    assert (probe.partition, probe.time_min, probe.account) == ("gpu", 1, "mine")
    assert profile.request("all") == train
    assert (train.setup, train.modules, train.sbatch) == (("source env.sh",), ("cuda/12.4",), (("mail-type", "END"),))


def test_a_probe_is_short_unless_the_profile_says_otherwise(tmp_path: Path) -> None:
    assert load_profile(file_with(tmp_path, "time: 2d\ntrain: {time: 3d, gpus: 2}")).request("probe").time_min == 2
    assert load_profile(file_with(tmp_path, "train: {gpus: 2}")).request("probe").gpus == 2


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("30", 30), ("90min", 90), ("4h", 240), ("2d", 2880), ("4:00:00", 240), ("1-12:00:30", 2161), ("'0:10:00'", 10)],
)
def test_times_are_read_as_slurm_and_people_write_them(text: str, minutes: int, tmp_path: Path) -> None:
    assert load_profile(file_with(tmp_path, f"time: {text}")).request("train").time_min == minutes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("partition: gpu\nacount: mine", "line 2: acount: no such field. Did you mean 'account'?"),
        ("train:\n  gpu: 1", "line 2: train.gpu: no such field. Did you mean 'gpus'?"),
        ("time: 4:00", "line 1: time: expected a time such as 90min"),
        ("time: soon", "line 1: time: expected a time such as 90min"),
        ("memory: 32 apples", "line 1: memory: expected memory such as 32G or 500M; got '32 apples'"),
        ("cpus: 0", "line 1: cpus: expected at least 1; got 0"),
        ("sbatch: {partition: x}", "line 1: sbatch: partition has a field of its own: partition"),
        ("sbatch: {requeue: true}", "line 1: sbatch: requeue is set by explorebench"),
        ("- partition", "expected fields such as partition, time and memory"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, expected: str, tmp_path: Path) -> None:
    with pytest.raises(PlanError) as caught:
        load_profile(file_with(tmp_path, text))
    assert expected in str(caught.value)
    assert str(tmp_path / "cluster.yaml") in str(caught.value)


def test_an_empty_profile_is_the_defaults(tmp_path: Path) -> None:
    request = load_profile(file_with(tmp_path, "# nothing\n")).request("train")
    assert (request.time_min, request.cpus, request.partition) == (240, 1, None)


def test_the_profile_beside_the_plan_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "plans").mkdir()
    monkeypatch.chdir(tmp_path)
    assert find_profile(tmp_path / "plans" / "p.yaml") is None
    here = file_with(tmp_path, "")
    assert find_profile(tmp_path / "plans" / "p.yaml") == here.relative_to(tmp_path)
    beside = file_with(tmp_path / "plans", "")
    assert find_profile(tmp_path / "plans" / "p.yaml") == beside


@pytest.mark.parametrize(("minutes", "signal"), [(240, 90), (2, 30), (1, 15)])
def test_a_short_job_keeps_most_of_its_time(minutes: int, signal: int, tmp_path: Path) -> None:
    assert load_profile(file_with(tmp_path, f"time: {minutes}")).request("train").signal_s == signal


def test_a_profile_is_kept_with_what_was_typed_over_it(tmp_path: Path) -> None:
    profile = load_profile(file_with(tmp_path, WHOLE))
    kept = overridden(profile, {"partition": "other", "time": 20, "qos": None})
    again = load_profile(file_with(tmp_path, written(kept)))
    assert again == kept
    assert {again.request(stage).partition for stage in ("train", "evaluate", "probe")} == {"other"}
    assert [again.request(stage).time_min for stage in ("train", "evaluate", "probe")] == [20, 20, 1]
    assert load_profile(file_with(tmp_path, written(profile))) == profile
