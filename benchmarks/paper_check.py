"""`explorebench check` and `--dry-run` of plans/g2rl-paper.yaml without its data: `python -m benchmarks.paper_check`.

What `check` says rests on the shape of the model, the number of items of each suite, its samples and its cap. Those are
the real ones here. The texts are not (there is no network): stand-ins of some 90 tokens, so the length of prompts is a
guess, and weights there are none. Nothing that is printed is a measurement.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import PreTrainedTokenizerFast, Qwen3Config

from harness.data.snapshot import FORMAT, Snapshot
from harness.store.atomic import write_json
from suites.folder import VERBATIM, write_folder
from suites.known import BENCHMARKS, SOURCES

PLAN = Path(__file__).parents[1] / "plans" / "g2rl-paper.yaml"
MODEL = "Qwen/Qwen3-1.7B-Base"
ENCODER = Path("data/encoders/Qwen3-Embedding-4B")
SHAPE = Qwen3Config(
    vocab_size=151_936, hidden_size=2048, intermediate_size=6144, num_hidden_layers=28, num_attention_heads=16,
    num_key_value_heads=8, head_dim=128, max_position_embeddings=32_768, tie_word_embeddings=True,
    architectures=["Qwen3ForCausalLM"],
)  # fmt: skip
"""That of Qwen3-1.7B-Base (its config.json)."""
ITEMS = {
    "g2rl-math500": 500, "g2rl-amc23": 40, "g2rl-aime24": 30, "g2rl-aime25": 30, "g2rl-gpqa-diamond": 198,
    "g2rl-mmlu-pro": 12_032,
}  # fmt: skip
"""As published."""
PROBLEMS = 7_500
PROMPT_WORDS = 70
CHAT = "{% for message in messages %}{{ message['role'] }} : {{ message['content'] }} {% endfor %}assistant :"


def stand_in(root: Path) -> None:
    """Write a snapshot with the real shapes and numbers, and texts that stand in for the real ones."""
    snapshot = Snapshot(root)
    for name, count in ITEMS.items():
        write_folder(snapshot.suite(name), _contract(name, dict(BENCHMARKS[name].terms)), _rows(name, count))
    write_folder(snapshot.task("math-train"), _contract("math-train", dict(SOURCES["math-train"].terms)),
                 _rows("math-train", PROBLEMS))  # fmt: skip
    model = snapshot.model(MODEL)
    model.mkdir(parents=True)
    (model / "config.json").write_text(json.dumps(SHAPE.to_dict()))
    words = {word: number for number, word in enumerate(["<unk>", "<pad>", "<eos>", "word"])}
    tokenizer = Tokenizer(WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = Whitespace()
    made = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", pad_token="<pad>", eos_token="<eos>", chat_template=CHAT
    )
    made.save_pretrained(model)
    write_json(snapshot.index, {"format": FORMAT, "entries": {}})


def _contract(name: str, terms: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name, "description": "a stand-in", "skill": "stand-in", "licence": "none", "template": VERBATIM, **terms
    }  # fmt: skip


def _rows(name: str, count: int) -> list[dict[str, Any]]:
    filler = " word" * PROMPT_WORDS
    return [{"id": f"{name}-{n}", "prompt": f"{name} {n}{filler}", "answer": "A"} for n in range(count)]


def main() -> None:
    """Make the stand-ins in a temporary folder and type the commands there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", nargs="*", default=["check"], help="such as: check, or queue --on slurm --dry-run")
    name, *options = parser.parse_known_args()[0].command
    with tempfile.TemporaryDirectory() as folder:
        stand_in(Path(folder) / "data")
        (Path(folder) / ENCODER).mkdir(parents=True)
        (Path(folder) / ENCODER / "config.json").write_text("{}")
        command = [str(Path(sys.executable).with_name("explorebench")), name, str(PLAN), *options]
        sys.exit(subprocess.run(command, cwd=folder, check=False).returncode)


if __name__ == "__main__":
    main()
