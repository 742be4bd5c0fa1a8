"""Text encoders: the lexical one's properties, and tiny sentence-transformers models made here and loaded by path."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import huggingface_hub
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from harness.training import encoders
from harness.training.encoders import LEXICAL, LEXICAL_SIZE, encode, encoding_flops, require_encoder

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "one", "two", "three", "plus", "is"]
HIDDEN, FEED_FORWARD, LAYERS = 8, 16, 2


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a random BERT with mean pooling, saved as sentence-transformers saves."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import modules
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("bert")
    (folder / "vocab.txt").write_text("\n".join(WORDS), encoding="utf-8")
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=HIDDEN,
        num_hidden_layers=LAYERS,
        num_attention_heads=2,
        intermediate_size=FEED_FORWARD,
        max_position_embeddings=32,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        BertModel(config, add_pooling_layer=False).save_pretrained(folder / "plain")
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder / "plain")
    words = modules.Transformer(str(folder / "plain"), max_seq_length=16)
    SentenceTransformer(modules=[words, modules.Pooling(HIDDEN)], device="cpu").save(str(folder / "whole"))
    return folder


@pytest.fixture(scope="module")
def static(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a model that only looks up and averages: one ← (3, 4), two ← (−3, 4)."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    tokenizer = Tokenizer(WordLevel({"[UNK]": 0, "one": 1, "two": 2}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    weights = np.array([[1, 1], [3, 4], [-3, 4]], dtype=np.float32)
    folder = tmp_path_factory.mktemp("static")
    SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_weights=weights)], device="cpu").save(str(folder))
    return folder


@pytest.fixture
def reloaded() -> Iterator[None]:
    """Let models be loaded anew in a test."""
    encoders._model.cache_clear()
    yield
    encoders._model.cache_clear()


@given(st.lists(st.text(), max_size=6))
def test_lexical_embeddings_have_unit_length_and_are_zero_for_an_empty_text(texts: list[str]) -> None:
    embeddings = encode(LEXICAL, texts)
    assert embeddings.shape == (len(texts), LEXICAL_SIZE)
    assert embeddings.dtype == torch.float32
    expected = torch.tensor([float(bool(text)) for text in texts])
    torch.testing.assert_close(embeddings.norm(dim=1), expected)


@given(st.text(min_size=1), st.text())
def test_lexical_embeddings_do_not_depend_on_the_rest_of_the_batch(text: str, other: str) -> None:
    alone, among = encode(LEXICAL, [text]), encode(LEXICAL, [other, text, text])
    assert torch.equal(among[1], alone[0])
    assert torch.equal(among[2], alone[0])
    assert among[1] @ among[2] == pytest.approx(1, abs=1e-5)


def test_lexical_similarity_grows_with_what_texts_share() -> None:
    embeddings = encode(LEXICAL, ["9-7=2,3*4=12,2*12=24", "9-7=2,3*4=12,12*2=24", "9-7=2,12+12=24", "hello world"])
    similar, less, unrelated = (embeddings[0] @ embeddings[1:].T).tolist()
    assert 1 > similar > less > unrelated


def test_lexical_counts_what_it_says() -> None:
    # "ab" with its ends is ^ab$: two 3-grams, one 4-gram, no 5-gram, so three entries of ±1/√3 where none collide.
    embedding = encode(LEXICAL, ["ab"])[0]
    found = embedding[embedding != 0]
    assert len(found) == 3
    torch.testing.assert_close(found.abs(), torch.full((3,), 3**-0.5))


def test_lexical_ignores_case_and_minds_order_and_ends() -> None:
    embeddings = encode(LEXICAL, ["Let X be 1", "let x be 1", "be 1 let x", "let x be 12"])
    assert torch.equal(embeddings[0], embeddings[1])
    similarity = (embeddings[1] @ embeddings[2:].T).tolist()
    assert max(similarity) < 0.95


def test_lexical_takes_what_a_broken_decoder_returns() -> None:
    assert encode(LEXICAL, ["\ud800", "\x00", "a" * 5000]).norm(dim=1).tolist() == pytest.approx([1, 1, 1])


def test_lexical_is_the_same_in_every_process() -> None:
    code = "from harness.training.encoders import encode; print(encode('lexical', ['3*4=12']).nonzero()[:, 1].tolist())"
    command = [sys.executable, "-c", code]
    there = [subprocess.check_output(command, env={"PYTHONHASHSEED": seed}, text=True) for seed in ("1", "2")]
    assert there == [f"{encode(LEXICAL, ['3*4=12']).nonzero()[:, 1].tolist()}\n"] * 2


def test_lexical_buckets_do_not_change_between_versions() -> None:
    # Recorded: an arm's result must not move because the hash did.
    signs = (encode(LEXICAL, ["ab"])[0] * 3**0.5).round().int()
    assert {int(place): int(signs[place]) for place in signs.nonzero()} == {22: -1, 155: -1, 257: 1}


def test_a_model_is_loaded_by_path_and_its_embeddings_are_scaled(static: Path) -> None:
    embeddings = encode(str(static), ["one", "", "one two", "one"])
    # (3, 4)/5; nothing; ((3, 4) + (−3, 4))/2 = (0, 4), scaled.
    expected = torch.tensor([[0.6, 0.8], [0, 0], [0, 1], [0.6, 0.8]])
    torch.testing.assert_close(embeddings, expected)
    assert encode(str(static), []).shape == (0, 2)


@pytest.mark.parametrize("kind", ["whole", "plain"])
def test_a_transformer_is_loaded_by_path(bert: Path, kind: str) -> None:
    texts = ["one plus two", "three", "one plus two is three"]
    embeddings = encode(str(bert / kind), texts)
    assert embeddings.shape == (3, HIDDEN)
    assert embeddings.dtype == torch.float32
    assert not embeddings.requires_grad
    torch.testing.assert_close(embeddings.norm(dim=1), torch.ones(3))
    torch.testing.assert_close(embeddings, encode(str(bert / kind), texts))


def test_embeddings_can_take_part_in_a_backward_pass(bert: Path) -> None:
    weight = torch.ones(HIDDEN, requires_grad=True)
    embedding = encode(str(bert / "whole"), ["one"])[0]
    (gradient,) = torch.autograd.grad((embedding * weight).sum(), weight)
    assert torch.equal(gradient, embedding)


@pytest.mark.usefixtures("reloaded")
def test_a_model_is_loaded_once(bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sentence_transformers

    loaded: list[str] = []
    original = sentence_transformers.SentenceTransformer

    def counting(location: str) -> Any:
        loaded.append(location)
        return original(location)

    monkeypatch.setattr(sentence_transformers, "SentenceTransformer", counting)
    for _ in range(2):
        encode(str(bert / "whole"), ["one"])
        encoding_flops(str(bert / "whole"), ["one"])
    assert loaded == [str(bert / "whole")]


@pytest.mark.usefixtures("reloaded")
@pytest.mark.parametrize("kind", ["whole", "plain", LEXICAL])
def test_encoding_leaves_the_global_generators_alone(bert: Path, kind: str) -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state(), _numpy_state()
    encode(LEXICAL if kind == LEXICAL else str(bert / kind), ["one two", "three"])
    assert torch.equal(torch.get_rng_state(), before[0])
    assert _numpy_state() == before[1]


def _numpy_state() -> list[int]:
    state: dict[str, Any] = np.random.get_state(legacy=False)  # noqa: NPY002  # the global state is what is tested
    return [*state["state"]["key"].tolist(), state["state"]["pos"]]


def test_flops_of_a_transformer_are_two_per_weight_and_token(bert: Path) -> None:
    # Weights per layer: four products of the attention and two of the feed-forward part with their biases, and two
    # norms of 2·D; one more norm at the embeddings, and BERT's pooler, which transformers adds. Tables of words,
    # positions and token types are not counted.
    layer = 4 * (HIDDEN * HIDDEN + HIDDEN) + 2 * HIDDEN * FEED_FORWARD + FEED_FORWARD + HIDDEN + 2 * 2 * HIDDEN
    weights = LAYERS * layer + 2 * HIDDEN + HIDDEN * HIDDEN + HIDDEN
    # [CLS] one plus two [SEP], and [CLS] three [SEP]; the repeated and the empty text cost nothing.
    texts = ["one plus two", "three", "one plus two", ""]
    assert encoding_flops(str(bert / "whole"), texts) == 2 * weights * (5 + 3)
    # At most 16 tokens of a text are read.
    assert encoding_flops(str(bert / "whole"), ["one " * 40]) == 2 * weights * 16
    assert encoding_flops(str(bert / "whole"), [""]) == 0


def test_looking_up_and_hashing_are_not_multiplying(static: Path) -> None:
    assert [encoding_flops(name, ["one two"]) for name in (str(static), LEXICAL)] == [0, 0]


def test_what_can_be_loaded_is_accepted_without_loading_it(bert: Path, static: Path) -> None:
    encoders._model.cache_clear()
    for name in (LEXICAL, str(bert / "whole"), str(bert / "plain"), str(static)):
        require_encoder(name)
    assert encoders._model.cache_info().currsize == 0


def test_a_path_without_a_model_is_refused(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    with pytest.raises(ValueError, match=f"there is nothing at {missing}, expected a folder; an encoder is 'lexical'"):
        require_encoder(str(missing))
    with pytest.raises(ValueError, match=f"{tmp_path} has neither of modules.json, config.json"):
        require_encoder(str(tmp_path))
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="there is a file at"):
        require_encoder(str(tmp_path / "file"))
    with pytest.raises(ValueError, match="there is nothing at"):
        encode(str(missing), ["one"])


def test_a_folder_that_only_looks_like_a_model_is_named_with_the_cause(tmp_path: Path) -> None:
    (tmp_path / "modules.json").write_text("not json", encoding="utf-8")
    require_encoder(str(tmp_path))
    with pytest.raises(ValueError, match=f"encoder '{tmp_path}' could not be loaded: JSONDecodeError"):
        encode(str(tmp_path), ["one"])


def test_a_missing_package_is_named_with_what_to_install(bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = importlib.util.find_spec

    def without(name: str, package: str | None = None) -> Any:
        return None if name == "sentence_transformers" else original(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", without)
    require_encoder(LEXICAL)
    with pytest.raises(ValueError, match=r"not installed; run `pip install explorebench\[embeddings\]`"):
        require_encoder(str(bert / "whole"))


@pytest.mark.parametrize("name", ["", "  ", "two words"])
def test_what_can_not_be_a_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="encoder"):
        require_encoder(name)


@pytest.fixture
def no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """Find nothing in the local cache of the hub."""
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_: None)


@pytest.mark.usefixtures("no_cache")
def test_a_name_that_the_hub_can_not_be_asked_for_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: Any, **__: Any) -> None:
        raise ConnectionError("no route")

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", unreachable)
    with pytest.raises(ValueError, match=r"'a/b' is not in the local cache .* \(ConnectionError: no route\)"):
        require_encoder("a/b")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ValueError, match="HF_HUB_OFFLINE forbids"):
        require_encoder("a/b")


@pytest.mark.usefixtures("no_cache")
def test_a_name_is_asked_for_as_sentence_transformers_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    known = {"sentence-transformers/tiny", "other"}

    def model_info(_: Any, repo: str, timeout: float) -> None:
        asked.append(repo)
        if repo not in known:
            response: Any = type("Response", (), {"headers": {}, "request": None})()
            raise huggingface_hub.errors.RepositoryNotFoundError("no", response=response)

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", model_info)
    require_encoder("tiny")
    require_encoder("other")
    assert asked == ["sentence-transformers/tiny", "sentence-transformers/other", "other"]
    with pytest.raises(ValueError, match="the hub knows no such model"):
        require_encoder("a/b")


def test_a_cached_name_is_accepted_without_asking(monkeypatch: pytest.MonkeyPatch) -> None:
    cached = {("a/b", "config.json")}
    monkeypatch.setattr(
        huggingface_hub, "try_to_load_from_cache", lambda repo, file: "/there" if (repo, file) in cached else None
    )
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", lambda *_: pytest.fail("asked"))
    require_encoder("a/b")
