"""Numbers as texts, the same on the page and in the Markdown table. Unknown is never 0."""

from __future__ import annotations

import math

from reports.statistics import Interval

UNKNOWN = "unknown"
MISSING = "not yet"


def percent(fraction: float) -> str:
    """Return a fraction as a percentage with one decimal.

    Examples:
        >>> percent(0.2204)
        '22.0%'
    """
    return f"{100 * fraction:.1f}%"


def score(interval: Interval | None) -> str:
    r"""Return a score in percent with the half-width of its interval in points.

    Examples:
        >>> score(Interval(mean=0.22, count=3, half_width=0.039))
        '22.0% ±\xa03.9'
    """
    if interval is None:
        return MISSING
    if interval.half_width is None:
        return f"{percent(interval.mean)}, n/a (1 seed)"
    return f"{percent(interval.mean)} ±\N{NO-BREAK SPACE}{100 * interval.half_width:.1f}"


def points(interval: Interval | None) -> str:
    """Return a difference of scores in points with the ends of its interval.

    Examples:
        >>> points(Interval(mean=0.031, count=3, half_width=0.027))
        '+3.1 [+0.4, +5.8]'
    """
    if interval is None:
        return MISSING
    if interval.low is None or interval.high is None:
        return f"{signed(interval.mean)}, n/a (1 seed)"
    if interval.flat:
        return f"{signed(interval.mean)}, n/a (same in all seeds)"
    return f"{signed(interval.mean)} [{signed(interval.low)}, {signed(interval.high)}]"


def size(difference: Interval, interval: str = "95% interval") -> str:
    """Return how large a difference is, whichever its sign, with its interval when there is one.

    Args:
        difference: Of two scores.
        interval: What to call its interval.

    Examples:
        >>> size(Interval(mean=-0.031, count=3, half_width=0.027))
        '3.1 points (95% interval 0.4 to 5.8)'
    """
    text = f"{100 * abs(difference.mean):.1f} points"
    if difference.low is None or difference.high is None:
        return f"{text} (n/a: 1 seed, no interval)"
    if difference.flat:
        return f"{text} (n/a: the same in all seeds, no interval)"
    ends = sorted((abs(100 * difference.low), abs(100 * difference.high)))
    if difference.low > 0 or difference.high < 0:
        return f"{text} ({interval} {ends[0]:.1f} to {ends[1]:.1f})"
    return f"{text} ({interval} of the change {signed(difference.low)} to {signed(difference.high)})"


def interval_name(together: int, noun: str) -> str:
    """Return what to call each of several intervals that hold together.

    Examples:
        >>> interval_name(3, "arms")
        'joint 95% interval over 3 arms'
    """
    return "95% interval" if together < 2 else f"joint 95% interval over {together} {noun}"


def signed(fraction: float) -> str:
    """Return a difference of scores in points with its sign."""
    text = f"{100 * fraction:+.1f}"
    return "0.0" if float(text) == 0 else text.replace("-", "\N{MINUS SIGN}")


def quantity(value: float) -> str:
    """Return a count or an amount in three digits with an SI prefix; NaN is unknown.

    Examples:
        >>> quantity(1_234_000), quantity(0.0), quantity(12.3), quantity(float("nan"))
        ('1.23 M', '0', '12.3', 'unknown')
    """
    if math.isnan(value):
        return UNKNOWN
    if value == 0:
        return "0"
    for power, prefix in ((18, "E"), (15, "P"), (12, "T"), (9, "G"), (6, "M"), (3, "k")):
        if abs(value) >= 0.9995 * 10**power:
            return f"{_three_digits(value / 10**power)} {prefix}"
    return _three_digits(value)


def _three_digits(value: float) -> str:
    size = abs(value)
    return f"{value:.{2 if size < 9.995 else 1 if size < 99.95 else 0}f}"


def seconds(value: float) -> str:
    """Return device-seconds in plain digits; NaN is unknown."""
    if math.isnan(value):
        return UNKNOWN
    return "0" if value == 0 else f"{value:,.0f}" if value >= 99.5 else f"{value:.1f}"


def kilojoules(value: float) -> str:
    """Return joules in thousands; NaN is unknown."""
    return UNKNOWN if math.isnan(value) else f"{value / 1000:,.1f}"


def memory(value: float) -> str:
    """Return bytes as MiB; NaN is unknown."""
    return UNKNOWN if math.isnan(value) else f"{value / 2**20:,.0f}"


def listing(names: list[str]) -> str:
    """Return names joined as in a sentence.

    Examples:
        >>> listing(["a", "b", "c"])
        'a, b and c'
    """
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def counted(count: int, noun: str) -> str:
    """Return a count with its noun in the right number."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
