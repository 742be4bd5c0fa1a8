"""Rollouts by vLLM: what TRL is told, the server's line and life, and signals without hidden states."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from harness.errors import CellError
from harness.plan.resolve import Plan
from harness.plan.schema import Training, Vllm
from harness.store.paths import CellPaths
from harness.training import serving as serving_module
from harness.training.serving import serving
from harness.training.setup import trainer_config
from harness.training.signals import GenerationTap
from harness.training.trainer import StrategyTrainer
from harness.training.vllm import NOT_INSTALLED, Server, generation_settings, require_vllm, server_line

Plans = Callable[..., Plan]

SERVER = """
import http.server, json, os, sys
class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()
print(json.dumps({name: os.environ.get(name) for name in ("CUDA_VISIBLE_DEVICES", "RANK")}), flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Health).serve_forever()
"""


def test_a_plan_without_vllm_is_the_cell_that_it_was(make_plan: Plans) -> None:
    plain = make_plan()
    assert "vllm" not in plain.cells[-1].identity["training"]
    beside = make_plan(training={"vllm": {}})
    assert beside.cells[-1].identity["training"]["vllm"] == {"mode": "colocate", "memory": 0.3, "gpus": 1}
    assert plain.cells[-1].id != beside.cells[-1].id, "another sampler rounds differently"


def test_trl_is_told_where_vllm_is(make_plan: Plans, tmp_path: Path) -> None:
    beside = generation_settings(Vllm(memory=0.4, gpus=2), None)
    assert beside == {
        "use_vllm": True, "vllm_mode": "colocate", "vllm_gpu_memory_utilization": 0.4, "vllm_tensor_parallel_size": 2,
    }  # fmt: skip
    server = Server(url="http://n1:9", weights_port=7)
    served = generation_settings(Vllm(mode="server"), server)
    assert served == {
        "use_vllm": True, "vllm_mode": "server", "vllm_server_base_url": "http://n1:9", "vllm_group_port": 7,
    }  # fmt: skip
    with pytest.raises(ValueError, match="no server to ask"):
        generation_settings(Vllm(mode="server"), None)
    plan = make_plan(training={"vllm": {"mode": "server", "gpus": 2}})
    config = trainer_config(plan, plan.cells[-1], tmp_path, {}, 1, server)
    assert (config.use_vllm, config.vllm_mode, config.vllm_server_base_url) == (True, "server", "http://n1:9")
    assert config.vllm_group_port == 7
    assert not trainer_config(make_plan(), plan.cells[-1], tmp_path, {}).use_vllm


def test_the_line_that_serves_a_model() -> None:
    line = server_line("/env/python", Path("/models/q"), Vllm(mode="server", gpus=4, memory=0.9), 8123, 12288)
    assert " ".join(line) == (
        "/env/python -m trl.scripts.vllm_serve --model /models/q --host 0.0.0.0 --port 8123 "
        "--tensor_parallel_size 4 --gpu_memory_utilization 0.9 --max_model_len 12288"
    )


def test_trl_makes_of_that_line_a_server_that_takes_weights() -> None:
    from trl.scripts.vllm_serve import build_command, make_parser

    line = server_line("python", Path("m"), Vllm(mode="server", gpus=2), 8123, 99)
    arguments, left_over = make_parser().parse_args_and_config(line[3:], return_remaining_strings=True)
    assert left_over == []
    command = " ".join(build_command(arguments))
    assert " serve m --host 0.0.0.0 --port 8123 --tensor-parallel-size 2 " in command
    assert "--max-model-len 99" in command
    assert "--weight-transfer-config" in command


def test_it_must_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.training.vllm.find_spec", lambda name: None)
    with pytest.raises(ValueError, match="isn't installed here"):
        require_vllm()
    assert "pip install 'explorebench[vllm]'" in NOT_INSTALLED


def _standing_in(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    monkeypatch.setattr(serving_module, "require_vllm", lambda: None)
    monkeypatch.setattr(serving_module, "server_line", lambda *args: [sys.executable, *words, str(args[3])])


def test_a_server_lives_as_long_as_the_training(
    make_plan: Plans, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _standing_in(monkeypatch, "-c", SERVER)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    monkeypatch.setenv("RANK", "0")
    plan, paths = make_plan(training={"vllm": {"mode": "server", "gpus": 2}}), CellPaths(tmp_path)
    with serving(plan, paths, tmp_path / "log") as server:
        said = json.loads(paths.server.read_text())
        assert server is not None
        assert server.url == said["url"]
        assert server.url.rpartition(":")[2] != str(server.weights_port)
        assert Path(f"/proc/{said['pid']}").exists()
    assert not paths.server.exists()
    assert not Path(f"/proc/{said['pid']}").exists()
    told = json.loads((tmp_path / "log").read_text().splitlines()[0])
    assert told == {"CUDA_VISIBLE_DEVICES": "4,5", "RANK": None}, "the GPUs after those of the four ranks"


def test_a_server_that_ends_at_once_is_told(make_plan: Plans, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _standing_in(monkeypatch, "-c", "raise SystemExit(3)")
    plan = make_plan(training={"vllm": {"mode": "server"}})
    with (
        pytest.raises(CellError, match="vLLM's server ended with code 3 before it answered; see"),
        serving(plan, CellPaths(tmp_path), tmp_path / "log"),
    ):
        raise AssertionError("there is no server")


def test_a_plan_without_a_server_starts_none(make_plan: Plans, tmp_path: Path) -> None:
    for training in ({}, {"vllm": {"mode": "colocate"}}):
        with serving(make_plan(training=training), CellPaths(tmp_path), tmp_path / "log") as url:
            assert url is None
    assert not (tmp_path / "log").exists()


def test_features_cost_one_pass_where_generation_keeps_no_hidden_states(
    make_plan: Plans, tmp_path: Path, train: Callable[..., StrategyTrainer], monkeypatch: pytest.MonkeyPatch
) -> None:
    arm = {"name": "g2rl", "g2rl": {"form": "centred"}}
    plan = make_plan(arms=[arm], baseline="g2rl", budget={"steps": 1}, checkpoints=1)

    def booked(folder: Path) -> tuple[float, float]:
        trainer = train(plan, folder)
        lines: list[dict[str, Any]] = [json.loads(line) for line in CellPaths(folder).ledger.read_text().splitlines()]
        scored = [line for line in lines if line["phase"] == "score" and line["part"] == "g2rl"]
        novelty = trainer.diagnostics["novelty"]
        return sum(line["forward_tokens"] for line in scored), novelty

    kept = booked(tmp_path / "kept")
    monkeypatch.setattr(GenerationTap, "hidden", lambda self, tokens: None)  # as where vLLM has written the answers
    elsewhere = booked(tmp_path / "elsewhere")
    assert kept[0] == 0
    assert elsewhere[0] > 0, "a forward pass through prompts and answers, charged to the arm"
    torch.testing.assert_close(elsewhere[1], kept[1], rtol=1e-4, atol=1e-4)


def test_fields_are_checked() -> None:
    with pytest.raises(ValueError, match="colocate"):
        Training.model_validate({"vllm": {"mode": "beside"}})
