"""Whether halves of an answer agree on its direction: `python -m benchmarks.halves`.

Samples rollouts of the tiny model, splits the tokens of each in two, and compares the cosine of the two halves of Φ
with that of halves of rollouts of other prompts.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, normalize

from benchmarks.fidelity import ROLLOUTS, fidelity_plan, sampled
from benchmarks.training import cell_of, in_scratch
from harness.training.head import Head
from harness.training.signals import Batch

DRAWS = 20
HEADER = "| halves | own halves, mean | strangers' halves, mean | own above 95% of strangers |\n|---|---|---|---|"


def rollouts() -> tuple[Batch, Head]:
    """Return rollouts of the untrained policy with their hidden states, and its head."""
    plan = fidelity_plan()
    with in_scratch(plan, cell_of(plan, "grpo"), plan.arm("grpo")) as (trainer, _):
        trainer.meter.start()
        batch, _ = sampled(trainer)
        return batch, Head.of(trainer.policy, trainer.temperature)


def agreement(halves_B2D: Tensor) -> Tensor:
    """Return the mean cosine of own halves and of strangers', and the share of own ones above 95% of strangers."""
    own = cosine_similarity(halves_B2D[:, 0], halves_B2D[:, 1], dim=1)
    groups = torch.arange(len(own)) // ROLLOUTS
    first, second = (normalize(halves_B2D[:, half], dim=1) for half in (0, 1))
    strangers = (first @ second.T)[groups.unsqueeze(1) != groups]
    above = (own > torch.quantile(strangers, 0.95)).float().mean()
    return torch.stack([own.mean(), strangers.mean(), above])


def main(say: Callable[[str], None]) -> None:
    """Measure and print the table."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    batch, head = rollouts()
    if batch.hidden is None:
        raise RuntimeError("the sampler kept no hidden states")
    rows, columns = batch.mask.nonzero(as_tuple=True)
    phi = head.token_features()(batch.hidden[rows, columns], batch.completion_ids[rows, columns])

    def halves(second: Tensor) -> Tensor:
        sums = torch.zeros(2 * len(batch.mask), phi.shape[1])
        return sums.index_add_(0, 2 * rows + second.long(), phi).view(len(batch.mask), 2, -1)

    lots = [agreement(halves(torch.randint(2, rows.shape))) for _ in range(DRAWS)]
    late = columns >= batch.mask.sum(dim=1)[rows] // 2
    found = {
        "even and odd positions": agreement(halves(columns % 2)),
        f"by lot ({DRAWS} times)": torch.stack(lots).mean(dim=0),
        "first and second half": agreement(halves(late)),
    }
    say(f"{len(batch.mask)} rollouts of {batch.mask.sum(dim=1).float().mean():.1f} tokens in the mean\n\n{HEADER}")
    for name, (own, strangers, above) in found.items():
        say(f"| {name} | {own:+.2f} | {strangers:+.2f} | {100 * above:.0f}% |")


if __name__ == "__main__":
    main(print)
