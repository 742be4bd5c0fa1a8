"""Names of models: each kind of wrong one gets its own clear line, without torch and without the network."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub.errors import OfflineModeIsEnabled

from harness.models import resolve_model, tiny_path


@pytest.fixture
def no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_: None)


def test_tiny_is_the_embedded_folder() -> None:
    assert resolve_model("tiny") == str(tiny_path())
    assert (tiny_path() / "model.safetensors").is_file()


def test_a_folder_with_a_configuration_is_taken(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    assert resolve_model(tmp_path) == resolve_model(str(tmp_path)) == str(tmp_path.resolve())


def test_a_folder_without_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"expected a folder with config\.json"):
        resolve_model(tmp_path)


@pytest.mark.parametrize("name", ["./nowhere", "/no/such/folder", "a/b/c", "~/nowhere", "", "two words"])
def test_a_path_that_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"no such folder|expected a folder"):
        resolve_model(name)


def test_a_path_object_is_never_a_hub_id() -> None:
    with pytest.raises(ValueError, match="no such folder"):
        resolve_model(Path("gpt2-that-is-not-here"))


@pytest.mark.usefixtures("no_cache")
@pytest.mark.parametrize("variable", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
def test_hub_needed_but_offline(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "1")
    with pytest.raises(ValueError, match=r"'some/model'.*hub needed but offline.*hf download some/model"):
        resolve_model("some/model")


def test_a_cached_model_needs_no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_: "/cache/config.json")
    assert resolve_model("some/model") == "some/model"


@pytest.mark.usefixtures("no_cache")
@pytest.mark.parametrize("error", [ConnectionError("refused"), OfflineModeIsEnabled("offline"), TimeoutError()])
def test_a_hub_out_of_reach(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.delenv("TRANSFORMERS_OFFLINE", raising=False)
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", fail)
    with pytest.raises(ValueError, match=f"hub needed but offline .*{type(error).__name__}"):
        resolve_model("some/model")


def test_resolving_imports_no_torch() -> None:
    code = (
        "import sys, harness.models as m; m.resolve_model('tiny')\n"
        "try: m.resolve_model('some/model')\nexcept ValueError: pass\n"
        "else: sys.exit('resolved')\n"
        "sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    )
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
