"""What the machine itself counts: peak memory and energy. What it doesn't count is unknown, never 0."""

from __future__ import annotations

import resource
import sys
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

POWERCAP = Path("/sys/class/powercap")
"""Where Linux shows RAPL, the processors' energy counters; often readable for root alone."""


def peak_memory() -> int | None:
    """Return the most memory used until now, in bytes: of the GPU's allocator, or of this process without a GPU."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


NOWHERE = Path("/nonexistent")


@dataclass(kw_only=True)
class Energy:
    """Energy that the GPU in use and the processors have taken, whoever used them: cells side by side count it twice.

    `joules` only ever rises; it is read at the switches between phases, which the difference is booked under.
    """

    domains: list[_Domain] = field(default_factory=list)
    device: Any = None
    """NVML's handle of the GPU in use."""
    nvml: Any = None

    @classmethod
    def found(cls, powercap: Path = POWERCAP, nvml_module: str = "pynvml", gpu: int | None = None) -> Energy:
        """Return the counters that this process can read, none of them if there are none.

        Args:
            powercap: Folder of the processors' counters.
            nvml_module: NVIDIA's library for Python.
            gpu: Index of the GPU in use; None if there is none.
        """
        packages = [path for path in sorted(powercap.glob("intel-rapl:[0-9]*")) if path.name.count(":") == 1]
        domains = [_Domain.opened(path) for path in packages]
        nvml, device = _nvml(nvml_module, gpu) if gpu is not None else (None, None)
        return cls(domains=[domain for domain in domains if domain is not None], nvml=nvml, device=device)

    def joules(self) -> float | None:
        """Return the energy taken until now; None without any counter."""
        if not self.domains and self.device is None:
            return None
        total = sum(domain.joules() for domain in self.domains)
        if self.device is not None:
            total += self.nvml.nvmlDeviceGetTotalEnergyConsumption(self.device) / 1000
        return total

    def taken_since(self, before: float | None) -> float | None:
        """Return the joules taken since `joules` said `before`; None without any counter."""
        now = self.joules()
        return None if now is None or before is None else now - before


def energy_counters(*, processors: bool = True) -> Energy:
    """Return the counters of this process's devices; those of `processors` are one process's of a node."""
    torch = sys.modules.get("torch")
    gpu = torch.cuda.current_device() if torch is not None and torch.cuda.is_available() else None
    return Energy.found(gpu=gpu) if processors else Energy.found(NOWHERE, gpu=gpu)


@dataclass(kw_only=True)
class _Domain:
    """One processor package; its counter starts again at 0 after `largest`."""

    path: Path
    largest: int
    """Microjoules."""
    last: int
    wrapped: int = 0
    """Microjoules of the rounds before."""

    @classmethod
    def opened(cls, folder: Path) -> _Domain | None:
        """Return a package's counter; None where it can't be read."""
        try:
            largest = int((folder / "max_energy_range_uj").read_text())
            return cls(path=folder / "energy_uj", largest=largest, last=int((folder / "energy_uj").read_text()))
        except (OSError, ValueError):
            return None

    def joules(self) -> float:
        now = int(self.path.read_text())
        if now < self.last:
            self.wrapped += self.largest
        self.last = now
        return (self.wrapped + now) / 1e6


def _nvml(module: str, gpu: int) -> tuple[Any, Any]:
    """Return NVML and its handle of a GPU; nothing where either is missing, or the GPU counts no energy."""
    try:
        nvml = import_module(module)
        nvml.nvmlInit()
        device = nvml.nvmlDeviceGetHandleByIndex(gpu)
        nvml.nvmlDeviceGetTotalEnergyConsumption(device)
    except Exception:  # NVML's errors have no common class that can be named without it
        return None, None
    return nvml, device
