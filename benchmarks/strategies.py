"""A step of every strategy against a step of grpo: `python -m benchmarks.strategies [--write] [NAME …]`.

The policy is kept where it starts (the learning rate is next to nothing), so that every strategy meets the same
rollouts and the ratios are about its own work. Strategies and grpo are trained in turn, in rounds; a ratio is the
median, over rounds, of a strategy's median step by that of the grpo run before it. `--write` puts the ratios where
`explorebench strategies` reads them.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import strategies.page
from benchmarks.training import benchmark_plan, cell_of, in_scratch
from harness.plan.resolve import Plan
from harness.store.atomic import read_lines
from strategies import Strategy, build, known_strategies
from strategies.parameters import parameters

STEPS, WARM_UP = 10, 2
ROUNDS = 3
EVERY = 4
"""Strategies between two runs of grpo."""
PARTS: dict[str, object] = {
    "hybrid": {"hybrid": {"primary": "g2rl", "hedge": "entropy_bonus"}},
    "with_resets": {"with_resets": {"strategy": "grpo", "action": "optimizer"}},
    "filtered": {"filtered": {"strategy": "g2rl"}},
    "recalibrated": {"recalibrated": {"strategy": "g2rl"}},
    "noise_novelty": {"noise_novelty": {"of": "g2rl"}},
}
"""What stands for a strategy that needs others."""
HEADER = "| strategy | time a step | time a generated token |\n|---|---|---|"


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """Median wall seconds of one run."""

    step_s: float
    token_s: float


def pace(plan: Plan, strategy: Strategy) -> Pace:
    """Train a few steps of `strategy` and return how long one took."""
    plan = replace(plan, budget=plan.budget.model_copy(update={"amount": STEPS}))
    arm = replace(plan.arm("grpo"), strategy=strategy)
    arm = replace(arm, training=arm.training.model_copy(update={"learning_rate": 1e-12}))
    with in_scratch(plan, cell_of(plan, "grpo"), arm) as (trainer, paths):
        trainer.train()
        steps = read_lines(paths.train)[WARM_UP:]
    return Pace(
        step_s=statistics.median(step["wall_s"] for step in steps),
        token_s=statistics.median(1 / step["tokens_per_s"] for step in steps),
    )


def measure(names: Iterable[str], note: Callable[[str], None] = lambda line: None) -> dict[str, Pace]:
    """Return the pace of each strategy by grpo's: ratios, in the fields of a pace."""
    plan, grpo = benchmark_plan(), build("grpo")
    ratios: dict[str, list[Pace]] = {name: [] for name in names}
    for turn in range(ROUNDS):
        peer = pace(plan, grpo)
        for number, name in enumerate(ratios):
            if number and number % EVERY == 0:
                peer = pace(plan, grpo)
            ours = pace(plan, build(PARTS.get(name, name)))
            ratios[name].append(Pace(step_s=ours.step_s / peer.step_s, token_s=ours.token_s / peer.token_s))
            note(f"round {turn + 1}: {name} {ratios[name][-1].step_s:.3f}")
    return {
        name: Pace(
            step_s=statistics.median(one.step_s for one in found),
            token_s=statistics.median(one.token_s for one in found),
        )
        for name, found in ratios.items()
    }


def trained(name: str) -> bool:
    """Return whether a step of the strategy can be taken with its defaults, or with the parts of `PARTS`."""
    kind = known_strategies()[name]
    return getattr(kind, "trained", True) and (
        name in PARTS or not any(p.kind == "a strategy" for p in parameters(kind))
    )


def main(words: list[str]) -> None:
    """Print the table; write it too if asked to."""
    names = [word for word in words if word != "--write"] or [name for name in known_strategies() if trained(name)]
    found = measure(names, lambda line: print(line, file=sys.stderr, flush=True))
    print(HEADER)
    for name, ratio in found.items():
        print(f"| `{name}` | {ratio.step_s:.2f} | {ratio.token_s:.2f} |")
    if "--write" in words:
        measured = {name: {"step": round(one.step_s, 2), "token": round(one.token_s, 2)} for name, one in found.items()}
        text = json.dumps(dict(sorted({**strategies.page.costs(), **measured}.items())), indent=1)
        Path(strategies.page.__file__).with_name("costs.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
