"""Signals that can't be read off a model are refused, with the reason and what would work."""

from __future__ import annotations

from dataclasses import replace

import pytest

from strategies import ModelFacts, RunSettings, embeddings, projected_gradient
from strategies.requirements import require_readable

LAYERS = (("model.layers.0.up", 8, 4), ("model.layers.1.up", 8, 4), ("model.layers.1.down", 4, 8))
FACTS = ModelFacts(name="mine", layers=LAYERS, hidden=8, vocabulary=100)


def run(**facts: object) -> RunSettings:
    model = replace(FACTS, **facts)  # type: ignore[arg-type]  # fields by name
    return RunSettings(prompts_per_step=2, group_size=4, model=lambda: model)


@pytest.mark.parametrize(
    ("facts", "signal", "says"),
    [
        ({"head": None}, "gradient_features", "read at the LM head, and mine has none that can be found"),
        (
            {"head": "AdaptiveHead"},
            "hidden",
            "that of mine is a AdaptiveHead. Use a model whose head is a linear layer",
        ),
        ({"sharded": "FSDP"}, "split_features", "FSDP spreads those of mine over processes. Start the run without it"),
        (
            {"quantised": "bitsandbytes"},
            projected_gradient(16),
            r"are quantised \(bitsandbytes\), so that they have none",
        ),
    ],
)
def test_what_cannot_be_read_is_refused(facts: dict[str, object], signal: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        require_readable({signal}, run(**facts))
    require_readable({signal}, run())


def test_a_head_is_read_off_a_quantised_model() -> None:
    require_readable({"gradient_features"}, run(quantised="bitsandbytes"))


@pytest.mark.parametrize(
    ("layers", "bytes_needed"),
    [
        # One number a layer: each side's matrix has as many numbers as the side, and 8 rollouts keep 4 bytes of each.
        ("body", 4 * (3 * (8 + 4)) + 4 * 3 * 8),
        ("last", 4 * (2 * (8 + 4)) + 4 * 2 * 8),
        ("all", 4 * (3 * (8 + 4) + 8 + 100) + 4 * 4 * 8),
    ],
)
def test_a_projection_that_does_not_fit_is_refused(layers: str, bytes_needed: int) -> None:
    signal = projected_gradient(1, layers)  # type: ignore[arg-type]  # parametrised
    require_readable({signal}, run(free_bytes=bytes_needed))
    with pytest.raises(ValueError, match="Lower dimension, cover layers: last alone, or use signal sensitivity"):
        require_readable({signal}, run(free_bytes=bytes_needed - 1))


def test_the_model_is_looked_at_only_for_what_is_read_off_it() -> None:
    def never() -> ModelFacts:
        raise AssertionError("nothing is read off the model")

    blind = RunSettings(model=never)
    require_readable({embeddings("lexical")}, blind)
    require_readable(frozenset(), blind)
    with pytest.raises(AssertionError):
        require_readable({"logp"}, blind)
