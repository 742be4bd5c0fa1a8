from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from harness.evaluation.errors import ModelLoadError
from harness.evaluation.loading import load_model


@pytest.fixture
def saved(model: Any, tokenizer: Any, tmp_path: Path) -> Path:
    folder = tmp_path / "a checkpoint"
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_weights_format_and_tokenizer_come_back(saved: Path, model: Any, tokenizer: Any) -> None:
    loaded = load_model(saved, device="cpu")
    assert not loaded.model.training
    assert loaded.model.dtype == torch.float64
    for name, weight in model.state_dict().items():
        assert torch.equal(loaded.model.state_dict()[name], weight), name
    assert loaded.tokenizer("12+é")["input_ids"] == tokenizer("12+é")["input_ids"]


def test_loading_is_silent_and_leaves_the_generators(saved: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before = torch.get_rng_state()
    load_model(saved, device="cpu")
    assert torch.equal(torch.get_rng_state(), before)
    assert capfd.readouterr() == ("", "")


def test_a_truncated_weights_file_is_named(saved: Path) -> None:
    weights = saved / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ModelLoadError, match="a checkpoint: SafetensorError"):
        load_model(saved, device="cpu")


def test_a_missing_folder_is_named_with_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError, match=r"nowhere: there is no such folder.*config\.json"):
        load_model(tmp_path / "nowhere")


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError):
        load_model(tmp_path)


@pytest.mark.parametrize("harm", ["missing", "misshapen"])
def test_weights_are_never_made_up(saved: Path, harm: str) -> None:
    weights = load_file(saved / "model.safetensors")
    name = "model.layers.1.mlp.up_proj.weight"
    weight = weights.pop(name)
    if harm == "misshapen":
        weights[name] = weight[:-1].contiguous()
    save_file(weights, saved / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelLoadError, match=rf"missing or don't fit: {name} \(1 in all\)"):
        load_model(saved, device="cpu")
