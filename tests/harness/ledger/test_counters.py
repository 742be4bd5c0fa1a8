from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.ledger.counters import Energy, energy_counters, peak_memory


def package(root: Path, number: int, microjoules: int, largest: int = 10_000_000) -> Path:
    folder = root / f"intel-rapl:{number}"
    folder.mkdir(parents=True)
    (folder / "max_energy_range_uj").write_text(f"{largest}\n")
    (folder / "energy_uj").write_text(f"{microjoules}\n")
    return folder


def test_packages_add_up_and_their_parts_do_not(tmp_path: Path) -> None:
    package(tmp_path, 0, 2_000_000)
    package(tmp_path, 1, 500_000)
    core = tmp_path / "intel-rapl:0:0"
    core.mkdir()
    (core / "max_energy_range_uj").write_text("1\n")
    (core / "energy_uj").write_text("999\n")
    assert Energy.found(tmp_path).joules() == pytest.approx(2.5)


def test_a_counter_that_starts_again_goes_on(tmp_path: Path) -> None:
    folder = package(tmp_path, 0, 9_000_000)
    energy = Energy.found(tmp_path)
    before = energy.joules()
    (folder / "energy_uj").write_text("1500000\n")
    assert energy.taken_since(before) == pytest.approx(2.5)


def test_without_a_counter_energy_is_unknown(tmp_path: Path) -> None:
    energy = Energy.found(tmp_path / "nothing")
    assert energy.joules() is None
    assert energy.taken_since(None) is None


def test_a_counter_that_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    (package(tmp_path, 0, 1) / "energy_uj").write_text("no number\n")
    assert Energy.found(tmp_path).joules() is None


def test_a_gpu_is_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = iter((0.0, 4000.0, 7000.0))  # millijoules; the first is asked to see whether it counts
    nvml = SimpleNamespace(
        nvmlInit=lambda: None,
        nvmlDeviceGetHandleByIndex=lambda index: f"gpu {index}",
        nvmlDeviceGetTotalEnergyConsumption=lambda device: next(taken) if device == "gpu 1" else None,
    )
    monkeypatch.setitem(sys.modules, "made_up_nvml", nvml)
    package(tmp_path, 0, 1_000_000)
    energy = Energy.found(tmp_path, nvml_module="made_up_nvml", gpu=1)
    before = energy.joules()
    assert before == pytest.approx(5.0)
    assert energy.taken_since(before) == pytest.approx(3.0)


def test_a_gpu_that_counts_nothing_is_unknown(tmp_path: Path) -> None:
    assert Energy.found(tmp_path, nvml_module="no_such_module", gpu=0).joules() is None


def test_this_machine_can_be_asked() -> None:
    assert (peak_memory() or 0) > 2**20
    found = energy_counters().joules()
    assert found is None or found >= 0
