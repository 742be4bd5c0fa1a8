"""Reading YAML so that every complaint can name the line that it is about."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from harness.errors import PlanError

Location = tuple[str | int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """A YAML document, and the line of each of its parts."""

    path: Path
    text: str
    data: Any
    lines: dict[Location, int]
    """1-based line of each key or list entry, by its place in `data`."""

    def where(self, location: Location, inside: Location = ()) -> str:
        """Return `plan.yaml, line 12: training.group_size` for the nearest part of `location` that the file has.

        Args:
            location: What is named.
            inside: The part of it that the line is of.
        """
        place = (*location, *inside)
        while place and place not in self.lines:
            place = place[:-1]
        line = self.lines.get(place, 1)
        dotted = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")
        return f"{self.path}, line {line}: {dotted or 'plan'}"


class _Loader(yaml.SafeLoader):
    """Reads 1e-4 as the number that everybody means (YAML 1.1 wants 1.0e-4), and 4:00:00 as text, not to base 60."""


_INT = "tag:yaml.org,2002:int"
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _INT]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    _INT, re.compile(r"^[-+]?(?:0b[01_]+|0x[\da-fA-F_]+|0[0-7_]*|[1-9][\d_]*)$"), list("-+0123456789")
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:\d[\d_]*\.?[\d_]*[eE][-+]?\d+|\d[\d_]*\.[\d_]*|\.\d[\d_]*(?:[eE][-+]?\d+)?)$"),
    list("-+0123456789."),
)


def read_source(path: Path) -> Source:
    """Read a plan file.

    Raises:
        PlanError: If it isn't there, isn't YAML, or names a key twice.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise PlanError([f"{path}: can't be read: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise PlanError([f"{path}: not a text file in UTF-8 (byte {error.start})"]) from error
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        data = loader.construct_document(root) if root is not None else None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        hint = "; indent with spaces" if "'\\t'" in str(error.problem) else ""
        raise PlanError([f"{path}, line {line}: not YAML: {error.problem}{hint}"]) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise PlanError([f"{path}, line {line}: not YAML: {error.reason} (#x{error.character:04x})"]) from error
    lines: dict[Location, int] = {}
    problems: list[str] = []
    if root is not None:
        _walk(root, (), lines, problems)
    if problems:
        raise PlanError([f"{path}, {problem}" for problem in problems])
    return Source(path=path, text=text, data=data, lines=lines)


def _walk(node: yaml.Node, place: Location, lines: dict[Location, int], problems: list[str]) -> None:
    lines.setdefault(place, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        for index, child in enumerate(node.value):
            _walk(child, (*place, index), lines, problems)
    if isinstance(node, yaml.MappingNode):
        for key, child in node.value:
            inner = (*place, str(key.value))
            if inner in lines:
                problems.append(f"line {key.start_mark.line + 1}: {key.value!r} stands twice")
            lines[inner] = key.start_mark.line + 1
            _walk(child, inner, lines, problems)
