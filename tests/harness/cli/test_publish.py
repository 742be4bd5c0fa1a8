"""`explorebench publish` as it is typed."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from harness.cli import main


def test_nothing_to_do_is_said(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["publish", "--to", str(tmp_path / "site")])
    assert done.exit_code == 2
    assert "give a RUN to publish" in done.output
    done = CliRunner().invoke(main, ["publish", "--to", str(tmp_path / "site"), "--check"])
    assert done.exit_code == 2
    assert "publish a run there first" in done.output


def test_broken_links_are_exit_code_1(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text('<a href="gone.html">x</a>')
    done = CliRunner().invoke(main, ["publish", "--to", str(tmp_path), "--check"])
    assert (done.exit_code, done.output) == (1, "index.html: gone.html (no such file)\n1 broken links\n")
    (tmp_path / "gone.html").write_text("")
    done = CliRunner().invoke(main, ["publish", "--to", str(tmp_path), "--check"])
    assert (done.exit_code, done.output) == (0, "all links lead somewhere\n")


def test_what_is_no_run_is_explained(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["publish", str(tmp_path / "nothing"), "--to", str(tmp_path / "site")])
    assert done.exit_code == 2
    assert "not the folder of a run" in done.output
