"""Pictures of a report's page for the docs: `python docs/screenshots.py site/tiny/index.html`."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

PICTURES = {
    "demo.png": ({"width": 1280, "height": 1500}, "light"),
    "demo-dark.png": ({"width": 1280, "height": 1500}, "dark"),
    "demo-phone.png": ({"width": 390, "height": 1500}, "light"),
}


def main(page: Path) -> None:
    """Write the pictures beside this file."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name, (size, scheme) in PICTURES.items():
            shown = browser.new_page(viewport=size, color_scheme=scheme)  # type: ignore[arg-type]
            shown.goto(page.resolve().as_uri())
            shown.screenshot(path=Path(__file__).with_name(name))
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
