"""What is known of a model from its configuration alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.models.facts import model_facts
from harness.models.resolve import tiny_path


def folder_with(folder: Path, **changes: Any) -> Path:
    """Write the shipped model's configuration, changed, into `folder`."""
    config = json.loads((tiny_path() / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **changes}))
    return folder


def test_the_shipped_model() -> None:
    facts = model_facts("tiny")
    assert (facts.name, facts.head, facts.quantised, facts.sharded) == ("tiny", "Linear", None, None)
    assert (facts.hidden, facts.vocabulary, facts.mlps) == (96, 99, 4)
    assert len(facts.layers) == 4 * 7
    assert ("model.layers.3.mlp.down_proj", 288, 96) in facts.layers
    assert not any("lm_head" in name for name, _, _ in facts.layers)
    assert 1e6 < facts.free_bytes < float("inf")


def test_quantised_weights_are_told(tmp_path: Path) -> None:
    quantised = folder_with(tmp_path, quantization_config={"quant_method": "gptq", "bits": 4})
    assert model_facts(quantised).quantised == "gptq"


def test_sharding_is_told_by_the_launcher(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    assert model_facts("tiny").sharded == "FSDP"


def test_an_mlp_of_another_make_has_no_neurons_to_tell(tmp_path: Path) -> None:
    config = {"model_type": "gpt2", "n_embd": 8, "n_layer": 1, "n_head": 1, "vocab_size": 9}
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert model_facts(tmp_path).mlps == 0
