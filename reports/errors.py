"""The one error of this package: what was read can't be reported, and what to do about it."""

from __future__ import annotations


class ReportError(Exception):
    """A run folder that can't be reported; the message says what was found, expected, and what to do."""
