"""The command line: the composition root, and the only place that imports everything, lazily."""

from harness.cli.main import main

__all__ = ["main"]
