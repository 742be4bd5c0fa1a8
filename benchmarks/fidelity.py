"""How well cheap features rank true gradients: `python -m benchmarks.fidelity`.

Trains grpo on the tiny model, and at five points of the run takes groups of rollouts on problems that it never trains
on. Within each group, the cosines of a feature are rank-correlated (Spearman) with the cosines of the true gradients
of the rollouts' mean log-probabilities, unprojected. Rollouts with the same tokens count once.

The ± is a Student-t interval of 95% over seeds, of which there are few; the last column resamples groups within seeds,
all five points together, and so says nothing of other seeds.
"""

from __future__ import annotations

import statistics
import tempfile
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor
from transformers import PreTrainedModel

from benchmarks.training import cell_of, in_scratch
from harness.plan.resolve import Plan, load_plan
from harness.seeds import stream_seed
from harness.training.batches import batch_of
from harness.training.encoders import encode
from harness.training.gradients import Projection, exact_gradients, projected_gradients
from harness.training.head import Head, compute_signals
from harness.training.sampling import Sampler
from harness.training.signals import Batch
from harness.training.trainer import StrategyTrainer
from reports.statistics.intervals import mean_interval
from strategies import Rollouts
from strategies.gradient.agreement import LEAST, cosine_matrices, distinct, spearman
from strategies.signals import Layers

SEEDS = 3
TOKENS = 280_000
POINTS = 4
"""Checkpoints, equally far apart; the start is one point more."""
GROUPS, ROLLOUTS = 16, 8
TARGETS: tuple[Layers, ...] = ("body", "all")
DIMENSIONS = (16, 64, 256, 1024)
RESAMPLES = 2000
PLAN = f"""
name: fidelity
task: countdown
arms: [grpo]
baseline: grpo
seeds: {SEEDS}
budget: {{generated_tokens: {TOKENS}}}
checkpoints: {POINTS}
training: {{prompts_per_step: 16, group_size: 8, learning_rate: 1e-4}}
suites: [countdown]
watch: []
"""

Scores = Mapping[tuple[str, str], list[float]]
"""(target, feature) → the rank correlation of each group."""


