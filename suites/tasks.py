"""A suite as an lm-eval task. Importing this module imports lm_eval, so it is imported only where an evaluation starts.

The task is built straight from the items in memory: lm-eval's `TaskManager` would scan its thousands of built-in task
files first (several seconds), and its `ConfigurableTask` wants a `datasets` source to download.
"""

from __future__ import annotations

from typing import Any

from lm_eval.api.filter import FilterEnsemble
from lm_eval.api.instance import Instance
from lm_eval.api.metrics import mean
from lm_eval.api.task import Task
from lm_eval.config.task import TaskConfig

from suites.contract import Grade, Item, Suite

ACCURACY = "accuracy"
"""Name of the metric that lm-eval averages: an item's share of correct samples, 0..1."""
GRADES = "grades"
"""Name of the metric that carries an item's `Grade`s, one per sample, in the order they were drawn."""


class SuiteTask(Task):  # type: ignore[misc]  # lm-eval is untyped to mypy
    """A generate-until task over the items of a suite, in which every repeat of an item is graded."""

    OUTPUT_TYPE = "generate_until"

    def __init__(self, suite: Suite, *, samples: int, temperature: float, top_p: float) -> None:
        """Build the task.

        Args:
            suite: Items, limits and grader.
            samples: Answers drawn for each item, at least 1.
            temperature: Sampling temperature; 0 takes the most likely token.
            top_p: Probability mass of the nucleus that tokens are drawn from; 1 for all of it.

        Raises:
            ValueError: If `samples` is below 1.
        """
        # lm-eval's own __init__ would download a dataset and warn about a config that it fills in only later.
        if samples < 1:
            raise ValueError(f"a task needs at least 1 sample per item, got {samples}")
        self.VERSION = suite.version
        self._items = {item.id: item for item in suite.items}
        self._grader = suite.grader
        self._docs = [{"id": item.id, "prompt": item.prompt, "payload": dict(item.payload)} for item in suite.items]
        self._instances: list[Instance] | None = None
        # lm-eval's default filter is "take_first": it would hand one sample of K to the grader and drop the rest.
        self._filters = [FilterEnsemble(name="every_sample", filters=[])]
        self._config = TaskConfig(
            task=suite.name,
            num_fewshot=0,
            repeats=samples,
            generation_kwargs={
                "until": list(suite.stop),
                "max_gen_toks": suite.max_tokens,
                "do_sample": temperature > 0,
                "temperature": temperature,
                "top_p": top_p,
                "top_k": 0,
            },
            metadata={"version": suite.version, "sha256": suite.sha256},
        )

    def has_training_docs(self) -> bool:
        """Return False: a suite holds evaluation items only."""
        return False

    def has_validation_docs(self) -> bool:
        """Return False: a suite holds evaluation items only."""
        return False

    def has_test_docs(self) -> bool:
        """Return True: every item of the suite."""
        return True

    def test_docs(self) -> list[dict[str, Any]]:
        """Return the items as the mappings that lm-eval passes around."""
        return self._docs

    def doc_to_text(self, doc: dict[str, Any]) -> str:
        """Return the whole prompt of an item."""
        return str(doc["prompt"])

    def doc_to_target(self, doc: dict[str, Any]) -> str:
        """Return nothing: the grader checks steps and result, there is no reference text."""
        return ""

    def build_all_requests(
        self, *, limit: int | None = None, rank: int = 0, world_size: int = 1, **options: Any
    ) -> None:
        """Make one request per item, silently (lm-eval's own version draws a progress bar).

        Args:
            limit: Items taken from the front; all if None.
            rank: Of this process.
            world_size: Processes that share the items.
            **options: What else lm-eval passes; options that change a prompt are refused.

        Raises:
            ValueError: If asked for anything that would alter the fixed prompts of the suite.
        """
        altering = ("samples", "system_instruction", "apply_chat_template", "cache_requests")
        given = [name for name in altering if options.get(name)]
        if given:
            raise ValueError(f"suite {self._config.task!r} has fixed prompts: lm-eval's {given} can't be used")
        documents = self.doc_iterator(rank=rank, limit=limit, world_size=world_size)
        self._instances = [
            self.construct_requests(doc, doc["prompt"], metadata=(self._config.task, index, self._config.repeats))
            for index, doc in documents
        ]

    def construct_requests(self, doc: dict[str, Any], ctx: str, **kwargs: Any) -> Instance:
        """Return the request of one item; the generation settings are shared, not copied."""
        return Instance(
            request_type=self.OUTPUT_TYPE,
            doc=doc,
            arguments=(ctx, self._config.generation_kwargs),
            idx=0,
            metadata=kwargs["metadata"],
        )

    def process_results(self, doc: dict[str, Any], results: list[list[str]]) -> dict[str, Any]:
        """Grade every sample of one item.

        Args:
            doc: The item, as `test_docs` gave it.
            results: One list with the item's K texts.

        Returns:
            The item's share of correct samples, and its K grades in order.

        Raises:
            ValueError: If a sample was lost or added on the way.
        """
        (texts,) = results
        if len(texts) != self._config.repeats:
            raise ValueError(f"item {doc['id']!r}: {len(texts)} samples came back, expected {self._config.repeats}")
        item: Item = self._items[doc["id"]]
        # str(): graders see plain text, whatever subclass of it the model interface returned.
        grades: list[Grade] = [self._grader(item, str(text)) for text in texts]
        return {ACCURACY: sum(grade.correct for grade in grades) / len(grades), GRADES: grades}

    def aggregation(self) -> dict[str, Any]:
        """Return how lm-eval sums up over items: mean accuracy, and the count of graded samples."""
        return {ACCURACY: mean, GRADES: lambda per_item: sum(len(grades) for grades in per_item)}

    def higher_is_better(self) -> dict[str, bool]:
        """Return the direction of each metric."""
        return {ACCURACY: True, GRADES: True}
