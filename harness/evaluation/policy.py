"""The model as lm-eval sees it: requests in, one sampled text per request out, in the order of the requests."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from lm_eval.api.instance import Instance
from lm_eval.api.model import LM
from lm_eval.api.task import Task
from lm_eval.evaluator import evaluate as lm_evaluate
from torch import Tensor

from harness.evaluation.draws import uniforms
from harness.evaluation.errors import UnfitSuiteError
from harness.evaluation.generation import Answer, Decoding, Generator


class SampledText(str):
    """What the model wrote: to lm-eval a plain text, to us one that knows its tokens."""

    __slots__ = ("tokens", "truncated")

    tokens: int
    """Generated tokens, end-of-text included."""
    truncated: bool
    """Ran into the token cap before it ended."""

    def __new__(cls, text: str, *, tokens: int, truncated: bool) -> Self:
        """Return `text` with its counts."""
        sampled = super().__new__(cls, text)
        sampled.tokens = tokens
        sampled.truncated = truncated
        return sampled


@dataclass(frozen=True, slots=True)
class Row:
    """One answer to be written."""

    position: int
    """Of its request in the list that lm-eval gave."""
    item: str
    sample: int
    """Index among the samples of the item, 0..K-1."""


class PolicyLM(LM):  # type: ignore[misc]  # lm-eval is untyped to mypy
    """A loaded model that answers lm-eval's generate-until requests by sampling."""

    def __init__(self, model: Any, tokenizer: Any, *, stream: str, batch_size: int) -> None:
        """Wrap a model.

        Args:
            model: A causal model of transformers, in evaluation mode, on any device.
            tokenizer: Its tokenizer; needs no padding token.
            stream: Name of the random numbers (see `draws.stream_name`).
            batch_size: Sequences generated at once.
        """
        super().__init__()
        self._model = model
        self._tokenizer = tokenizer
        self._stream = stream
        self._batch_size = batch_size
        self.prompt_tokens = 0
        """Prompt tokens that the model has read; the samples of an item in one batch share one reading."""
        self.generation_s = 0.0
        """Seconds spent in `generate_until`."""

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        """Sample one text per request; a request that stands K times gets K different samples.

        Args:
            requests: lm-eval's requests of one task; their documents carry the item's id.
            disable_tqdm: Part of lm-eval's interface; no progress is shown in either case.

        Returns:
            A `SampledText` per request, in their order.

        Raises:
            UnfitSuiteError: If a prompt is empty or leaves no room for an answer.
        """
        started_s = time.perf_counter()
        decoding = _decoding(requests[0].args[1])
        prompts = self._encode(requests, decoding.max_tokens)
        generator = Generator(self._model, self._tokenizer, decoding)
        rows = _rows(requests)
        # Prompts of like length together, the longest first: little padding, and memory runs out at once or never.
        rows.sort(key=lambda row: -len(prompts[row.item]))
        texts: dict[int, SampledText] = {}
        for start in range(0, len(rows), self._batch_size):
            batch = rows[start : start + self._batch_size]
            answers = self._answers(generator, batch, prompts, decoding.max_tokens)
            for row, text in zip(batch, self._texts(generator, answers), strict=True):
                texts[row.position] = text
        self.generation_s += time.perf_counter() - started_s
        return [texts[position] for position in range(len(requests))]

    def loglikelihood(self, requests: list[Instance]) -> list[tuple[float, bool]]:
        """Refuse: suites are generated and graded."""
        raise NotImplementedError("suites are graded on generated text; no log-likelihood is computed")

    def loglikelihood_rolling(self, requests: list[Instance]) -> list[float]:
        """Refuse: suites are generated and graded."""
        raise NotImplementedError("suites are graded on generated text; no log-likelihood is computed")

    def _encode(self, requests: Sequence[Instance], max_tokens: int) -> dict[str, list[int]]:
        """Return the token ids of each item's prompt."""
        texts = {request.doc["id"]: request.args[0] for request in requests}
        encoded = self._tokenizer(list(texts.values()))["input_ids"]
        room = getattr(self._model.config, "max_position_embeddings", None)
        suite = str(requests[0].task_name)
        for item, ids in zip(texts, encoded, strict=True):
            if not ids:
                raise UnfitSuiteError(suite, f"the prompt of item {item!r} has no tokens")
            if room is not None and len(ids) + max_tokens > room:
                raise UnfitSuiteError(
                    suite,
                    f"item {item!r} needs {len(ids)} prompt + {max_tokens} answer tokens, "
                    f"the model has room for {room}; shorten the suite's max_tokens or take another model",
                )
        return dict(zip(texts, encoded, strict=True))

    def _answers(
        self, generator: Generator, batch: Sequence[Row], prompts: dict[str, list[int]], max_tokens: int
    ) -> list[Answer]:
        items = list(dict.fromkeys(row.item for row in batch))
        index = {item: number for number, item in enumerate(items)}
        self.prompt_tokens += sum(len(prompts[item]) for item in items)
        return generator.answers(
            [prompts[item] for item in items],
            [index[row.item] for row in batch],
            self._uniform_RT(batch, max_tokens),
        )

    def _uniform_RT(self, batch: Sequence[Row], max_tokens: int) -> Tensor:
        streams = [uniforms(self._stream, row.item, row.sample, max_tokens) for row in batch]
        return torch.from_numpy(np.stack(streams)).to(self._model.device)

    def _texts(self, generator: Generator, answers: Sequence[Answer]) -> list[SampledText]:
        # As TRL decodes rollouts for its rewards: training and evaluation grade the same text.
        written = self._tokenizer.batch_decode([answer.ids for answer in answers], skip_special_tokens=True)
        return [
            SampledText(generator.stop_texts.cut(text), tokens=len(answer.ids), truncated=not answer.ended)
            for answer, text in zip(answers, written, strict=True)
        ]


def _rows(requests: Sequence[Instance]) -> list[Row]:
    """Number the repeats of each item in the order in which they stand."""
    seen: Counter[str] = Counter()
    rows = []
    for position, request in enumerate(requests):
        item = request.doc["id"]
        rows.append(Row(position, item, seen[item]))
        seen[item] += 1
    return rows


def _decoding(options: dict[str, Any]) -> Decoding:
    """Read lm-eval's generation settings; a task's requests all share them."""
    return Decoding(
        max_tokens=options["max_gen_toks"],
        stop=tuple(options["until"]),
        temperature=options["temperature"],
        top_p=options["top_p"],
    )


def run_task(policy: PolicyLM, task: Task) -> list[dict[str, Any]]:
    """Put one task to the policy and return lm-eval's log of its items, in the order of the task.

    lm-eval's `simple_evaluate` is not what is called: it seeds every global generator, scans the files of all built-in
    tasks, and asks git and pip about the machine.
    """
    results = lm_evaluate(
        lm=policy,
        task_dict={"tasks": {task.task_name: task}, "groups": {}},
        bootstrap_iters=0,
        log_samples=True,
    )
    rows: list[dict[str, Any]] = results["samples"][task.task_name]
    return rows