def fidelity_plan() -> Plan:
    """Return the plan whose cells are trained."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fidelity.yaml"
        path.write_text(PLAN)
        return load_plan(path)


def measured(plan: Plan, place: int) -> list[Scores]:
    """Train the cell at `place` and return what was measured at each point."""
    cell, found = cell_of(plan, "grpo", place), list[Scores]()

    def look(number: int) -> None:
        found.append(fidelity(trainer, cell.seed))

    with in_scratch(plan, cell, plan.arm(cell.arm), look) as (trainer, _):
        look(0)
        trainer.train()
    return found


def fidelity(trainer: StrategyTrainer, seed: int) -> Scores:
    """Return how well each feature ranks the true gradients, in each group; training is left as it is."""
    with torch.random.fork_rng():
        torch.manual_seed(stream_seed(seed, "strategy"))  # grpo draws nothing from it
        batch, rollouts = sampled(trainer)
        model = trainer.accelerator.unwrap_model(trainer.model)
        truths = {target: exact(model, batch, trainer.temperature, target) for target in TARGETS}
        features = made(model, batch, trainer.temperature)
    groups = [rows for rows in distinct(rollouts) if len(rows) >= LEAST]
    scores = defaultdict[tuple[str, str], list[float]](list)
    for target, truth in truths.items():
        for name, feature in features.items():
            pairs = zip(cosine_matrices(feature, groups), cosine_matrices(truth, groups), strict=True)
            scores[target, name] = [spearman(upper(a), upper(b)) for a, b in pairs]
    return scores


def sampled(trainer: StrategyTrainer) -> tuple[Batch, Rollouts]:
    """Return rollouts on the last problems of the pool, which a run of this length never reaches."""
    sampler: Sampler = replace(trainer.sampler, tapped=True)
    size = len(trainer.train_dataset)
    rows = [trainer.train_dataset[index] for index in range(size - GROUPS, size)]
    metrics, trainer._metrics = trainer._metrics, defaultdict(lambda: defaultdict(list))
    samples = sampler.probe(rows, ROLLOUTS, "fidelity", tapped=True)
    trainer._metrics = metrics
    batch = batch_of(samples, trainer.processing_class.pad_token_id, trainer.accelerator.device)
    rewards = samples.rewards.sum(dim=1)
    rollouts = Rollouts(
        rewards=rewards,
        advantages=rewards,
        group_size=ROLLOUTS,
        completion_ids=batch.completion_ids,
        mask=batch.mask,
    )
    return batch, rollouts


def exact(model: PreTrainedModel, batch: Batch, temperature: float, target: Layers) -> Tensor:
    """Return the true gradients (B, weights)."""
    whole = batch.sequences
    return exact_gradients(model, whole.ids, whole.attention, whole.mask, temperature, target)


def made(model: PreTrainedModel, batch: Batch, temperature: float) -> dict[str, Tensor]:
    """Return the features (B, F) that are compared with the true gradients."""
    if batch.hidden is None:
        raise RuntimeError("the sampler kept no hidden states")
    head = Head.of(model, temperature)
    names = frozenset({"gradient_features", "hidden"})
    signals = compute_signals(names, batch.hidden, batch.completion_ids, batch.mask, head)
    lengths = batch.mask.sum(dim=1, keepdim=True).clamp(min=1)
    features = {
        "sensitivity (Φ)": signals["gradient_features"],
        "mean_hidden": signals["hidden"].sum(dim=1) / lengths,
        "text_embedding (lexical)": encode("lexical", batch.completions),
        "random_vector": torch.randn(signals["gradient_features"].shape),
    }
    for dimension in DIMENSIONS:
        features[f"projected_gradient:body:{dimension}"] = projected_gradients(
            model,
            batch.sequences,
            Projection("body", dimension),
            temperature=temperature,
            batch_size=32,
        )
    return features


def upper(matrix: Tensor) -> Tensor:
    """Return the pairs of a symmetric matrix, each once."""
    rows, columns = torch.triu_indices(len(matrix), len(matrix), offset=1)
    return matrix[rows, columns]


def table(runs: Sequence[Sequence[Scores]], target: str) -> str:
    """Return one target's Markdown table: features by points of the run."""
    shares = [f"{100 * point // POINTS}%" for point in range(POINTS + 1)]
    header = ["feature", *shares, "all, resampled groups"]
    lines = [header, ["---"] * len(header)]
    for name in dict.fromkeys(feature for found, feature in runs[0][0] if found == target):
        cells = [
            seeds_cell([statistics.fmean(run[point][target, name]) for run in runs]) for point in range(POINTS + 1)
        ]
        low, high = resampled([[score for point in run for score in point[target, name]] for run in runs])
        lines.append([name, *cells, f"[{low:.2f}, {high:.2f}]"])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def seeds_cell(means: Sequence[float]) -> str:
    """Return the mean over seeds and the half-width of its interval."""
    interval = mean_interval(means)
    return f"{interval.mean:.2f}" if interval.half_width is None else f"{interval.mean:.2f} ± {interval.half_width:.2f}"


def resampled(groups: Sequence[Sequence[float]]) -> tuple[float, float]:
    """Return the 2.5% and 97.5% points of the mean over seeds when each seed's groups are drawn again."""
    generator = torch.Generator().manual_seed(0)

    def draw(scores: Tensor) -> Tensor:
        return scores[torch.randint(len(scores), (RESAMPLES, len(scores)), generator=generator)].mean(dim=1)

    means = torch.stack([draw(torch.tensor(scores, dtype=torch.float64)) for scores in groups]).mean(dim=0)
    low, high = torch.quantile(means, torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    return low, high


def main(say: Callable[[str], None]) -> None:
    """Measure and print the tables."""
    torch.set_num_threads(1)
    plan = fidelity_plan()
    runs = [measured(plan, place) for place in range(SEEDS)]
    counts = [[len(point["body", "random_vector"]) for point in run] for run in runs]
    say(f"groups with at least {LEAST} different rollouts, of {GROUPS}, by seed and point: {counts}")
    for target in TARGETS:
        say(f"\nagainst the gradient of {target}\n\n{table(runs, target)}")


if __name__ == "__main__":
    main(print)
