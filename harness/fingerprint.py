"""Where and with what a cell ran."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

LIBRARIES = ("torch", "transformers", "trl", "accelerate", "lm_eval", "datasets", "numpy")


def fingerprint(threads: int) -> dict[str, Any]:
    """Return the versions, the code's commit and the device of this process."""
    import torch

    root = Path(__file__).parent.parent
    cuda = torch.cuda.is_available()
    return {
        "explorebench": _version("explorebench"),
        "commit": _git(root, "rev-parse", "HEAD"),
        "dirty": bool(_git(root, "status", "--porcelain")),
        "python": platform.python_version(),
        **{name: _version(name) for name in LIBRARIES},
        "platform": platform.platform(),
        "device": torch.cuda.get_device_name() if cuda else "cpu",
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "threads": threads,
    }


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
