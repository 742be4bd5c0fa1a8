"""Generation by vLLM while training: TRL's settings for it, and the line that starts a server.

vLLM has the weights of each step from TRL. Hidden states don't come with its answers: a signal that is made of them
costs one forward pass, charged to the strategy.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from harness.plan.schema import Vllm

NOT_INSTALLED = "training: vllm: vLLM isn't installed here: pip install 'explorebench[vllm]', or leave vllm out"


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """What writes a cell's rollouts beside its ranks."""

    url: str
    weights_port: int
    """Of the first rank's node, where the server meets it to be sent weights; other cells of the node have others."""


def require_vllm() -> None:
    """Raise ValueError if vLLM isn't installed."""
    if find_spec("vllm") is None:
        raise ValueError(NOT_INSTALLED)


def generation_settings(vllm: Vllm, server: Server | None) -> dict[str, Any]:
    """Return what TRL's configuration says of generation.

    Args:
        vllm: What the plan says.
        server: Who writes, in server mode.

    Raises:
        ValueError: If there is no server.
    """
    if vllm.mode == "colocate":
        where: dict[str, Any] = {
            "vllm_gpu_memory_utilization": vllm.memory,
            "vllm_tensor_parallel_size": vllm.gpus,
        }
    elif server is None:
        raise ValueError("training: vllm: mode: server has no server to ask")
    else:
        where = {"vllm_server_base_url": server.url, "vllm_group_port": server.weights_port}
    return {"use_vllm": True, "vllm_mode": vllm.mode, **where}


def server_line(python: str, model: Path, vllm: Vllm, port: int, tokens: int) -> list[str]:
    """Return the command that serves a model to one cell.

    Args:
        python: Whose TRL serves.
        model: Folder of the model that training starts from.
        vllm: What the plan says.
        port: That it listens at.
        tokens: The longest prompt with its answer.
    """
    return [
        python, "-m", "trl.scripts.vllm_serve", "--model", str(model), "--host", "0.0.0.0", "--port", str(port),
        "--tensor_parallel_size", str(vllm.gpus), "--gpu_memory_utilization", f"{vllm.memory:g}",
        "--max_model_len", str(tokens),
    ]  # fmt: skip
