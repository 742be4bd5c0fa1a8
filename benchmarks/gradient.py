"""Steps guided by gradients against a step of grpo: `python -m benchmarks.gradient [--shape qwen3-0.6b] [ARM …]`.

Each row is a run of its own process, grpo before every one, in rounds; ratios are medians over rounds of the median
step, and of peak memory (of the process on a CPU, of what torch holds on a GPU). The policy is kept where it starts, so
that all of them meet the same rollouts. The shape `qwen3-0.6b` has random weights, groups of 16 and 512 tokens; it is
meant for a GPU. Arms are named as the table names them; without names all are measured.
"""

from __future__ import annotations

import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.strategies import pace
from benchmarks.training import benchmark_plan
from harness.models.resolve import tiny_path
from harness.plan.resolve import Plan, load_plan
from strategies import build, label

ROUNDS = 3
GRPO = "grpo"
Arms = Sequence[tuple[Any, str]]
ARMS: Arms = (
    (GRPO, ""),
    ("g2rl", "1.10"),
    ({"g2rl": {"signal": "projected_gradient"}}, "2.5"),
    ({"g2rl": {"signal": "mean_hidden"}}, ""),
    ({"g2rl": {"signal": "text_embedding"}}, ""),
    ({"filtered": {"strategy": "g2rl"}}, ""),
    ("gar", ""),
    ("alignment_bonus", ""),
    ("learning_signal", ""),
    ({"recalibrated": {"strategy": "g2rl"}}, ""),
)
"""What is measured, and the most that its step may take by grpo's."""
MOST_MEMORY = 1.05
QWEN3_06B: dict[str, Any] = {
    "vocab_size": 151936,
    "hidden_size": 1024,
    "intermediate_size": 3072,
    "num_hidden_layers": 28,
    "num_attention_heads": 16,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "max_position_embeddings": 40960,
    "tie_word_embeddings": True,
    "pad_token_id": 0,
    "bos_token_id": None,
    "eos_token_id": 1,
}
LARGE_PLAN = """
name: benchmark
task: countdown
model: {model}
arms: [grpo]
baseline: grpo
seeds: 2
budget: {{steps: 10}}
checkpoints: 1
training: {{prompts_per_step: 1, group_size: 16, max_completion_tokens: {tokens}, precision: {precision}}}
suites: [countdown]
watch: []
"""


def large_plan(folder: Path, sizes: dict[str, Any], tokens: int = 512) -> Plan:
    """Return a plan around a randomly initialised Qwen3 of `sizes`, made in `folder`."""
    from transformers import Qwen3Config, Qwen3ForCausalLM

    torch.manual_seed(0)
    model = folder / "model"
    Qwen3ForCausalLM(Qwen3Config(**sizes)).save_pretrained(model)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tiny_path() / name, model / name)
    path = folder / "plan.yaml"
    precision = "bfloat16" if torch.cuda.is_available() else "float32"
    path.write_text(LARGE_PLAN.format(model=model, tokens=tokens, precision=precision))
    return load_plan(path)


def one_run(spec: Any, shape: str) -> dict[str, float]:
    """Return the median step of a run of `spec` in seconds, and its peak memory in bytes, in this process."""
    with tempfile.TemporaryDirectory() as folder:
        plan = benchmark_plan() if shape == "tiny" else large_plan(Path(folder), QWEN3_06B)
        step_s = pace(plan, build(spec)).step_s
    if torch.cuda.is_available():
        return {"step_s": step_s, "bytes": float(torch.cuda.max_memory_allocated())}
    return {"step_s": step_s, "bytes": 1024.0 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}


def apart(spec: Any, shape: str) -> dict[str, float]:
    """Return what `one_run` measures in a process of its own."""
    words = [sys.executable, "-m", "benchmarks.gradient", "--shape", shape, "--one", json.dumps(spec)]
    said = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    measured: dict[str, float] = json.loads(said.splitlines()[-1])
    return measured


def measure(shape: str, arms: Arms, rounds: int = ROUNDS) -> list[dict[str, float]]:
    """Return the medians over rounds of each arm's step and memory by those of the grpo run before it."""
    found: list[list[dict[str, float]]] = [[] for _ in arms]
    for turn in range(rounds):
        for place, (spec, _) in enumerate(arms):
            peer, ours = apart(GRPO, shape), apart(spec, shape)
            found[place].append({name: ours[name] / peer[name] for name in ours})
            print(f"round {turn + 1}: {label(build(spec))} {found[place][-1]}", file=sys.stderr, flush=True)
    return [{name: statistics.median(one[name] for one in ratios) for name in ratios[0]} for ratios in found]


def table(arms: Arms, ratios: Sequence[dict[str, float]]) -> str:
    """Return the measured ratios as Markdown, each beside the most that it may be."""
    lines = ["| strategy | step by grpo's | at most | peak memory by grpo's | at most |", "|---|---|---|---|---|"]
    for (spec, most), ratio in zip(arms, ratios, strict=True):
        memory = f"{MOST_MEMORY}" if most else ""
        name = label(build(spec))
        lines.append(f"| `{name}` | {ratio['step_s']:.2f} | {most} | {ratio['bytes']:.2f} | {memory} |")
    return "\n".join(lines)


def main(words: list[str]) -> None:
    """Print the table, or one run's numbers."""
    shape = words[words.index("--shape") + 1] if "--shape" in words else "tiny"
    if "--one" in words:
        print(json.dumps(one_run(json.loads(words[words.index("--one") + 1]), shape)))
        return
    arms = [arm for arm in ARMS if label(build(arm[0])) in words] or ARMS
    print(table(arms, measure(shape, arms)))


if __name__ == "__main__":
    main(sys.argv[1:])
