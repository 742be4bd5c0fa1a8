from __future__ import annotations

import logging
import random
from typing import Any

import numpy as np
import pytest
import torch

from harness.isolation import generators_kept, inference, quiet
from harness.models import load_model


def draw() -> tuple[float, float, float]:
    return random.random(), float(np.random.rand()), float(torch.rand(()))  # noqa: NPY002  # what graders may do


def test_draws_inside_come_from_the_seed_and_leave_no_trace_outside() -> None:
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002  # the global state is what is tested
    torch.manual_seed(1)
    cpu = torch.device("cpu")
    expected = [draw(), draw()]
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002  # the global state is what is tested
    torch.manual_seed(1)
    first = draw()
    with generators_kept(7, cpu):
        inside = draw()
    second = draw()
    assert [first, second] == expected
    with generators_kept(7, cpu):
        assert draw() == inside
    with generators_kept(8, cpu):
        assert draw() != inside


def test_generators_are_restored_after_an_error() -> None:
    torch_state, python_state = torch.get_rng_state(), random.getstate()

    def fail() -> None:
        with generators_kept(7, torch.device("cpu")):
            draw()
            raise RuntimeError("inside")

    with pytest.raises(RuntimeError, match="inside"):
        fail()
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert random.getstate() == python_state


def test_every_module_gets_back_its_own_mode() -> None:
    model: Any = load_model("tiny").train()
    model.model.layers[0].eval()
    before = [module.training for module in model.modules()]
    assert len(set(before)) == 2
    with inference(model):
        assert not any(module.training for module in model.modules())
        assert not torch.is_grad_enabled()
    assert [module.training for module in model.modules()] == before
    assert torch.is_grad_enabled()


def test_a_logger_is_quiet_only_inside() -> None:
    logger = logging.getLogger("chatty.child")
    with quiet("chatty"):
        assert not logger.isEnabledFor(logging.WARNING)
        assert logger.isEnabledFor(logging.ERROR)
    assert logger.isEnabledFor(logging.WARNING)
