"""BLEU and unique formulas, worked by hand."""

from __future__ import annotations

import doctest
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.diversity import overlap
from strategies.diversity.overlap import (
    bleu,
    bleu_diversity,
    counted,
    formula_diversity,
    formulas,
    tokens_of,
)


def bleu_of(candidate: str, reference: str, *, short: bool = True) -> float:
    one, other = counted(candidate.split()), counted(reference.split())
    matches = [len(a & b) for a, b in zip(one.ngrams, other.ngrams, strict=True)]
    return bleu(one, other, matches, short=short)


# Shared of 1- to 5-grams: 5 of 6, 4 of 5, 3 of 4, 2 of 3, 1 of 2.
# .02 ln(5/6) + .1 ln(4/5) + .15 ln(3/4) + .25 ln(2/3) + .38 ln(1/2)
# = −.0036464 − .0223144 − .0431523 − .1013663 − .2633959.
# nltk 3.10's `sentence_bleu`, which the authors call, gives 0.6479930; below, 0.6703200 and 0.4893588.
ONE_OF_SIX = math.exp(-0.4338753)


def test_bleu_of_texts_that_differ_in_one_word() -> None:
    assert bleu_of("a b c d e f", "a b c d e g") == pytest.approx(ONE_OF_SIX, rel=1e-6)


def test_bleu_counts_repeats_no_more_often_than_the_reference_has_them() -> None:
    # The same shares: six a's against five, five "a a" against four, and so on.
    assert bleu_of("a a a a a a", "a a a a a b") == pytest.approx(ONE_OF_SIX, rel=1e-6)


def test_bleu_of_a_candidate_shorter_than_its_reference_is_lowered() -> None:
    # Every n-gram is found; exp(1 − 7/5). The other way 5/7, 4/6, 3/5, 2/4 and 1/3 are, and nothing is lowered.
    assert bleu_of("a b c d e", "a b c d e f g") == pytest.approx(math.exp(-0.4))
    shares = (5 / 7, 4 / 6, 3 / 5, 2 / 4, 1 / 3)
    expected = math.prod(share**weight for share, weight in zip(shares, (0.02, 0.1, 0.15, 0.25, 0.38), strict=True))
    assert bleu_of("a b c d e f g", "a b c d e") == pytest.approx(expected)
    assert expected == pytest.approx(0.4893588, rel=1e-6)


def test_bleu_is_zero_without_a_shared_five_gram() -> None:
    assert bleu_of("a b c d x e f g h", "a b c d y e f g h") == 0


def test_bleu_of_short_texts_reads_the_orders_that_they_have() -> None:
    # One word of two, but no pair: 0. Both words and the pair, in a reference of three: exp(1 − 3/2).
    assert bleu_of("a b", "a c") == 0
    assert bleu_of("a b", "a b c") == pytest.approx(math.exp(-0.5))
    assert bleu_of("a b c", "a b x b c a b c") == pytest.approx(math.exp(1 - 8 / 3))
    assert bleu_of("a", "a") == 1
    assert bleu_of("a b", "a b", short=False) == 0
    assert bleu_of("", "a") == 0


def test_diversity_is_one_minus_the_mean_of_both_ways() -> None:
    texts = ["a b c d e f", "a b c d e g", "h i j k l m"]
    near = 1 - ONE_OF_SIX / 2
    assert bleu_diversity(texts) == pytest.approx([near, near, 1.0], rel=1e-6)
    both_ways = (bleu_of("a b c d e", "a b c d e f g") + bleu_of("a b c d e f g", "a b c d e")) / 2
    assert bleu_diversity(["a b c d e", "a b c d e f g"]) == pytest.approx([1 - both_ways] * 2)


def test_equal_texts_are_not_diverse_however_short() -> None:
    assert bleu_diversity(["1+2=3", "1+2=3", "", ""]) == pytest.approx([2 / 3] * 4)


def test_the_released_code_sees_single_words_in_short_answers() -> None:
    answer = "9-7=2,3*4=12,2*12=24"
    assert bleu_diversity([answer, answer], as_released=True) == [1.0, 1.0]
    assert bleu_diversity([answer, answer]) == pytest.approx([0.0, 0.0])
    words = "a b c d e f"
    assert bleu_diversity([words, words], as_released=True) == pytest.approx([0.0, 0.0])


def test_only_the_first_thousand_characters_are_read() -> None:
    same = "a b c d e f g h i j " * 50
    assert len(same) == 1000
    assert bleu_diversity([same + "k l m n o p", same + "q r s t u v"]) == pytest.approx([0.0, 0.0])
    assert formulas(" " * 995 + "1=1,2=2") == {"1=1"}


@given(st.lists(st.text(alphabet="ab1+= ,", max_size=12), min_size=2, max_size=5))
def test_diversity_is_a_share_and_follows_its_text(texts: list[str]) -> None:
    for measure in (bleu_diversity, formula_diversity):
        found = measure(texts)
        assert all(-1e-9 <= value <= 1 + 1e-9 for value in found)
        assert measure(texts[::-1]) == pytest.approx(found[::-1])


def test_tokens_are_numbers_words_and_signs() -> None:
    assert tokens_of("12*x1 =  (Ünder_score)!") == ["12", "*", "x", "1", "=", "(", "Ünder", "_", "score", ")", "!"]


def test_formulas_are_latex_or_steps_with_an_equals_sign() -> None:
    assert formulas(r"so \(a+b\), \[c\] and $d=1$, e=2") == {"a+b", "c", "d=1"}
    assert formulas("9-7=2, 3 * 4 = 12; then\n2*12=24") == {"9-7=2", "3*4=12", "2*12=24"}
    assert formulas("9-7=2", as_released=True) == frozenset()


def test_formula_diversity_is_the_share_that_no_other_has() -> None:
    texts = ["1+2=3,3*4=12", "1+2=3,5-1=4,5-1=4", "2+2=4", "nothing"]
    assert formula_diversity(texts) == [0.5, 0.5, 1.0, 0.0]
    assert formula_diversity(["$a$ $b$", "$a$ 1=1"], as_released=True) == [0.5, 0.0]


def test_the_examples_in_the_documentation_hold() -> None:
    assert doctest.testmod(overlap).failed == 0
