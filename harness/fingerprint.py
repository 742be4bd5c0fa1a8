"""Where and with what a cell ran."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

CODE_FACTS = "snapshot.json"
"""In the folder of a code snapshot: the hash of its files, and the commit that they were copied from."""
LIBRARIES = ("torch", "transformers", "trl", "accelerate", "lm_eval", "datasets", "numpy")


def fingerprint(threads: int, ranks: int = 1) -> dict[str, Any]:
    """Return the versions, the code's commit and the device of this process."""
    import torch

    cuda = torch.cuda.is_available()
    return {
        "explorebench": _version("explorebench"),
        **code_facts(Path(__file__).parent.parent),
        "python": platform.python_version(),
        **{name: _version(name) for name in LIBRARIES},
        "platform": platform.platform(),
        "device": torch.cuda.get_device_name() if cuda else "cpu",
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "threads": threads,
        "ranks": ranks,
    }


def code_facts(root: Path) -> dict[str, Any]:
    """Return the commit of the code in `root`, whether it differs from that, and its hash if it is a snapshot."""
    try:
        taken = json.loads((root / CODE_FACTS).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {"commit": _git(root, "rev-parse", "HEAD"), "dirty": bool(_git(root, "status", "--porcelain"))}
    return {name: taken[name] for name in ("commit", "dirty", "code")}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"


def _git(root: Path, *words: str) -> str:
    """Return git's answer about the folder of the code; unknown when it isn't a checkout."""
    if not (root / ".git").exists():
        return "unknown" if words[0] == "rev-parse" else ""
    done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else "unknown"


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"
