"""TRL's GRPOTrainer with a strategy in its loop. The only module that touches TRL's private names.

`PRIVATE_NAMES` lists them; a test holds each, so that an upgrade of TRL that breaks us says where.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from trl import GRPOTrainer

from harness.training.meter import StepMeter
from harness.training.signals import GenerationTap, Head, compute_signals, hidden_by_forward
from strategies import Event, PromptPool, Rollouts, Shaped, State, Strategy

PRIVATE_NAMES = {
    "_generate": "(self, prompts)",
    "_calculate_rewards": "(self, inputs, prompts, completions, completion_ids_list)",
    "_generate_and_score_completions": "(self, inputs)",
}
"""The methods of GRPOTrainer that are overridden here, with the signatures they must have."""


class StrategyTrainer(GRPOTrainer):  # type: ignore[misc]  # trl is untyped
    """Feeds a strategy the rollouts and signals it needs and applies what it returns; meters every step.

    With a strategy that overrides nothing, every tensor is what TRL alone would make.
    """

    def __init__(self, *, strategy: Strategy, part: str, meter: StepMeter, generator: torch.Generator, **kwargs: Any):
        super().__init__(**kwargs)
        self.strategy = strategy
        self.strategy_state: State = strategy.init()
        self.generator = generator
        self.meter = meter
        self.mean_rewards: dict[int, list[float]] = defaultdict(list)
        self.diagnostics: Mapping[str, float] = {}
        self.reference_moved = False
        self._part = part
        self._needs = strategy.needs()
        self._rewards = torch.empty(0)
        self._completions: Sequence[str] = ()
        self._lengths: list[int] = []
        self._tap: GenerationTap | None = None

    def _generate(self, prompts: list[Any]) -> Any:
        with self.meter.phase("generate"):
            if not self._needs:
                return super()._generate(prompts)
            with GenerationTap(self.accelerator.unwrap_model(self.model)) as self._tap:
                return super()._generate(prompts)

    def _calculate_rewards(
        self, inputs: list[Any], prompts: list[str], completions: list[str], completion_ids_list: list[list[int]]
    ) -> Tensor:
        rewards_per_function: Tensor = super()._calculate_rewards(inputs, prompts, completions, completion_ids_list)
        self._rewards, self._completions = rewards_per_function.sum(dim=1), completions
        self._lengths = [len(ids) for ids in completion_ids_list]
        return rewards_per_function

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        inputs = self._picked(inputs)
        with self.meter.phase("score"):
            output: dict[str, Any] = super()._generate_and_score_completions(inputs)
        self._count(output)
        with self.meter.phase("score", self._part):
            shaped, self.strategy_state = self.strategy.shape(self._rollouts(inputs, output), self.strategy_state)
        if shaped is not None:
            output["advantages"] = _checked(shaped, output)
            self.diagnostics = shaped.diagnostics
        return output

    def _picked(self, inputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the batch that the strategy wants in place of the one due."""
        size = self.num_generations
        due = [row["index"] for row in inputs[::size]]
        with self.meter.phase("select", self._part):
            pool = PromptPool(
                due=due, size=len(self.train_dataset), mean_rewards=self.mean_rewards, generator=self.generator
            )
            picked, self.strategy_state = self.strategy.pick_prompts(pool, self.strategy_state)
        if picked is None:
            return inputs
        _check_picked(picked, due, len(self.train_dataset))
        return [self.train_dataset[index] for index in picked for _ in range(size)]

    def _count(self, output: dict[str, Any]) -> None:
        prompts = output["prompt_mask"].sum(dim=1).tolist()
        self.meter.generated(prompts, self._lengths)
        self.meter.trained(prompts, self._lengths)
        if self.beta != 0.0:
            self.meter.forwarded("score", "", prompts, self._lengths)

    def _mask(self, completion_ids: Tensor) -> Tensor:
        """Return (B, T) bool, true for generated tokens; TRL's own mask hides truncated rollouts where told to."""
        lengths = torch.tensor(self._lengths, device=completion_ids.device)
        return torch.arange(completion_ids.shape[1], device=completion_ids.device) < lengths.unsqueeze(1)

    def _rollouts(self, inputs: list[dict[str, Any]], output: dict[str, Any]) -> Rollouts:
        indices = [row["index"] for row in inputs[:: self.num_generations]]
        means = self._rewards.view(-1, self.num_generations).mean(dim=1).tolist()
        for index, mean in zip(indices, means, strict=True):
            self.mean_rewards[index].append(mean)
        completion_ids = output["completion_ids"]
        mask = self._mask(completion_ids)
        return Rollouts(
            rewards=self._rewards,
            advantages=output["advantages"],
            group_size=self.num_generations,
            completion_ids=completion_ids,
            mask=mask,
            signals=self._signals(output, mask) if self._needs else {},
            prompts=[row["prompt"] for row in inputs],
            completions=self._completions,
            scale=self.scale_rewards,
            step=self.state.global_step,
            generator=self.generator,
        )

    def _signals(self, output: dict[str, Any], mask: Tensor) -> dict[str, Tensor]:
        model = self.accelerator.unwrap_model(self.model)
        ids = output["completion_ids"]
        hidden = self._tap.hidden(ids.shape[1]) if self._tap is not None else None
        self._tap = None
        if hidden is None:
            whole = torch.cat([output["prompt_ids"], ids], dim=1)
            attention = torch.cat([output["prompt_mask"], mask.to(output["prompt_mask"])], dim=1)
            size = self.args.per_device_train_batch_size
            hidden = hidden_by_forward(model, whole, attention, ids.shape[1], size)
            self.meter.forwarded("score", self._part, output["prompt_mask"].sum(dim=1).tolist(), self._lengths)
        self.meter.signalled(self._part, len(self._needs) * self.meter.shape.sensitivity(float(mask.sum())))
        return compute_signals(self._needs, hidden, ids, mask, Head.of(model, self.temperature))

    def apply(self, event: Event) -> None:
        """Do what a strategy's reaction asks for."""
        if event.kind == "optimizer":
            self.optimizer.state.clear()
            return
        policy = self.accelerator.unwrap_model(self.model)
        reference = self.accelerator.unwrap_model(self.ref_model)
        reference.load_state_dict(policy.state_dict())
        self.reference_moved = True

    def create_model_card(self, *args: Any, **kwargs: Any) -> None:
        """Write none: a checkpoint is sealed by us, not published."""


def _checked(shaped: Shaped, output: dict[str, Any]) -> Tensor:
    """Return the advantages, or raise ValueError if they can't be the advantages of this batch."""
    ids, advantages = output["completion_ids"], shaped.advantages
    if advantages.shape not in (ids.shape[:1], ids.shape):
        raise ValueError(
            f"a strategy must return advantages of shape {tuple(ids.shape[:1])} or {tuple(ids.shape)}, "
            f"got {tuple(advantages.shape)}"
        )
    if not torch.isfinite(advantages).all():
        raise ValueError("a strategy returned advantages that are not finite")
    return advantages.to(output["advantages"])


def _check_picked(picked: Sequence[int], due: Sequence[int], size: int) -> None:
    if len(picked) != len(due) or not all(0 <= index < size for index in picked):
        raise ValueError(f"pick_prompts must return {len(due)} indices below {size}, got {list(picked)[:8]}…")
