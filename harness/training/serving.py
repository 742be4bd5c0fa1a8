"""A vLLM server for one cell, on the GPUs of its first node that nobody trains on; it lives as long as the training."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.errors import CellError
from harness.plan.resolve import Plan
from harness.store.atomic import write_json
from harness.store.paths import CellPaths
from harness.training.vllm import Server, require_vllm, server_line

LOOK_S, PATIENCE_S, ENDING_S = 1.0, 1800.0, 30.0
PROMPT_TOKENS = 4096
"""Room for a prompt beside its answer."""
OF_RANKS = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


@contextmanager
def serving(plan: Plan, paths: CellPaths, log: Path) -> Iterator[Server | None]:
    """Serve the plan's model for the block, and yield where; the address stands in the cell's folder too.

    Args:
        plan: Without a server of its own, this does nothing and yields None.
        paths: The cell.
        log: Where the server's output goes.

    Raises:
        ValueError: If vLLM isn't installed.
        CellError: If the server doesn't come up.
    """
    vllm = plan.training.vllm
    if vllm is None or vllm.mode != "server":
        yield None
        return
    require_vllm()
    port, weights_port = _free_ports()
    url = f"http://{socket.gethostname()}:{port}"
    line = server_line(sys.executable, plan.model.folder, vllm, port, PROMPT_TOKENS + plan.max_completion_tokens)
    with log.open("ab") as output:
        process = subprocess.Popen(line, env=_environment(vllm.gpus), stdout=output, stderr=subprocess.STDOUT)
    try:
        _wait(process, f"http://127.0.0.1:{port}/health", log)
        write_json(paths.server, {"url": url, "pid": process.pid})
        yield Server(url=url, weights_port=weights_port)
    finally:
        paths.server.unlink(missing_ok=True)
        process.terminate()
        try:
            process.wait(ENDING_S)
        except subprocess.TimeoutExpired:
            process.kill()


def _environment(gpus: int) -> dict[str, str]:
    """Return this process's variables for a server on the GPUs after those of the ranks of this node."""
    first = int(os.environ.get("LOCAL_WORLD_SIZE") or 1)
    kept = {name: value for name, value in os.environ.items() if name not in OF_RANKS}
    return {**kept, "CUDA_VISIBLE_DEVICES": ",".join(str(first + number) for number in range(gpus))}


def _wait(process: subprocess.Popen[bytes], health: str, log: Path) -> None:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        if process.poll() is not None:
            raise CellError(
                "error", f"vLLM's server ended with code {process.returncode} before it answered; see {log}"
            )
        try:
            with urllib.request.urlopen(health, timeout=LOOK_S):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(LOOK_S)
    raise CellError("error", f"vLLM's server hasn't answered in {PATIENCE_S:g} s; see {log}")


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        one.bind(("", 0))
        other.bind(("", 0))
        return int(one.getsockname()[1]), int(other.getsockname()[1])
