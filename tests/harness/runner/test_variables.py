from __future__ import annotations

import os

import pytest

from harness.runner.variables import variables_set


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
