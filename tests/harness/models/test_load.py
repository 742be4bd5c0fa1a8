from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from harness.models import ModelLoadError, load_model, load_tokenizer, tiny_path


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    folder = tmp_path / "a checkpoint"
    shutil.copytree(tiny_path(), folder)
    return folder


def test_weights_and_tokenizer_come_back(saved: Path) -> None:
    loaded = load_model(saved)
    assert not loaded.training
    for name, weight in load_file(saved / "model.safetensors").items():
        assert torch.equal(loaded.state_dict()[name], weight), name
    assert load_tokenizer(saved).decode(load_tokenizer(saved)("C1 2=")["input_ids"]) == "C1 2="


def test_the_precision_is_the_callers_not_the_files(saved: Path) -> None:
    assert load_model(saved).dtype == torch.float32
    assert load_model(saved, precision="bfloat16").dtype == torch.bfloat16


def test_loading_is_silent_and_leaves_the_generators(saved: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before = torch.get_rng_state()
    load_model(saved)
    assert torch.equal(torch.get_rng_state(), before)
    assert capfd.readouterr() == ("", "")


def test_a_truncated_weights_file_is_named(saved: Path) -> None:
    weights = saved / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ModelLoadError, match="a checkpoint: SafetensorError"):
        load_model(saved)


def test_a_damaged_tokenizer_is_named(saved: Path) -> None:
    (saved / "tokenizer.json").write_text("{")
    with pytest.raises(ModelLoadError, match="a checkpoint"):
        load_tokenizer(saved)


def test_a_missing_folder_is_named_with_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no such folder.*nowhere.*config\.json"):
        load_model(tmp_path / "nowhere")


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"config\.json"):
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
        load_model(saved)
