"""TRL's GRPOTrainer with a strategy in its loop. The only module that touches TRL's private names.

`private_names` lists them.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import torch
from accelerate.utils import is_peft_model
from torch import Tensor
from trl import GRPOTrainer

from harness.training.batches import Setting, batch_of, rollouts_of, tokens_of
from harness.training.meter import StepMeter
from harness.training.probing import probe
from harness.training.ranks import Ranks
from harness.training.returned import checked_advantages, checked_prompts, checked_restarts
from harness.training.samples import Group, Samples
from harness.training.sampling import Restarts, Sampler
from harness.training.signals import Batch, SignalMaker, reads_hidden
from harness.training.supply import PromptSupply
from strategies import PromptPool, Rollouts, Shaped, SignalName, State, Strategy

IDS = ("prompt_ids", "completion_ids")
Listener = Callable[[Rollouts, Tensor, Shaped | None], None]
"""Looks at a batch that is about to be trained on; it changes none of it, and draws from no generator of the run."""


class StrategyTrainer(GRPOTrainer):  # type: ignore[misc]  # trl is untyped
    """Feeds a strategy the rollouts and signals it needs and applies what it returns; meters every step.

    With a strategy that overrides nothing, every tensor is what TRL alone would make.
    """

    _metrics: Any

    def __init__(
        self,
        *,
        strategy: Strategy,
        part: str,
        meter: StepMeter,
        generator: torch.Generator,
        origin: str,
        watched: frozenset[SignalName] = frozenset(),
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.strategy = strategy
        self.strategy_state: State = strategy.init()
        self.generator = generator
        self.meter = meter
        self.ranks = ranks = Ranks.of(self.accelerator)
        self.supply = PromptSupply(len(self.train_dataset), self.args.generation_batch_size // self.num_generations)
        self.mean_rewards: dict[int, list[float]] = defaultdict(list)
        self.diagnostics: dict[str, float] = {}
        self.reference_moved = False
        self.base_moved = False
        self.part = part
        self.origin = origin
        self.signals = SignalMaker(
            asked=strategy.asked(),
            reference=self._origin_copy() if "reference_hidden" in strategy.needs() else None,
            meter=meter,
            part=part,
            temperature=self.temperature,
            batch_size=self.args.per_device_train_batch_size,
            ranks=ranks,
        )
        self.sampler = Sampler(
            generate=self._generated,
            score=self._calculate_rewards,
            verifier=self.reward_funcs[0],
            row=self.train_dataset.__getitem__,
            model=lambda: self.policy,
            meter=meter,
            part=part,
            group_size=self.num_generations,
            remember=self._remember,
            tapped=reads_hidden(self.signals.names | watched),
            ranks=ranks,
        )
        self.listeners: list[Listener] = []
        """Called in turn with what is trained on: the rollouts, the advantages, and what the strategy said of them."""
        self.latest: Batch | None = None
        """What was trained on last."""
        self._ready: Samples | None = None
        """Rollouts that are there before TRL asks for them."""
        self._prompt_ids: list[list[int]] | None = None
        """The tokens of the prompts that are to be generated from, where they are known."""
        self._loss_inputs: dict[str, Any] | None = None

    def _origin_copy(self) -> Any:
        """Return the model that training starts from: TRL's own where it keeps one."""
        if self.ref_model is not None:
            return self.accelerator.unwrap_model(self.ref_model)
        return copy.deepcopy(self.policy).requires_grad_(False).eval()

    @property
    def updates_per_batch(self) -> int:
        """Optimizer steps taken on one generation batch."""
        steps = self.args.steps_per_generation * self.num_iterations
        return int(steps // self.args.gradient_accumulation_steps)

    @property
    def _batches(self) -> int:
        """Generation batches that have been trained on."""
        return int(self.state.global_step // self.updates_per_batch)

    @property
    def _where(self) -> str:
        return f"the strategy of arm {self.part!r}, at step {self.state.global_step},"

    # Generation

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        picked = self._picked()  # `inputs` are those due; the supply has the same order, and can be saved
        restarts = self._restarts()
        if self.strategy.rounds() > 1:
            metrics = copy.deepcopy(self._metrics)  # what TRL logs is to be about the rollouts that are trained on
            self._ready, counts = self.sampler.fill(picked, self.strategy, self.supply, restarts)
            self._metrics, self.diagnostics = metrics, dict(counts)
            self._log_lengths(self._ready)
        else:
            self._ready, self.diagnostics = self.sampler.sample(picked, restarts), {}
        with self.meter.phase("score"):
            rows = self._ready.own("rows", self._mine)
            output: dict[str, Any] = super()._generate_and_score_completions(rows)
        self._count(self._ready, output)
        output["rows"] = torch.tensor(self._mine, device=output["advantages"].device)
        self._shape(self._ready, output)
        self._ready = None
        return output

    def _shape(self, samples: Samples, output: dict[str, Any]) -> None:
        """Put the strategy's advantages in the place of TRL's."""
        self.latest = batch = batch_of(samples, self.processing_class.pad_token_id, output["advantages"].device)
        with self.meter.phase("score", self.part):
            signals = self.signals.make(batch, self.policy)
            theirs = self.ranks.stacked(output["advantages"])
            rollouts = rollouts_of(samples, batch, signals, self.setting, advantages=theirs)
            advantages = rollouts.advantages  # made anew where some went on from a prefix
            shaped, self.strategy_state = self.strategy.shape(rollouts, self.strategy_state)
            if shaped is not None:
                advantages = self._accepted(shaped, rollouts.mask.shape, rollouts.advantages)
            self.ranks.require_in_step(self.generator, self.supply.handed_out)
            advantages = self.ranks.of_first(advantages)  # the same in all ranks, to the last bit
            own = advantages[self._mine]
            # TRL pads this rank's rollouts to the longest of its own.
            output["advantages"] = own if own.dim() == 1 else own[:, : output["completion_ids"].shape[1]]
        for listen in self.listeners:
            listen(rollouts, advantages, shaped)

    @property
    def _mine(self) -> list[int]:
        """Places of this rank's rollouts in the batch that is trained on."""
        return self.ranks.share(self.args.generation_batch_size)

    @property
    def policy(self) -> Any:
        """The model as it is now; with adapters, the one that they are in."""
        model = self.accelerator.unwrap_model(self.model)
        return model.get_base_model() if is_peft_model(model) else model

    @property
    def setting(self) -> Setting:
        """What is the same for all that the strategy is shown in this step."""
        return Setting(scale=self.scale_rewards, step=self._batches, generator=self.generator, charge=self._charge)

    def _charge(self, part: str) -> AbstractContextManager[None]:
        return self.meter.phase("score", f"{self.part}/{part}")

    def _restarts(self) -> Restarts | None:
        count = self.strategy.continued(self.num_generations, self.strategy_state)
        return Restarts(count=count, choose=self._restart, text=self._text) if count else None

    def _restart(self, groups: list[Group]) -> Tensor:
        samples = Samples(groups=groups)
        batch = batch_of(samples, self.processing_class.pad_token_id, self.accelerator.device)
        hidden = {} if batch.hidden is None else {"hidden": batch.hidden}
        rollouts = rollouts_of(samples, batch, hidden, self.setting)
        where, self.strategy_state = self.strategy.restart(rollouts, self.strategy_state)
        return checked_restarts(where, rollouts, self._where)

    def _text(self, ids: list[int]) -> str:
        return str(self.processing_class.decode(ids, skip_special_tokens=True))

    def _generated(self, prompts: list[Any], ids: list[list[int]] | None) -> Any:
        self._prompt_ids = ids
        try:
            return self._generate(prompts)
        finally:
            self._prompt_ids = None

    def _tokenize_prompts(self, prompts: list[Any]) -> Any:
        return super()._tokenize_prompts(prompts) if self._prompt_ids is None else (self._prompt_ids, None, {})

    def _generate_single_turn(
        self, prompt_ids: Any, images: Any, multimodal_fields: Any, num_generations: int, has_tool_images: bool = False
    ) -> Any:
        each = 1 if self.use_vllm else num_generations  # vLLM is asked for each rollout: not all come in whole groups
        return super()._generate_single_turn(prompt_ids, images, multimodal_fields, each, has_tool_images)

    def _generate(self, prompts: list[Any]) -> Any:
        return super()._generate(prompts) if self._ready is None else self._ready.generation(self._mine)

    def _calculate_rewards(
        self, inputs: list[Any], prompts: list[str], completions: list[str], completion_ids_list: list[list[int]]
    ) -> Tensor:
        if self._ready is not None:
            return self._ready.rewards
        rewards: Tensor = super()._calculate_rewards(inputs, prompts, completions, completion_ids_list)
        return rewards

    def _picked(self) -> list[int]:
        """Return the prompts that the strategy wants in place of those due."""
        size = len(self.train_dataset)
        due = self.supply.take(self.args.generation_batch_size // self.num_generations)
        with self.meter.phase("select", self.part):
            pool = PromptPool(
                due=due,
                size=size,
                mean_rewards=self.mean_rewards,
                more=self.supply.take,
                probe=partial(probe, self),
                step=self._batches,
                generator=self.generator,
            )
            picked, self.strategy_state = self.strategy.pick_prompts(pool, self.strategy_state)
        if picked is not None:
            due = checked_prompts(picked, due, size, self._where)
        self.ranks.require_same(due, "picked prompts")
        return due

    def _log_lengths(self, samples: Samples) -> None:
        ends = {*self.eos_token_ids, self.processing_class.pad_token_id}
        for name, value in samples.length_statistics(ends).items():
            self._metrics["train"][name].append(value)

    def _remember(self, group: Group) -> None:
        self.mean_rewards[group.rows[0]["index"]].append(group.rewards.sum(dim=1).mean().item())

    # Scores

    def _count(self, samples: Samples, output: dict[str, Any]) -> None:
        """Book the passes over what is about to be trained on here."""
        prompts, completions = ([len(ids) for ids in samples.own(name, self._mine)] for name in IDS)
        for _ in range(self.num_iterations):
            self.meter.trained(prompts, completions)
        for name in ("ref_per_token_logps", "old_per_token_logps"):
            if name in output:
                self.meter.forwarded("score", "", prompts, completions)

    # Loss

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> Tensor:
        self._loss_inputs = dict(inputs)  # a copy: the batch may be used again, with its own advantages
        try:
            loss: Tensor = super()._compute_loss(model, self._loss_inputs)
        finally:
            self._loss_inputs = None
        return loss

    def _get_per_token_logps_and_entropies(self, *args: Any, **kwargs: Any) -> Any:
        made = super()._get_per_token_logps_and_entropies(*args, **kwargs)
        if self._loss_inputs is not None:  # TRL reads the advantages only after this
            with self.meter.phase("update", self.part):
                self._weigh(self._loss_inputs, made[0].detach(), made[1])
        return made

    def _weigh(self, inputs: dict[str, Any], logp: Tensor, entropy: Tensor) -> None:
        step = self.state.global_step
        tokens = tokens_of(inputs, logp, entropy, step, self.ranks.own(self.generator, step, self._step))
        weighed = self.strategy.weigh(tokens, self.strategy_state)
        if weighed is not None:
            inputs["advantages"] = self._accepted(weighed, logp.shape, tokens.advantages)

    def _accepted(self, shaped: Shaped, shape: torch.Size, like: Tensor) -> Tensor:
        advantages = checked_advantages(shaped, shape, like, self._where)
        self.diagnostics |= shaped.diagnostics
        return advantages

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        if not is_peft_model(self.model):  # the extras have brought adapters back
            super()._load_from_checkpoint(resume_from_checkpoint, model)

    def create_model_card(self, *args: Any, **kwargs: Any) -> None:
        """Write none: a checkpoint is sealed by us, not published."""
