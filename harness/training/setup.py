"""From a plan and a cell to a trainer that is ready to start."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from transformers.trainer_callback import PrinterCallback
from trl import GRPOConfig

from harness.ledger.counters import energy_counters
from harness.ledger.flops import shape_of
from harness.models import load_model, load_tokenizer
from harness.plan.arms import Arm
from harness.plan.cells import Cell
from harness.plan.resolve import Plan
from harness.seeds import stream_seed
from harness.training.adapters import lora_config
from harness.training.drift import PROMPTS, BaseDrift
from harness.training.meter import StepMeter
from harness.training.problems import Verifier, problem_pool
from harness.training.ranks import ALONE, Ranks
from harness.training.trainer import StrategyTrainer
from harness.training.vllm import Server, generation_settings
from harness.training.watching import Watching, signals_of
from suites import training_task

if TYPE_CHECKING:
    from harness.training.loop import CellLoop
    from suites.contract import TrainingTask

NO_END = 10**9
"""Steps; the budget ends training, not a count."""


def make_trainer(
    plan: Plan, cell: Cell, arm: Arm, scratch: Path, loop: CellLoop, ranks: Ranks = ALONE
) -> StrategyTrainer:
    """Return the trainer of a cell at its first step; `loop` is called by it, and knows it from here on.

    Args:
        plan: Of the cell.
        cell: To be trained.
        arm: Its arm.
        scratch: Where TRL writes checkpoints.
        loop: What happens between steps.
        ranks: The processes that have met to train it.

    Raises:
        ValueError: If the arm is the base model, which isn't trained.
    """
    if arm.strategy is None:
        raise ValueError(f"the arm {arm.name!r} is not trained")
    plan = replace(plan, training=arm.training)  # a tuned arm may have a learning rate of its own
    task = training_task(plan.task)
    model = load_model(plan.model.folder)
    factor = 3 if plan.training.gradient_checkpointing else 2
    generator = torch.Generator().manual_seed(stream_seed(cell.seed, "strategy"))
    tokenizer, energy = load_tokenizer(plan.model.folder), energy_counters(processors=ranks.on_node == 0)
    lora = plan.training.lora
    torch.manual_seed(stream_seed(cell.seed, "trainer"))  # decides how adapters start
    trainer = loop.trainer = StrategyTrainer(
        strategy=arm.strategy,
        part=arm.name,
        meter=StepMeter(shape=shape_of(model), backward_factor=factor, energy=energy),
        generator=generator,
        origin=str(plan.model.folder),
        watched=signals_of(plan.watches),
        model=model,
        processing_class=tokenizer,
        reward_funcs=Verifier(task),
        train_dataset=problem_pool(task, plan.training.pool, stream_seed(cell.seed, "problems"), tokenizer),
        args=trainer_config(plan, cell, scratch, arm.strategy.trainer_settings(), ranks.count, loop.server),
        callbacks=[loop],
        peft_config=None if lora is None else lora_config(lora),
    )
    trainer.remove_callback(PrinterCallback)  # the loop prints a step in one short line
    loop.watching = Watching(watches=plan.watches, trainer=trainer)
    trainer.listeners.append(loop.watching)
    loop.suite_samples = sum(len(suite.items) * suite.samples for use, suite in plan.suites if use.primary)
    drift = _drift(plan, cell, task, trainer)
    loop.drifts = {"watch": drift, "score": replace(drift)}  # each has its own answers written, and pays for them
    return trainer


def _drift(plan: Plan, cell: Cell, task: TrainingTask, trainer: StrategyTrainer) -> BaseDrift:
    seed = stream_seed(cell.seed, "drift")
    tokenizer = load_tokenizer(plan.model.folder)
    return BaseDrift(
        folder=plan.model.folder,
        tokenizer=tokenizer,
        prompts=problem_pool(task, PROMPTS, seed, tokenizer)["prompt"],
        seed=seed,
        max_tokens=plan.max_completion_tokens,
        temperature=trainer.temperature,
        policy=lambda: trainer.policy,
        meter=trainer.meter,
        batch_size=trainer.args.per_device_train_batch_size,
    )


def trainer_config(
    plan: Plan, cell: Cell, scratch: Path, overrides: dict[str, Any], ranks: int = 1, server: Server | None = None
) -> GRPOConfig:
    """Return TRL's configuration of a cell: the plan's settings, and the strategy's overrides."""
    training = plan.training
    overrides = dict(overrides)
    group_size = training.group_size * overrides.pop("rollouts_factor", 1)
    rollouts = training.prompts_per_step * group_size
    update = rollouts // training.minibatches
    micro_batch = training.micro_batch or update // ranks
    settings: dict[str, Any] = {
        "output_dir": str(scratch),
        "per_device_train_batch_size": micro_batch,
        "gradient_accumulation_steps": update // (micro_batch * ranks),
        "generation_batch_size": rollouts,
        "num_iterations": training.epochs,
        "num_generations": group_size,
        "max_completion_length": plan.max_completion_tokens,
        "temperature": training.temperature,
        "beta": training.kl,
        "learning_rate": training.learning_rate,
        "lr_scheduler_type": "constant_with_warmup",
        "warmup_steps": training.warmup_steps,
        "weight_decay": training.weight_decay,
        "max_grad_norm": training.max_grad_norm,
        "max_steps": NO_END,
        # The pool is drawn at random already. TRL's sampler shuffles each pass with a generator that it does not save,
        # so a run resumed after the first pass would see other prompts.
        "shuffle_dataset": False,
        "seed": stream_seed(cell.seed, "trainer"),
        "bf16": training.precision == "bfloat16",
        "gradient_checkpointing": training.gradient_checkpointing,
        "disable_dropout": True,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "dataloader_num_workers": 0,
        "dataloader_pin_memory": torch.cuda.is_available(),
    }
    if training.vllm is not None:
        settings |= generation_settings(training.vllm, server)
    if ranks > 1:
        settings["ddp_find_unused_parameters"] = False  # every weight that is trained is in each pass
    if ranks > 1 and not torch.cuda.is_available():
        settings["use_cpu"] = True  # or accelerate takes no notice of the other ranks
    return GRPOConfig(**{**settings, **overrides})
