"""The page of a real run, opened in a real browser."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Protocol

import pytest

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--enable-logging=stderr",
]


class Place(Protocol):
    """The workplace of tests/conftest.py."""

    @property
    def folder(self) -> Path: ...
    def explorebench(self, *words: str) -> subprocess.CompletedProcess[str]: ...


@pytest.fixture(scope="module")
def page(finished: Place) -> Path:
    done = finished.explorebench("report", "runs/demo")
    assert done.returncode == 0, done.stderr
    return finished.folder / "site" / "demo" / "index.html"


def opened(chromium: str, page: Path, profile: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    command = [chromium, *FLAGS, f"--user-data-dir={profile}", *flags, page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, check=True)


def test_the_page_opens_whole_and_without_a_complaint(chromium: str, page: Path, tmp_path: Path) -> None:
    shown = opened(chromium, page, tmp_path, "--dump-dom")
    assert "CONSOLE" not in shown.stderr, shown.stderr
    for words in ("<svg", "g2rl", "grpo", "sorting", "graphs", "demo"):
        assert words in shown.stdout


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_is_drawn_on_a_phone_and_on_a_screen(chromium: str, page: Path, tmp_path: Path, width: int) -> None:
    picture = tmp_path / "page.png"
    opened(chromium, page, tmp_path / "profile", f"--screenshot={picture}", f"--window-size={width},1600")
    from PIL import Image

    with Image.open(picture) as image:
        assert image.width == width
        assert len(set(image.convert("L").getdata())) > 50, "more than a blank sheet"
