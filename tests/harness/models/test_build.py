"""The build: deterministic, on the solution only, on the training side only, all or nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
import torch

from harness.models import warmstart
from harness.models.build import build_tiny, hash_weights
from harness.models.muon import Muon, orthogonalise
from harness.models.recipe import TINY, Recipe
from harness.models.tokenizer import EOS, MAX_LENGTH_TOKENS, VOCABULARY
from harness.models.warmstart import IGNORED, encode, fixed_arithmetic, schedule
from suites.procedural.problem import Problem, split_of
from suites.procedural.skills import SKILLS

MINI = Recipe(
    hidden_size=16,
    intermediate_size=16,
    layers=1,
    heads=2,
    key_value_heads=1,
    mix=(("countdown", 4), ("graphs", 2)),
    steps=2,
)


def quiet(_: str) -> None:
    """Say nothing."""


def test_the_same_seed_gives_the_same_weights_whatever_the_surroundings(tmp_path: Path) -> None:
    hashes = []
    for name, global_seed in (("first", 1), ("second", 2)):
        torch.manual_seed(global_seed)
        hashes.append(build_tiny(tmp_path / name, seed=3, progress=quiet, recipe=MINI, measured=False).sha256)
    assert hashes[0] == hashes[1] == hash_weights(tmp_path / "second")
    other = build_tiny(tmp_path / "third", seed=4, progress=quiet, recipe=MINI, measured=False)
    assert other.sha256 != hashes[0]


def test_a_build_writes_the_whole_folder_and_replaces_a_model(tmp_path: Path) -> None:
    said: list[str] = []
    build_tiny(tmp_path / "tiny", seed=1, progress=quiet, recipe=MINI, measured=False)
    built = build_tiny(tmp_path / "tiny", seed=0, progress=said.append, recipe=MINI, measured=False)
    names = {path.name for path in built.path.iterdir()}
    assert {"config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "recipe.json"} <= names
    record = json.loads((built.path / "recipe.json").read_text())
    assert (record["weights_sha256"], record["recipe"]["steps"]) == (built.sha256, 2)
    assert [path.name for path in tmp_path.iterdir()] == ["tiny"]
    assert any("step 2 of 2" in line for line in said)


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("ten years")
    with pytest.raises(ValueError, match="not empty and holds no model"):
        build_tiny(tmp_path, seed=0, progress=quiet, recipe=MINI, measured=False)
    assert (tmp_path / "thesis.txt").read_text() == "ten years"


def test_a_build_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("harness.models.build.write_json", fail)
    with pytest.raises(OSError, match="disk full"):
        build_tiny(tmp_path / "tiny", seed=0, progress=quiet, recipe=MINI, measured=False)
    assert list(tmp_path.iterdir()) == []


def test_threads_and_generator_are_put_back() -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    threads = torch.get_num_threads()
    with fixed_arithmetic(threads + 1, 0):
        assert torch.get_num_threads() == threads + 1
        assert torch.are_deterministic_algorithms_enabled()
        torch.rand(7)
    assert torch.get_num_threads() == threads
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.rand(1) == expected


def test_loss_is_on_the_solution_and_end_of_text_only() -> None:
    problems = [
        Problem(key="x:1", prompt="C1:", payload={}, solution="ab"),
        Problem(key="x:2", prompt="S:", payload={}, solution="c"),
    ]
    ids_NT, labels_NT = encode(problems)
    a, b, c, eos = (VOCABULARY[token] for token in ("a", "b", "c", EOS))
    assert ids_NT.shape == (2, 6)
    assert labels_NT.tolist() == [
        [IGNORED, IGNORED, IGNORED, a, b, eos],
        [IGNORED, IGNORED, c, eos, IGNORED, IGNORED],
    ]


def test_training_sees_its_side_of_the_split_only(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Problem] = []

    def watching(problems: list[Problem]) -> tuple[torch.Tensor, torch.Tensor]:
        seen.extend(problems)
        return encode(problems)

    monkeypatch.setattr(warmstart, "encode", watching)
    with fixed_arithmetic(1, 0):
        warmstart.train(warmstart.new_model(MINI), replace(MINI, steps=20), Random(0), quiet)
    assert len(seen) == 20 * 6
    assert {split_of(problem.key) for problem in seen} == {"training"}


def test_the_recipe_teaches_known_skills_and_fits_the_model() -> None:
    assert {name for name, _ in TINY.mix} <= SKILLS.keys()
    assert 40 + max(skill.max_tokens for skill in SKILLS.values()) <= MAX_LENGTH_TOKENS


def test_the_schedule_by_hand() -> None:
    recipe = replace(MINI, steps=10, warmup_steps=4)
    assert [schedule(step, recipe) for step in (0, 1, 3, 4, 7)] == pytest.approx([0.25, 0.5, 1.0, 1.0, 0.5])


def test_orthogonalised_matrices_have_singular_values_near_one() -> None:
    generator = torch.Generator().manual_seed(0)
    for shape in ((2, 6, 9), (2, 9, 6)):
        values = torch.linalg.svdvals(orthogonalise(torch.randn(shape, generator=generator)))
        assert values.shape == (2, 6)
        assert values.min() > 0.6
        assert values.max() < 1.3


def test_muon_agrees_with_the_obvious_loop() -> None:
    generator = torch.Generator().manual_seed(1)
    start = [torch.randn(shape, generator=generator) for shape in ((4, 6), (6, 4), (4, 6))]
    gradients = [[torch.randn(m.shape, generator=generator) for m in start] for _ in range(3)]
    parameters = [torch.nn.Parameter(matrix.clone()) for matrix in start]
    muon = Muon(parameters, weight_decay=0.1)
    for step in gradients:
        for parameter, gradient in zip(parameters, step, strict=True):
            parameter.grad = gradient.clone()
        muon.step(0.02)
    for i, matrix in enumerate(start):
        expected, momentum = matrix, torch.zeros_like(matrix)
        for step in gradients:
            momentum = 0.95 * momentum + 0.05 * step[i]
            direction = orthogonalise((0.05 * step[i] + 0.95 * momentum)[None])[0]
            scale = max(1, matrix.shape[0] / matrix.shape[1]) ** 0.5
            expected = expected * (1 - 0.02 * 0.1) - 0.02 * scale * direction
        torch.testing.assert_close(parameters[i].data, expected, atol=1e-4, rtol=1e-4)


def test_a_recipe_that_can_not_be_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Recipe\.steps must be positive, got 0"):
        Recipe(steps=0)
    with pytest.raises(ValueError, match=r"must be a multiple of heads, .* got 128, 5 and 5"):
        Recipe(hidden_size=128, heads=5, key_value_heads=5)
    with pytest.raises(ValueError, match=r"heads of key_value_heads, got 128, 4 and 3"):
        Recipe(hidden_size=128, heads=4, key_value_heads=3)
