"""The shipped model is small, is what its recipe says, and answers."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from transformers import Qwen3ForCausalLM

from harness.models import load_model, load_tokenizer, tiny_path
from harness.models.build import hash_weights
from harness.models.measure import SAMPLES, measure
from harness.models.recipe import TINY, Recipe
from suites import load_suite, suite_names


@pytest.fixture(scope="module")
def model() -> Qwen3ForCausalLM:
    return load_model("tiny")


@pytest.fixture(scope="module")
def record() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((tiny_path() / "recipe.json").read_text())
    return loaded


def test_it_has_less_than_a_million_parameters(model: Qwen3ForCausalLM) -> None:
    assert isinstance(model, Qwen3ForCausalLM)
    assert model.num_parameters() < 1_000_000
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight


def test_the_folder_is_at_most_4_mb() -> None:
    assert sum(path.stat().st_size for path in tiny_path().iterdir()) <= 4_000_000


def test_the_record_is_of_these_weights_and_this_recipe(record: dict[str, Any]) -> None:
    assert record["weights_sha256"] == hash_weights(tiny_path())
    mix = tuple((name, count) for name, count in record["recipe"].pop("mix"))
    assert Recipe(**record["recipe"], mix=mix) == TINY
    assert record["seed"] == 0
    assert {"torch", "transformers"} <= record["libraries"].keys()


def test_the_recorded_rates_leave_room_and_show_forgetting(record: dict[str, Any]) -> None:
    rates = record["rates"]
    assert set(rates) == set(suite_names()[: len(rates)])
    countdown = rates["countdown"]
    assert 0.10 <= countdown["pass_at_1"] <= 0.25
    assert countdown["pass_at_8"] >= 2.5 * countdown["pass_at_1"]
    assert all(rates[name]["pass_at_1"] >= 0.6 for name in ("arithmetic", "sorting", "graphs"))
    for name, rate in rates.items():
        assert (rate["items"], rate["samples"]) == (len(load_suite(name).items), SAMPLES)


def test_the_rates_of_a_suite_can_be_measured_again(model: Qwen3ForCausalLM, record: dict[str, Any]) -> None:
    """Half the recorded samples on one suite, so the numbers agree within sampling noise: 100 items x 8."""
    rate = measure(model, load_tokenizer("tiny"), ["sorting"], samples=8)["sorting"]
    assert rate.pass_at_1 == pytest.approx(record["rates"]["sorting"]["pass_at_1"], abs=0.06)
    assert rate.pass_at_1 <= rate.pass_at_8 <= 1


def test_padding_does_not_change_what_it_says(model: Qwen3ForCausalLM) -> None:
    tokenizer = load_tokenizer("tiny")
    alone = tokenizer(["S529170:"], return_tensors="pt")
    padded = tokenizer(["S529170:", "C3 4 7 9 11=24:"], return_tensors="pt", padding=True)
    texts = []
    for encoded in (alone, padded):
        output = model.generate(
            input_ids=encoded["input_ids"],
            attention_mask=encoded["attention_mask"],
            do_sample=False,
            max_new_tokens=40,
        )
        texts.append(tokenizer.decode(output[0, encoded["input_ids"].shape[1] :], skip_special_tokens=True))
    assert texts[0] == texts[1]


def test_loading_gives_float32_in_evaluation_mode(model: Qwen3ForCausalLM) -> None:
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert not model.training


def test_too_few_samples_are_refused(model: Qwen3ForCausalLM) -> None:
    with pytest.raises(ValueError, match="at least 8 to estimate pass@8, got 4"):
        measure(model, load_tokenizer("tiny"), ["sorting"], samples=4)
