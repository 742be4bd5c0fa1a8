"""What a reset does, and when it could do nothing."""

from __future__ import annotations

from typing import Literal, get_args

from strategies.run import RunSettings

Restart = Literal["state", "novelty"]
"""Rollouts that go on from prefixes; nothing is done to the model."""
Action = Literal["reference", "optimizer", "shrink", "lora", "dormant", "state", "novelty"]

LEAST_PART = 2
"""Rollouts in each part of a group: fewer have no spread to be standardised by."""


def require_possible(action: Action, run: RunSettings) -> None:
    """Raise ValueError for an action that could do nothing, or can't be done, under `run`."""
    if action == "reference" and run.adapters:
        raise ValueError(
            "action reference moves the reference policy to the current one, but under training.lora the reference is "
            "the model without adapters. Use action lora, which merges the adapters into it and starts new ones"
        )
    if action == "reference" and run.kl <= 0:
        raise ValueError(
            f"action reference resets the reference policy of the KL penalty, but training.kl is {run.kl}: it "
            "would do nothing. Set training.kl above 0 (ProRL uses 0.001 to 0.01), or use action optimizer"
        )
    if action == "lora" and not run.adapters:
        raise ValueError(
            "action lora merges LoRA adapters into the weights and starts them anew, but this run trains the weights "
            "themselves. Set training.lora, or use action shrink or optimizer"
        )
    if action == "dormant":
        _require_neurons(run)
    if action in get_args(Restart):
        _require_prefixes(action, run)


def _require_neurons(run: RunSettings) -> None:
    if run.adapters:
        raise ValueError(
            "action dormant starts neurons of the MLPs anew, but this run trains adapters and keeps the MLPs as they "
            "are. Use action lora, or train the weights themselves"
        )
    model = run.model()
    if model.mlps == 0:
        raise ValueError(
            f"action dormant starts neurons of the MLPs anew, but {model.name} has no MLP whose neurons can be told "
            "apart (a linear layer down from them). Use action shrink or optimizer, or another model"
        )


def _require_prefixes(action: Action, run: RunSettings) -> None:
    if not run.prefixes:
        raise ValueError(
            f"action {action} lets rollouts go on from a part of an answer, and an answer of the task {run.task!r} "
            "can't. Train on a task whose answers can, or use action optimizer, shrink or reference"
        )
    if run.group_size < 2 * LEAST_PART:
        raise ValueError(
            f"action {action} splits each group in two parts of at least {LEAST_PART} rollouts, but "
            f"training.group_size is {run.group_size}. Set it to {2 * LEAST_PART} or more"
        )
