"""Sealed checkpoints: whole or set aside, never deleted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.store.paths import CellPaths
from harness.store.seal import SEAL, damage, file_sha256, last_intact, read_seal, seal

ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # sha256 of abc
FILES = {"model.safetensors": b"abc", "state/strategy.pt": b"state"}


def sealed(paths: CellPaths, number: int, *, steps: int = 0) -> Path:
    for name, content in FILES.items():
        path = paths.scratch / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    seal(paths.scratch, paths.checkpoint(number), {"step": steps})
    return paths.checkpoint(number)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_seal_has_the_facts_and_the_hash_of_every_file(paths: CellPaths) -> None:
    folder = sealed(paths, 1, steps=5)
    assert not paths.scratch.exists()
    assert read_seal(folder) == {
        "step": 5,
        "files": {name: file_sha256(folder / name) for name in sorted(FILES)},
    }
    assert read_seal(folder)["files"]["model.safetensors"] == ABC
    assert damage(folder) is None


def test_sealing_again_replaces_the_whole_folder(paths: CellPaths) -> None:
    (sealed(paths, 1) / "left over").write_text("x")
    folder = sealed(paths, 1, steps=9)
    assert contents(folder).keys() == {*FILES, SEAL}
    assert read_seal(folder)["step"] == 9


def truncated(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"ab")


def flipped(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"abd")


def missing(folder: Path) -> None:
    (folder / "state" / "strategy.pt").unlink()


def unsealed(folder: Path) -> None:
    (folder / SEAL).unlink()


def half_sealed(folder: Path) -> None:
    (folder / SEAL).write_text((folder / SEAL).read_text()[:20])


def unlisted(folder: Path) -> None:
    (folder / SEAL).write_text(json.dumps({"step": 1}))


DAMAGES = [
    (truncated, f"model.safetensors has 2 bytes and hash fb8e20fc2e4c, sealed as {ABC[:12]}"),
    (flipped, f"model.safetensors has 3 bytes and hash a52d159f262b, sealed as {ABC[:12]}"),
    (missing, "state/strategy.pt is missing"),
    (unsealed, "seal.json can't be read (FileNotFoundError)"),
    (half_sealed, "seal.json can't be read (JSONDecodeError)"),
    (unlisted, "seal.json can't be read (KeyError)"),
]
over_damages = pytest.mark.parametrize(("harm", "problem"), DAMAGES, ids=[harm.__name__ for harm, _ in DAMAGES])


@over_damages
def test_damage_is_found(harm: Callable[[Path], None], problem: str, paths: CellPaths) -> None:
    folder = sealed(paths, 1)
    harm(folder)
    assert damage(folder) == problem


@over_damages
def test_a_damaged_checkpoint_is_set_aside_and_the_one_before_is_used(
    harm: Callable[[Path], None], problem: str, paths: CellPaths
) -> None:
    sealed(paths, 1)
    harm(sealed(paths, 2))
    left = contents(paths.checkpoint(2))
    number, notes = last_intact(paths)
    assert number == 1
    assert notes == [
        f"checkpoint damaged: 0002: {problem}; kept as 0002.damaged-0, went on from the one before",
    ]
    assert not paths.checkpoint(2).exists()
    assert contents(paths.checkpoints / "0002.damaged-0") == left
    assert last_intact(paths) == (1, [])  # found once, told once


def test_the_newest_intact_one_is_used_and_older_ones_are_not_looked_at(paths: CellPaths) -> None:
    truncated(sealed(paths, 1))
    sealed(paths, 2)
    sealed(paths, 10)
    assert last_intact(paths) == (10, [])
    assert paths.checkpoint(1).exists()


def test_with_every_checkpoint_damaged_training_starts_again_and_all_are_kept(paths: CellPaths) -> None:
    for number in (1, 2):
        truncated(sealed(paths, number))
    number, notes = last_intact(paths)
    assert (number, len(notes)) == (0, 2)
    truncated(sealed(paths, 1))
    assert last_intact(paths)[0] == 0
    assert sorted(path.name for path in paths.checkpoints.iterdir()) == [
        "0001.damaged-1",
        "0001.damaged-2",
        "0002.damaged-0",
    ]


def test_without_checkpoints_there_is_none(paths: CellPaths) -> None:
    assert last_intact(paths) == (0, [])
