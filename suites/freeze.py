"""Writes the frozen suites: `python -m suites.freeze` gives the same bytes every time."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
from dataclasses import asdict
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from suites.catalog import FROZEN, LICENCE, STOP, Frozen
from suites.contract import Item
from suites.frozen.store import FOLDER, hash_suite, items_path, manifest_path
from suites.procedural.problem import draw
from suites.procedural.skills import SKILLS

SEED = 20_240


def freeze(folder: Path) -> None:
    """Write the items of every suite and the manifest into `folder`."""
    manifest = {}
    for spec in FROZEN.values():
        content = "".join(f"{json.dumps(asdict(item))}\n" for item in frozen_items(spec)).encode()
        fields = _fields(spec)
        manifest[spec.name] = {**fields, "sha256": hash_suite(fields, content)}
        _write(items_path(spec.name, folder), content)
    _write(manifest_path(folder), f"{json.dumps(manifest, indent=2)}\n".encode())


def frozen_items(spec: Frozen) -> list[Item]:
    """Draw the items of a suite from the evaluation side; no two have the same key.

    A validation suite leaves out the items of all suites that arms are compared on.
    """
    taken = _compared_items() if spec.validation else frozenset[str]()
    items: list[Item] = []
    for part, count in spec.parts:
        seed = hashlib.sha256(f"{SEED}:{spec.name}:{spec.version}:{part}".encode()).digest()
        generator = Random(int.from_bytes(seed, "big"))
        drawn: dict[str, Item] = {}
        while len(drawn) < count:
            problem = draw(SKILLS[part].sample, generator, "evaluation")
            if problem.item.id not in taken:
                drawn.setdefault(problem.key, problem.item)
        items += drawn.values()
    return items


@cache
def _compared_items() -> frozenset[str]:
    compared = [spec for spec in FROZEN.values() if not spec.validation]
    return frozenset(item.id for spec in compared for item in frozen_items(spec))


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Write the frozen suites and their manifest.")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where to write (default: the package)")
    freeze(parser.parse_args().folder)


def _fields(spec: Frozen) -> dict[str, Any]:
    return {
        "name": spec.name,
        "version": spec.version,
        "description": spec.description,
        "skill": spec.skill,
        "licence": LICENCE,
        "max_tokens": spec.max_tokens,
        "stop": list(STOP),
        "grader": spec.grader_name,
    }


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_bytes(content)
    os.replace(partial, path)


if __name__ == "__main__":
    main()
