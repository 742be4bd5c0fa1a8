"""Which suites a strategy may learn from: none that the plan reports."""

from __future__ import annotations

from strategies.run import RunSettings


def require_suite(suite: str, run: RunSettings) -> None:
    """Raise ValueError for a suite that a strategy may not look at, or that there isn't."""
    if suite in run.suites:
        raise ValueError(
            f"suite {suite} is one that the plan reports: a strategy that looks at it would be trained on the test. "
            "Name a validation suite, such as countdown-validation, or take it out of the plan's suites"
        )
    if run.known_suites is not None and suite not in run.known_suites:
        known = ", ".join(run.known_suites)
        raise ValueError(f"suite must be one of {known}; got {suite!r}")
