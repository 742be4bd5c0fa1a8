"""What sacct printed on a real cluster (22.05), and what becomes of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from harness.cli import main
from harness.store import attempts
from harness.store.attempts import Attempt
from harness.store.lease import GONE
from harness.store.paths import RunPaths
from slurm.accounting import Accounted, AccountingError, account, parsed, run_of
from slurm.causes import diagnose, ended

PRINTED = """\
22159011|COMPLETED|0:0|10|00:05.910||4G|billing=1,cpu=1,mem=4G,node=1|0|22159011
22159011.batch|COMPLETED|0:0|10|00:00.008|12300K||cpu=1,mem=4G,node=1|0|22159011.batch
22159011.0|COMPLETED|0:0|10|00:05.901|589988K||cpu=1,mem=4G,node=1|0|22159011.0
22159013|PREEMPTED|0:0|21|00:01.000||512M|cpu=1||22159012_1
22159013.0|CANCELLED|0:9|25|00:01.000|11220K||||22159012_1.0
22159012|TIMEOUT|0:0|90061|1-01:01:01||4Gn||1500|22159012_0
22159012.0|CANCELLED|0:15|90061|1-01:01:01|1.5G|||1500|22159012_0.0
22159013|COMPLETED|0:0|60|00:50.000||512M|cpu=1||22159012_1
22159013.0|COMPLETED|0:0|59|00:50.000|21220K||||22159012_1.0
"""
KILLED = """\
32287014|FAILED|9:0|3|00:00.100||100M|cpu=1||32287014
32287014.batch|FAILED|9:0|3|00:00.010|12260K||||32287014.batch
32287014.0|CANCELLED by 0|0:9|2|00:00.090|173360K||||32287014.0
"""


def test_a_job_is_its_steps_summed_up() -> None:
    found = parsed(PRINTED)
    assert set(found) == {"22159011", "22159012", "22159013", "22159012_0", "22159012_1"}
    assert found["22159011"] == [
        Accounted(
            state="COMPLETED",
            exit_code="0:0",
            elapsed_s=10.0,
            cpu_s=pytest.approx(5.91),  # type: ignore[arg-type]
            max_rss_bytes=589988 * 1024,
            asked_bytes=4 * 2**30,
            allocated="billing=1,cpu=1,mem=4G,node=1",
            energy_joules=None,
        )
    ], "no energy plugin: unknown, not 0"
    (other,) = found["22159012"]
    assert (other.cpu_s, other.energy_joules, other.asked_bytes) == (90061.0, 1500.0, 4 * 2**30)
    assert other.max_rss_bytes == int(1.5 * 2**30)


def test_a_job_that_was_requeued_is_counted_run_by_run() -> None:
    runs = parsed(PRINTED)["22159012_1"]
    assert [(run.state, run.elapsed_s, run.max_rss_bytes) for run in runs] == [
        ("PREEMPTED", 21.0, 11220 * 1024),
        ("COMPLETED", 60.0, 21220 * 1024),
    ]
    assert run_of(attempt(job="22159013", restart=1), {"22159013": runs}) == runs[1]
    assert run_of(attempt(job="22159013", restart=2), {"22159013": runs}) is None, "not written yet"
    assert run_of(attempt(job=None), {"22159013": runs}) is None


def test_a_job_without_steps_has_unknown_memory() -> None:
    (found,) = parsed("5|PENDING|0:0|0|||16?|billing=1||5\n")["5"]
    assert (found.max_rss_bytes, found.cpu_s, found.energy_joules, found.asked_bytes) == (None, None, None, None)
    assert not found.over


def attempt(**changes: Any) -> Attempt:
    fields: dict[str, Any] = {"attempt": 1, "host": "node1", "pid": 1, "pid_started": "1", "started": 0.0, "job": "7"}
    return Attempt(**{**fields, **changes})


@pytest.mark.parametrize(
    ("state", "outcome", "kind"),
    [
        ("OUT_OF_MEMORY", "failed", "out of memory"),
        ("TIMEOUT", "interrupted", "time limit"),
        ("PREEMPTED", "interrupted", "preempted"),
        ("REQUEUED", "interrupted", "requeued"),
        ("NODE_FAIL", "interrupted", "node failure"),
        ("CANCELLED by 0", "interrupted", "cancelled"),
        ("FAILED", "interrupted", "killed"),
    ],
)
def test_causes_are_told_apart(state: str, outcome: str, kind: str) -> None:
    (found,) = parsed(f"7|{state}|0:9|3|00:01.0|50M|100M|cpu=1||7\n")["7"]
    end = ended(found, "7")
    assert end is not None
    assert (end[0], end[1]["kind"]) == (outcome, kind)


def test_killed_over_its_memory_without_cgroups_is_out_of_memory() -> None:
    (found,) = parsed(KILLED)["32287014"]
    assert ended(found, "32287014") == (
        "failed",
        {
            "kind": "out of memory",
            "message": "169 MiB of the 100 MiB asked for (Slurm says FAILED, exit code 9:0), job 32287014",
        },
    )


def test_a_job_that_goes_on_has_not_ended() -> None:
    (found,) = parsed("7|RUNNING|0:0|3|||100M|cpu=1||7\n")["7"]
    assert ended(found, "7") is None


def test_without_accounting_a_killed_attempt_was_killed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert diagnose(attempt()) == GONE


def test_an_attempt_knows_its_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "22159011")
    cell = RunPaths(tmp_path).cell("one")
    attempts.begin(cell)
    assert attempts.read_attempts(cell)[0].job == "22159011"
    sacct = tmp_path / "bin" / "sacct"
    sacct.parent.mkdir()
    sacct.write_text(f"#!/bin/sh\ncat <<'E'\n{PRINTED}E\n")
    sacct.chmod(0o755)
    monkeypatch.setenv("PATH", str(sacct.parent), prepend=":")
    assert set(account(RunPaths(tmp_path))) == {"22159011"}
    assert json.loads(RunPaths(tmp_path).accounting.read_text())["22159011"][0]["elapsed_s"] == 10.0


def test_a_run_without_jobs_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    attempts.begin(RunPaths(tmp_path).cell("one"))
    done = CliRunner().invoke(main, ["account", str(tmp_path)])
    assert done.exit_code == 2
    assert "no attempt ran in a Slurm job" in done.output


def test_a_machine_without_slurm_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "1")
    attempts.begin(RunPaths(tmp_path).cell("one"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AccountingError, match="sacct not found on the PATH"):
        account(RunPaths(tmp_path))
