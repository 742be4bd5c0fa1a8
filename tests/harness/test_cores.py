"""How cores are shared out."""

from __future__ import annotations

import os

import pytest

from harness.cores import cores, fair_share, threads_divided, variables_set


def test_variables_are_as_before_whatever_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OURS", "before")
    monkeypatch.delenv("NEW", raising=False)

    def fail_inside() -> None:
        with variables_set({"OURS": "inside", "NEW": "1"}):
            assert (os.environ["OURS"], os.environ["NEW"]) == ("inside", "1")
            raise KeyError

    with pytest.raises(KeyError):
        fail_inside()
    assert os.environ["OURS"] == "before"
    assert "NEW" not in os.environ


def test_processes_share_the_cores_and_each_has_one_at_least() -> None:
    assert fair_share(1) == cores()
    assert fair_share(cores() * 3) == 1


def test_what_is_started_has_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "64")
    with threads_divided(3):
        assert {os.environ[name] for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")} == {"3"}
    assert os.environ["OMP_NUM_THREADS"] == "64"
