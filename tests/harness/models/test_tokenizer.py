"""The character tokenizer gives back what it was given."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from harness.models import load_tokenizer, tiny_path
from harness.models.tokenizer import CHARACTERS, EOS, PAD, UNK, VOCABULARY, build_tokenizer
from suites.procedural.skills import SKILLS

TOKENIZER = build_tokenizer()


@given(st.text(CHARACTERS, max_size=80))
def test_known_text_comes_back_unchanged(text: str) -> None:
    tokens = TOKENIZER(text)["input_ids"]
    assert tokens == [VOCABULARY[letter] for letter in text]
    assert TOKENIZER.decode(tokens) == text


@pytest.mark.parametrize("name", sorted(SKILLS))
@given(seed=st.integers(0, 2**32))
def test_every_prompt_and_solution_comes_back(name: str, seed: int) -> None:
    problem = SKILLS[name].sample(Random(seed))
    text = problem.prompt + problem.solution
    assert TOKENIZER.decode(TOKENIZER(text)["input_ids"], skip_special_tokens=True) == text


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters=CHARACTERS), min_size=1, max_size=20))
def test_an_unknown_character_is_one_unknown_token(text: str) -> None:
    assert TOKENIZER(text)["input_ids"] == [VOCABULARY[UNK]] * len(text)


def test_padding_is_on_the_left() -> None:
    padded = TOKENIZER(["C1 2=3:", "S1"], padding=True)
    assert padded["input_ids"][1] == [VOCABULARY[PAD]] * 5 + [VOCABULARY["S"], VOCABULARY["1"]]
    assert padded["attention_mask"][1] == [0] * 5 + [1, 1]


def test_special_tokens() -> None:
    assert (TOKENIZER.pad_token, TOKENIZER.eos_token, TOKENIZER.unk_token) == (PAD, EOS, UNK)
    assert TOKENIZER.bos_token is None
    assert len(TOKENIZER) == len(VOCABULARY)
    assert TOKENIZER.decode([VOCABULARY["4"], VOCABULARY[EOS], VOCABULARY[PAD]], skip_special_tokens=True) == "4"


def test_saved_and_loaded_it_is_the_same(tmp_path: Path) -> None:
    TOKENIZER.save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "qwen3"}')
    loaded = load_tokenizer(tmp_path)
    assert isinstance(loaded, PreTrainedTokenizerFast)
    assert loaded.get_vocab() == VOCABULARY
    assert loaded.padding_side == "left"
    assert loaded.decode(loaded("A1 +\n2")["input_ids"]) == "A1 +\n2"


def test_the_shipped_tokenizer_is_this_one() -> None:
    assert load_tokenizer("tiny").get_vocab() == VOCABULARY
    assert (tiny_path() / "tokenizer.json").read_text() == build_tokenizer().backend_tokenizer.to_str(pretty=True)
