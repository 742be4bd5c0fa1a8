"""`queue --on slurm` and `doctor` on a real cluster, as a user types them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from harness.store.atomic import read_lines
from harness.store.attempts import read_attempts
from harness.store.paths import RunPaths
from harness.store.stages import STAGES
from slurm.code import PACKAGES, code_files, code_root
from slurm.submitted import read_submitted
from tests.conftest import PLAN, TUNED_PLAN, Workplace, workplace
from tests.slurm.cluster.faults import FaultyCluster

PROFILE = "memory: 1G\ntime: 10\n"


def typed(place: Workplace, cluster: FaultyCluster, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        place.command(*words), cwd=place.folder, env=environment(cluster), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def environment(cluster: FaultyCluster) -> dict[str, str]:
    paths = [str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**cluster.environ(), "PYTHONPATH": os.pathsep.join(paths), "COLUMNS": "200"}


def said(place: Workplace, cluster: FaultyCluster, *words: str) -> tuple[int, str]:
    process = typed(place, cluster, *words)
    output, _ = process.communicate()
    return process.returncode, output


def wait_for_jobs(cluster: FaultyCluster, name: str = "demo") -> None:
    def over() -> bool:
        return not [line for line in cluster.command("squeue", "-h", "-o", "%j").splitlines() if line.startswith(name)]

    cluster.wait_for("the jobs to be over", over, seconds=600)


def states(place: Workplace, cluster: FaultyCluster) -> list[str]:
    _, output = said(place, cluster, "status", "runs/demo", "--json")
    return [row["state"] for row in json.loads(output)]


def accounted(cluster: FaultyCluster, job: str, column: str) -> str:
    """Return what Slurm has written down of a job itself, as soon as it has."""
    return cluster.wait_for("its accounting", lambda: next(iter(cluster.accounted(job, column)), [""])[0])


def threads_of(place: Workplace) -> int:
    file = next(place.run.glob("cells/*/cell.json"))
    return int(json.loads(file.read_text())["fingerprint"]["threads"])


def test_a_run_on_slurm_is_the_local_run_byte_for_byte(
    cluster: FaultyCluster, tmp_path: Path, finished: Workplace
) -> None:
    """Queued from two shells at once, with the code changed in between: each cell is sent once."""
    place = workplace(tmp_path)
    (tmp_path / "cluster.yaml").write_text(f"{PROFILE}cpus: {threads_of(finished)}\n")
    shells = [typed(place, cluster, "queue", "demo.yaml", "--on", "slurm", "--no-preflight") for _ in range(2)]
    outputs = [shell.communicate()[0] for shell in shells]
    assert [shell.returncode for shell in shells] == [0, 0], outputs
    assert sorted("6 jobs queued" in output for output in outputs) == [False, True], outputs
    assert any("6 cells are in the queue already" in output for output in outputs) or states(place, cluster)
    sent = read_submitted(RunPaths(place.run))
    assert len({one.cell for one in sent}) == len(sent) == 6
    wait_for_jobs(cluster)
    assert states(place, cluster) == ["done"] * 6
    assert place.record_hashes() == finished.record_hashes()
    assert {len(list(folder.glob("*.json"))) for folder in place.run.glob("cells/*/attempts")} == {1}
    (code,) = (place.run / "code").iterdir()
    taken = json.loads((code / "snapshot.json").read_text())["code"]
    prints = [json.loads(file.read_text())["fingerprint"] for file in place.run.glob("cells/*/cell.json")]
    assert [one["code"] for one in prints] == [taken] * 6
    assert said(place, cluster, "queue", "demo.yaml", "--on", "slurm")[1].count("0 jobs queued") == 1


PENDING = "PENDING"
SEPARATE = f"{PLAN}evaluation: {{separate: true}}\n"


def test_training_and_evaluating_in_jobs_of_their_own_gives_the_same_records(
    cluster: FaultyCluster, tmp_path: Path, finished: Workplace
) -> None:
    place = workplace(tmp_path, SEPARATE)
    (tmp_path / "cluster.yaml").write_text(f"{PROFILE}cpus: {threads_of(finished)}\nevaluate: {{partition: low}}\n")
    code, output = said(place, cluster, "queue", "demo.yaml", "--on", "slurm", "--no-preflight")
    assert code == 0, output
    assert re.search(
        r"array (\d+): 4 x train\narray \d+: 4 x evaluate, each after its job in \1\n10 jobs queued", output
    )
    wait_for_jobs(cluster)
    assert states(place, cluster) == ["done"] * 6
    assert place.record_hashes() == finished.record_hashes()
    jobs = {one.name: one.stage for one in read_submitted(RunPaths(place.run))}
    used = {stage: {accounted(cluster, name, "Partition") for name in jobs if jobs[name] == stage} for stage in STAGES}
    assert used == {"train": {"main"}, "evaluate": {"low"}, "all": set()}


def test_what_could_not_be_trained_is_not_evaluated(cluster: FaultyCluster, tmp_path: Path) -> None:
    place = workplace(tmp_path, SEPARATE.replace("training: {", "training: {learning_rate: 1e39, "))
    (tmp_path / "cluster.yaml").write_text(PROFILE)
    code, output = said(place, cluster, "queue", "demo.yaml", "--on", "slurm", "--no-preflight")
    assert code == 0, output
    wait_for_jobs(cluster)
    assert sorted(set(states(place, cluster))) == ["done", "failed"], "the base model needs no training"
    after = re.findall(r"array (\d+): 4 x evaluate, each after", output)
    assert len(after) == 1
    ended = cluster.wait_for(  # accounting hears of it a little after the queue
        "its end to be accounted",
        lambda: state if (state := accounted(cluster, f"{after[0]}_0", "State")) != PENDING else "",
    )
    assert ended.startswith("CANCELLED"), "it doesn't wait for ever"


def test_a_working_tree_that_is_edited_changes_no_job_that_is_queued(cluster: FaultyCluster, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    for name in code_files(code_root()):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(code_root() / name, tree / name)
    place = workplace(tmp_path, PLAN.replace("seeds: 2", "seeds: 1\nintervals: false"))
    (tmp_path / "cluster.yaml").write_text(f"{PROFILE}sbatch: {{hold: true}}\n")
    done = subprocess.run(
        place.command("queue", "demo.yaml", "--on", "slurm", "--no-preflight"), cwd=tmp_path, capture_output=True,
        text=True, check=False, env={**environment(cluster), "PYTHONPATH": str(tree)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for package in PACKAGES:
        (tree / package / "__init__.py").write_text("raise RuntimeError('half an edit')\n")
    (number,) = {one.job for one in read_submitted(RunPaths(place.run))}
    cluster.command("scontrol", "release", number)
    wait_for_jobs(cluster)
    assert states(place, cluster) == ["done"] * 3


def test_no_more_is_sent_than_the_quality_of_service_takes(cluster: FaultyCluster, tmp_path: Path) -> None:
    place = workplace(tmp_path, PLAN.replace("seeds: 2", "seeds: 4"))
    (tmp_path / "cluster.yaml").write_text(f"{PROFILE}qos: tight\nsbatch: {{hold: true}}\n")
    code, output = said(place, cluster, "queue", "demo.yaml", "--on", "slurm", "--no-preflight")
    assert code == 0, output
    assert "10 jobs queued\n2 cells left out: the queue has no more room for you; later: explorebench queue" in output
    cluster.scancel(read_submitted(RunPaths(place.run))[0].job)


def test_a_cell_that_runs_is_cancelled_and_resumed(cluster: FaultyCluster, tmp_path: Path) -> None:
    plan = PLAN.replace("budget: {steps: 6}", "budget: {steps: 200}").replace("seeds: 2", "seeds: 1\nintervals: false")
    place = workplace(tmp_path, plan)
    (tmp_path / "cluster.yaml").write_text(PROFILE)
    code, output = said(place, cluster, "queue", "demo.yaml", "--on", "slurm", "--no-preflight")
    assert code == 0, output
    run = RunPaths(place.run)
    paths = run.cell(next(one.cell for one in read_submitted(run) if "grpo" in one.cell))
    cluster.wait_for("a few steps", lambda: len(read_lines(paths.train)) >= 3, seconds=300)
    code, output = said(place, cluster, "cancel", "runs/demo", "--arm", "grpo")
    assert code == 0, output
    assert "1 of 1 cells are to rest; 1 of them run and stop at their next step\n1 jobs cancelled: " in output
    cluster.wait_for("its end", lambda: read_attempts(paths)[0].ended, seconds=120)
    (attempt,) = read_attempts(paths)
    assert attempt.cause is not None
    assert (attempt.outcome, attempt.cause["kind"]) == ("interrupted", "cancelled")
    reached = len(read_lines(paths.train))
    assert 3 <= reached < 200
    _, output = said(place, cluster, "status", "runs/demo")
    assert "grpo seed 0: cancelled, " in output
    others = [line for line in output.splitlines() if not line.startswith("grpo")]
    assert not any("cancelled" in line for line in others), "other arms' jobs are left alone"
    code, output = said(place, cluster, "resume", "runs/demo", "--arm", "grpo", "--on", "slurm")
    assert code == 0, output
    assert "1 cells that were cancelled go on" in output
    assert "1 jobs queued" in output
    wait_for_jobs(cluster)
    assert set(states(place, cluster)) == {"done"}
    assert read_attempts(paths)[-1].resumed_from_step == reached, "where it stood is where it goes on"


def test_trials_go_first_and_a_job_sends_the_cells_that_wait_for_them(cluster: FaultyCluster, tmp_path: Path) -> None:
    place = workplace(tmp_path, TUNED_PLAN)
    (tmp_path / "cluster.yaml").write_text(PROFILE)
    code, output = said(place, cluster, "queue", "demo.yaml", "--on", "slurm", "--no-preflight")
    assert code == 0, output
    assert "sends them when the trials are over" in output
    wait_for_jobs(cluster)
    found = json.loads(said(place, cluster, "status", "runs/demo", "--json")[1])
    trials = [row["state"] for row in found if row["trial"]]
    assert trials == ["failed", "done", "done"], "one of the points can't be trained with"
    assert {row["state"] for row in found if not row["trial"]} == {"done"}
    assert {"grpo", "entropy_bonus"} <= {row["arm"] for row in found if not row["trial"]}


def test_a_probe_is_sent_first_and_the_scripts_are_those_of_the_dry_run(cluster: FaultyCluster, tmp_path: Path) -> None:
    place = workplace(tmp_path)
    (tmp_path / "cluster.yaml").write_text(f"{PROFILE}sbatch: {{hold: true}}\nprobe: {{sbatch: {{hold: false}}}}\n")
    code, output = said(place, cluster, "queue", "demo.yaml", "--on", "slurm", "--dry-run")
    assert code == 0, output
    assert "6 jobs in 1 array; nothing is sent" in output
    assert "limits: none is hit" in output
    code, output = said(place, cluster, "queue", "demo.yaml", "--on", "slurm")
    assert code == 0, output
    for what in ("code:", "imports: all", "device: CPU", "plan and data: model", "shared folder: written and read"):
        assert f"  ok      {what}" in output
    (number,) = {one.job for one in read_submitted(RunPaths(place.run))}
    dry = (place.run / "jobs" / "dry-run" / "0-all.sh").read_text()
    assert (place.run / "jobs" / f"{number}_submission.sh").read_text() == dry
    assert not list((place.run / "jobs" / "probes").iterdir())
    cluster.scancel(number)


def test_a_node_that_is_unfit_stops_the_submission_with_the_cause(cluster: FaultyCluster, tmp_path: Path) -> None:
    place = workplace(tmp_path)
    (tmp_path / "cluster.yaml").write_text(f"{PROFILE}python: /usr/bin/false\n")
    code, output = said(place, cluster, "queue", "demo.yaml", "--on", "slurm")
    assert code == 2
    assert "died on its node; nothing was sent" in output
    assert read_submitted(RunPaths(place.run)) == []


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ("partition: mian", "all jobs: no partition 'mian' for you on this cluster. Did you mean 'main'?"),
        ("account: explroe", "all jobs: no account 'explroe' for you on this cluster. Did you mean 'explore'?"),
        ("qos: tihgt", "all jobs: no qos 'tihgt' for you on this cluster. Did you mean 'tight'?"),
        ("cpus: 5", "all jobs: cpus: 5 a node is more than any node of partition main has; at most 4"),
        ("memory: 1T", "all jobs: memory: 1024 GiB is more than any node of partition main has; at most memory: 9G"),
        ("gpus: 1", "all jobs: gpus: 1 a node is more than any node of partition main has; at most 0"),
        ("time: 2d", "all jobs: time: 2,880 min is more than partition main allows, 1,440 min"),
        ("nodes: 3", "all jobs: 3 ranks can't share the 8 rollouts of an update evenly, each one or more of them"),
        ("acount: me", "cluster.yaml, line 1: acount: no such field. Did you mean 'account'?"),
    ],
)
def test_what_would_never_start_is_said_before_anything_is_sent(
    profile: str, expected: str, cluster: FaultyCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from click.testing import CliRunner

    from harness.cli import main

    place = workplace(tmp_path)
    (tmp_path / "cluster.yaml").write_text(profile)
    monkeypatch.setenv("SLURM_CONF", cluster.environment["SLURM_CONF"])
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["queue", "demo.yaml", "--on", "slurm"])
    assert done.exit_code == 2
    assert f"error: {expected}" in done.output
    assert not place.run.exists()


def test_the_doctor_says_what_the_cluster_has(cluster: FaultyCluster, tmp_path: Path) -> None:
    place = workplace(tmp_path)
    (tmp_path / "cluster.yaml").write_text(f"{PROFILE}train: {{partition: low}}\nevaluate: {{partition: abrupt}}\n")
    code, output = said(place, cluster, "doctor", "--on", "slurm")
    assert code == 0, output
    assert "fit; Slurm says: Job" in output
    assert "preemption in low" in output
    assert "s before, and save at their next step" in output
    assert "its jobs are killed 3 sec after the first notice" in output, "abrupt has no grace"
    assert "only what was sealed is kept" in output
    (tmp_path / "cluster.yaml").write_text("cpus: 99\n")
    code, output = said(place, cluster, "doctor", "demo.yaml", "--on", "slurm", "--json")
    assert code == 1
    assert {row["level"] for row in json.loads(output) if row["what"] == "all jobs"} == {"problem"}


def test_a_machine_without_slurm_is_told(tmp_path: Path) -> None:
    place = workplace(tmp_path)
    bare = {"PATH": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2]), "HOME": str(tmp_path)}
    command = place.command("queue", "demo.yaml", "--on", "slurm")
    done = subprocess.run(command, cwd=place.folder, env=bare, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "no Slurm here: sbatch, squeue, scontrol not found on the PATH" in done.stderr
    assert "leave out --on slurm to run on this machine" in done.stderr
