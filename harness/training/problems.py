"""Training problems as TRL wants them, and the verifier's reward."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from harness.errors import CellError

if TYPE_CHECKING:
    from datasets import Dataset

    from suites.contract import Item, TrainingTask

Reward = Callable[..., list[float]]


def problem_pool(task: TrainingTask, size: int, seed: int) -> Dataset:
    """Return `size` problems with the columns index, prompt, id and payload (JSON)."""
    from datasets import Dataset

    source = random.Random(seed)
    items = [task.sample(source) for _ in range(size)]
    return Dataset.from_dict(
        {
            "index": list(range(size)),
            "prompt": [item.prompt for item in items],
            "id": [item.id for item in items],
            "payload": [json.dumps(item.payload) for item in items],
        }
    )


def verifier_reward(task: TrainingTask) -> Reward:
    """Return TRL's reward function: 1 for a right answer, 0 for any other."""

    def verified(
        prompts: list[str], completions: list[str], id: list[str], payload: list[str], **_: Any
    ) -> list[float]:
        rows = zip(prompts, completions, id, payload, strict=True)
        return [_reward(task, prompt, completion, name, data) for prompt, completion, name, data in rows]

    return verified


def _reward(task: TrainingTask, prompt: str, completion: str, name: str, payload: str) -> float:
    from suites.contract import Item

    item: Item = Item(id=name, prompt=prompt, payload=json.loads(payload))
    try:
        return float(task.grader(item, completion).correct)
    except Exception as error:
        message = f"the grader of task {task.name} raised {type(error).__name__} on problem {name}: {error}"
        raise CellError("grader error", message) from error
