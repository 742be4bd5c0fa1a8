"""What every worker imports, loaded once by the server they are forked from: it saves each of them seconds."""

import datasets
import lm_eval.evaluator
import torch
import trl.trainer.grpo_trainer

import harness.evaluation.policy
import harness.training.loop
import harness.training.setup
import suites.tasks

__all__ = ["datasets", "harness", "lm_eval", "suites", "torch", "trl"]
