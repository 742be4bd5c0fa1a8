"""Texts that models and users wrote, made safe to show: nothing in them acts on a page or a terminal."""

from __future__ import annotations

import re

_ACTING = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # controls but tab and line ends: ANSI escapes begin with one
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # marks that turn the direction of what follows
    "\u200b\u2028\u2029\ufeff\ufffe\uffff"  # separators and marks that nobody sees
    "\ud800-\udfff]"  # halves of a character, which no file can hold
)


def visible(text: str) -> str:
    r"""Return a text with every character that would act instead of being seen written out.

    Control characters become their pictures, direction marks and lone surrogates their code points.

    Examples:
        >>> visible("a\x00b\x1b[31m\u202e")
        'a␀b␛[31m⟨U+202E⟩'
    """
    return _ACTING.sub(_written, text)


def one_line(text: str) -> str:
    r"""Return a text as it is shown in one line.

    Examples:
        >>> one_line("a\n  b\tc")
        'a b c'
    """
    return visible(" ".join(text.split()))


def _written(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return (
        "\u2421"
        if code == 0x7F
        else f"\N{MATHEMATICAL LEFT ANGLE BRACKET}U+{code:04X}\N{MATHEMATICAL RIGHT ANGLE BRACKET}"
    )
