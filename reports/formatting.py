"""Numbers as texts, the same on the page and in the Markdown table. Unknown is never 0."""

from __future__ import annotations

import math
from typing import Self

from reports.statistics import Interval

UNKNOWN = "unknown"
MISSING = "not yet"


class Number(str):
    """A number as it is shown, that still knows what it is: to sort by, to draw, and for CSV and JSON."""

    __slots__ = ("high", "low", "value")

    value: float
    """In the unit of its column."""
    low: float | None
    """End of its interval; None without one."""
    high: float | None

    def __new__(cls, text: str, value: float, low: float | None = None, high: float | None = None) -> Self:
        """Return `text` with its number."""
        made = super().__new__(cls, text)
        made.value, made.low, made.high = value, low, high
        return made

    def __getnewargs__(self) -> tuple[str, float, float | None, float | None]:  # type: ignore[override]
        """Return what a copy is made of."""
        return str(self), self.value, self.low, self.high


def percent(fraction: float) -> Number:
    """Return a fraction as a percentage with one decimal.

    Examples:
        >>> percent(0.2204)
        '22.0%'
    """
    return Number(f"{100 * fraction:.1f}%", 100 * fraction)


def score(interval: Interval | None) -> str:
    r"""Return a score in percent with the half-width of its interval in points.

    Examples:
        >>> score(Interval(mean=0.22, count=3, half_width=0.039))
        '22.0% ±\xa03.9'
    """
    if interval is None:
        return MISSING
    mean = 100 * interval.mean
    if interval.half_width is None:
        return Number(f"{mean:.1f}%, n/a (1 seed)", mean)
    half = 100 * interval.half_width
    return Number(f"{mean:.1f}% ±\N{NO-BREAK SPACE}{half:.1f}", mean, mean - half, mean + half)


def points(interval: Interval | None) -> str:
    """Return a difference of scores in points with the ends of its interval.

    Examples:
        >>> points(Interval(mean=0.031, count=3, half_width=0.027))
        '+3.1 [+0.4, +5.8]'
    """
    if interval is None:
        return MISSING
    mean = 100 * interval.mean
    if interval.low is None or interval.high is None:
        return Number(f"{signed(interval.mean)}, n/a (1 seed)", mean)
    if interval.flat:
        return Number(f"{signed(interval.mean)}, n/a (same in all seeds)", mean)
    text = f"{signed(interval.mean)} [{signed(interval.low)}, {signed(interval.high)}]"
    return Number(text, mean, 100 * interval.low, 100 * interval.high)


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


def quantity(value: float) -> Number:
    """Return a count or an amount in three digits with an SI prefix; NaN is unknown.

    Examples:
        >>> quantity(1_234_000), quantity(0.0), quantity(12.3), quantity(float("nan"))
        ('1.23 M', '0', '12.3', 'unknown')
    """
    if math.isnan(value):
        return Number(UNKNOWN, value)
    if value == 0:
        return Number("0", value)
    for power, prefix in ((18, "E"), (15, "P"), (12, "T"), (9, "G"), (6, "M"), (3, "k")):
        if abs(value) >= 0.9995 * 10**power:
            return Number(f"{_three_digits(value / 10**power)} {prefix}", value)
    return Number(_three_digits(value), value)


def _three_digits(value: float) -> str:
    size = abs(value)
    return f"{value:.{2 if size < 9.995 else 1 if size < 99.95 else 0}f}"


def seconds(value: float) -> Number:
    """Return device-seconds in plain digits; NaN is unknown."""
    if math.isnan(value):
        return Number(UNKNOWN, value)
    return Number("0" if value == 0 else f"{value:,.0f}" if value >= 99.5 else f"{value:.1f}", value)


def kilojoules(value: float) -> Number:
    """Return joules in thousands; NaN is unknown."""
    return Number(UNKNOWN if math.isnan(value) else f"{value / 1000:,.1f}", value / 1000)


def memory(value: float) -> Number:
    """Return bytes as MiB; NaN is unknown."""
    return Number(UNKNOWN if math.isnan(value) else f"{value / 2**20:,.0f}", value / 2**20)


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
