"""Shortest path in a small undirected graph, worked as the frontiers of a breadth-first search.

Prompt ``Gab,bc,cd,ae:ad=``; answer ``a|be|c|d>abcd``: the frontiers from the start up to the one with the goal, then a
shortest path.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import combinations, pairwise
from random import Random

from suites.contract import Grade, Item
from suites.procedural.problem import UNREADABLE, Problem, settle

GRADER_VERSION = 1
LONGEST_ANSWER = 2_000
"""Characters; a longer text is not read."""
LEAST_DISTANCE = 2
"""Edges between start and goal of a drawn problem, at least."""

_ANSWER = re.compile(r"([a-z]+(?:\|[a-z]+)*)>([a-z]+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Range:
    """Which graphs are drawn."""

    nodes: int
    """Nodes, named a, b, c, …, at most 26."""
    edges: int
    """Edges, no two between the same nodes."""


def sample(generator: Random, drawn: Range) -> Problem:
    """Draw a graph and two of its nodes that are joined by a path of at least `LEAST_DISTANCE` edges."""
    names = "abcdefghijklmnopqrstuvwxyz"[: drawn.nodes]
    pairs = [left + right for left, right in combinations(names, 2)]
    while True:
        edges = [pair if generator.random() < 0.5 else pair[::-1] for pair in generator.sample(pairs, drawn.edges)]
        start, goal = generator.sample(names, 2)
        levels = frontiers(edges, start, goal)
        if levels is not None and len(levels) > LEAST_DISTANCE:
            return problem(edges, start, goal)


def problem(edges: list[str], start: str, goal: str) -> Problem:
    """Return the problem; its key ignores the order of edges, of their ends, and of start and goal.

    Raises:
        ValueError: If no path joins start and goal.
    """
    levels = frontiers(edges, start, goal)
    if levels is None:
        raise ValueError(f"no path from {start!r} to {goal!r} in {edges}; give a graph that joins them")
    named = ",".join(sorted("".join(sorted(edge)) for edge in edges))
    return Problem(
        key=f"graphs:{named}:{''.join(sorted(start + goal))}",
        prompt=f"G{','.join(edges)}:{start}{goal}=",
        payload={"edges": edges, "start": start, "goal": goal},
        solution=f"{'|'.join(levels)}>{_walk_back(edges, levels, goal)}",
    )


def frontiers(edges: list[str], start: str, goal: str) -> list[str] | None:
    """Return the sorted frontiers from `start` up to the one with `goal`, or None when it is out of reach."""
    levels, seen = [start], {start}
    while goal not in seen:
        reached = {edge[1 - i] for edge in edges for i in (0, 1) if edge[i] in levels[-1]}
        if not reached - seen:
            return None
        levels.append("".join(sorted(reached - seen)))
        seen |= reached
    return levels


def grade(item: Item, completion: str) -> Grade:
    """Grade frontiers and path; within a frontier any order will do, and any shortest path. The answer is the path."""
    text = completion.strip(" \n")
    read = _ANSWER.fullmatch(text) if len(text) <= LONGEST_ANSWER else None
    if read is None:
        return UNREADABLE
    edges: list[str] = list(item.payload["edges"])
    levels = frontiers(edges, item.payload["start"], item.payload["goal"]) or []
    path = read[2]
    joined = {frozenset(edge) for edge in edges}
    ends_right = path[0] == item.payload["start"] and path[-1] == item.payload["goal"]
    walks = all(frozenset(step) in joined for step in pairwise(path))
    return settle(
        answer=path,
        steps_hold=["".join(sorted(level)) for level in read[1].split("|")] == levels,
        result_right=ends_right and walks and len(path) == len(levels),
    )


def _walk_back(edges: list[str], levels: list[str], goal: str) -> str:
    joined = {frozenset(edge) for edge in edges}
    path = goal
    for level in reversed(levels[:-1]):
        path = next(node for node in level if frozenset((node, path[0])) in joined) + path
    return path
