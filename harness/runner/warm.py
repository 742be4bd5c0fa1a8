"""What every worker imports, loaded once by the server they are forked from: it saves each of them seconds.

What stands in memory then is no garbage: no worker looks through it, or copies its pages by doing so.
"""

import gc

import datasets
import torch
import trl.trainer.grpo_trainer

import harness.evaluation.engines.transformers
import harness.training.loop
import harness.training.setup

__all__ = ["datasets", "harness", "torch", "trl"]

gc.freeze()
