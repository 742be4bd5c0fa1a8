from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.store.visible import one_line, visible


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("plain, accents é, 中文, עברית, emoji 🙂", "plain, accents é, 中文, עברית, emoji 🙂"),
        ("tab\tline\nend\r\n", "tab\tline\nend\r\n"),
        ("\x1b[2J\x07", "␛[2J␇"),
        ("\x7f\x9b", "␡⟨U+009B⟩"),
        ("user\u202egnp.exe", "user⟨U+202E⟩gnp.exe"),
        ("\ud800", "⟨U+D800⟩"),
        ("\ufeffa\u200bb", "⟨U+FEFF⟩a⟨U+200B⟩b"),
    ],
)
def test_what_would_act_is_written_out(given_text: str, shown: str) -> None:
    assert visible(given_text) == shown


@given(st.text(alphabet=st.characters()))
def test_nothing_acts_and_nothing_is_lost_twice(text: str) -> None:
    shown = visible(text)
    shown.encode("utf-8")
    assert not [char for char in shown if unicodedata.category(char) == "Cc" and char not in "\t\n\r"]
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")
    assert visible(shown) == shown


def test_one_line_is_one_line() -> None:
    assert one_line("a\x00\n\n b\u2028c") == "a␀ b c"
