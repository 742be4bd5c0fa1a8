"""What sacct printed on a real cluster (22.05), and what becomes of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli import main
from harness.store import attempts
from harness.store.paths import RunPaths
from slurm.accounting import Accounted, AccountingError, account, parsed

PRINTED = """\
22159011|COMPLETED|10|00:05.910||billing=1,cpu=1,mem=4G,node=1|0
22159011.batch|COMPLETED|10|00:00.008|12300K|cpu=1,mem=4G,node=1|0
22159011.0|COMPLETED|10|00:05.901|589988K|cpu=1,mem=4G,node=1|0
22159012|TIMEOUT|90061|1-01:01:01|||1500
22159012.0|CANCELLED|90061|1-01:01:01|1.5G||1500
"""


def test_a_job_is_its_steps_summed_up() -> None:
    found = parsed(PRINTED, {"22159011", "22159012", "7"})
    assert set(found) == {"22159011", "22159012"}
    assert found["22159011"] == Accounted(
        state="COMPLETED",
        elapsed_s=10.0,
        cpu_s=pytest.approx(5.91),  # type: ignore[arg-type]
        max_rss_bytes=589988 * 1024,
        allocated="billing=1,cpu=1,mem=4G,node=1",
        energy_joules=None,
    ), "no energy plugin: unknown, not 0"
    other = found["22159012"]
    assert (other.cpu_s, other.energy_joules) == (90061.0, 1500.0)
    assert other.max_rss_bytes == int(1.5 * 2**30)


def test_a_job_without_steps_has_unknown_memory() -> None:
    found = parsed("5|PENDING|0|||billing=1|\n", {"5"})["5"]
    assert (found.max_rss_bytes, found.cpu_s, found.energy_joules) == (None, None, None)


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
    assert json.loads(RunPaths(tmp_path).accounting.read_text())["22159011"]["elapsed_s"] == 10.0


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
    with pytest.raises(AccountingError, match="sacct isn't on this machine"):
        account(RunPaths(tmp_path))
