"""A g2rl step against a grpo step."""

from __future__ import annotations

from benchmarks.measurement import HEADER, Row, in_turn
from benchmarks.training import STEPS, benchmark_plan, cell_seconds


def measure() -> Row:
    """Time both."""
    plan = benchmark_plan()
    g2rl, grpo = in_turn(lambda: cell_seconds(plan, "g2rl"), lambda: cell_seconds(plan, "grpo"))
    return Row(
        what="`g2rl` step",
        peer="`grpo` step",
        ours_s=g2rl / STEPS,
        peer_s=grpo / STEPS,
        target="at most 1.10",
        command="python -m benchmarks.g2rl_step",
    )


if __name__ == "__main__":
    print(HEADER, measure().markdown(), sep="\n")
