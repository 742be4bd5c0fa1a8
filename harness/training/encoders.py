"""Text encoders for strategies that compare completions: a lexical one that needs nothing, and sentence-transformers.

`lexical` counts character n-grams, hashed into a fixed number of components, so that two texts are near if they share
pieces. Any other name is a sentence-transformers model, by path or by its name on the Hugging Face hub, loaded once per
process. Encoding reads and changes no random state.

Shape suffixes: N texts, E components, M n-grams of all texts together.
"""

from __future__ import annotations

import functools
import importlib.util
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from harness.isolation import without_progress

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

LEXICAL = "lexical"
LEXICAL_SIZE = 512
"""E of the lexical encoder."""
NGRAMS = (3, 4, 5)
"""Characters in one n-gram; the two ends of a text count as a character each."""
MARKERS = ("modules.json", "config.json")
"""A folder or repository with one of these is a model: sentence-transformers', or transformers', which it can wrap."""
HUB_TIMEOUT_S = 10.0

ENDS = "\x02{}\x03"
"""Marks the ends of a text, so that a text of one character has an n-gram too."""
PRIME = np.uint64(0x100000001B3)
MIX_1, MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def encode(name: str, texts: Sequence[str]) -> Tensor:
    """Return the embeddings of `texts`, (N, E) float32 on the CPU, each of length 1; zero for an empty text.

    Args:
        name: "lexical", or a sentence-transformers model by path or by its name on the hub.
        texts: What is encoded; equal texts get equal embeddings and are encoded once.

    Raises:
        ValueError: If the model can't be loaded.
    """
    distinct = list(dict.fromkeys(texts)) or [""]
    embeddings = _lexical(distinct) if name == LEXICAL else _by_model(name, distinct)
    row = {text: index for index, text in enumerate(distinct)}
    return embeddings[[row[text] for text in texts]]


def encoding_flops(name: str, texts: Sequence[str]) -> float:
    """Return what `encode` computes for `texts`: two operations for each weight and token, 0 for `lexical`.

    Counted are the weights outside embedding tables, which are looked up and not multiplied; attention scores are left
    out. Tokens are those of the distinct texts after the model's own truncation.

    Raises:
        ValueError: If the model can't be loaded.
    """
    if name == LEXICAL:
        return 0.0
    model = _model(name)
    tables = (nn.Embedding, nn.EmbeddingBag)
    tabled = {id(weight) for part in model.modules() if isinstance(part, tables) for weight in part.parameters()}
    weights = sum(weight.numel() for weight in model.parameters() if id(weight) not in tabled)
    distinct = [text for text in dict.fromkeys(texts) if text]
    if not weights or not distinct:
        return 0.0
    prepare: Any = getattr(model, "preprocess", None) or model.tokenize  # sentence-transformers 5 has only the latter
    return 2.0 * weights * float(prepare(distinct)["attention_mask"].sum())


def require_encoder(name: str) -> None:
    """Raise ValueError unless `name` is an encoder that this machine can load; loads no weights.

    A path must be a folder that holds a model. A name on the hub must be in the local cache, or the hub must know it.
    """
    if name == LEXICAL:
        return
    expected = f"an encoder is {LEXICAL!r}, or a sentence-transformers model by path or by its name on the hub"
    if not name.strip():
        raise ValueError(f"got an encoder without a name; {expected}")
    if importlib.util.find_spec("sentence_transformers") is None:
        raise ValueError(
            f"encoder {name!r} needs the package sentence-transformers, which is not installed; "
            f"run `pip install explorebench[embeddings]`, or use {LEXICAL!r}"
        )
    if _is_path(name):
        _require_folder(name, expected)
    elif not _in_cache(name):
        _require_hub(name, expected)


def _is_path(name: str) -> bool:
    """Return whether `name` is meant as a path: it is one, it starts like one, or it is no name on the hub."""
    return name.startswith((".", "/", "~")) or name.count("/") > 1 or "\\" in name or Path(name).is_dir()


def _require_folder(name: str, expected: str) -> None:
    folder = Path(name).expanduser()
    if not folder.is_dir():
        what = "a file" if folder.exists() else "nothing"
        raise ValueError(f"encoder {name!r}: there is {what} at {folder.absolute()}, expected a folder; {expected}")
    if not any((folder / marker).is_file() for marker in MARKERS):
        raise ValueError(
            f"encoder {name!r}: {folder.absolute()} has neither of {', '.join(MARKERS)}, so it holds no model; "
            "give the folder that SentenceTransformer.save wrote"
        )


def _repositories(name: str) -> list[str]:
    """Return the repositories on the hub that `name` may stand for, as sentence-transformers reads it."""
    return [name] if "/" in name else [f"sentence-transformers/{name}", name]


def _in_cache(name: str) -> bool:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = [try_to_load_from_cache(repo, marker) for repo in _repositories(name) for marker in MARKERS]
    except HFValidationError as error:
        raise ValueError(f"encoder {name!r} is neither a folder nor a possible name on the hub: {error}") from error
    return any(isinstance(path, str) for path in found)


def _require_hub(name: str, expected: str) -> None:
    from huggingface_hub import HfApi, constants
    from huggingface_hub.errors import RepositoryNotFoundError

    absent = f"encoder {name!r} is not in the local cache ({constants.HF_HUB_CACHE})"
    if constants.HF_HUB_OFFLINE:
        raise ValueError(f"{absent} and HF_HUB_OFFLINE forbids to fetch it; unset it, or give a folder; {expected}")
    for repo in _repositories(name):
        try:
            HfApi().model_info(repo, timeout=HUB_TIMEOUT_S)
        except RepositoryNotFoundError:
            continue
        except Exception as error:
            cause = f"{type(error).__name__}: {error}".splitlines()[0]
            raise ValueError(
                f"{absent} and the hub can't be asked for it ({cause}); connect once and run "
                f"`hf download {repo}`, or give a folder; {expected}"
            ) from error
        return
    raise ValueError(f"{absent} and the hub knows no such model; {expected}")


@functools.cache
def _model(name: str) -> SentenceTransformer:
    """Return the model called `name`, loaded once per process.

    Raises:
        ValueError: If it can't be loaded, with the cause.
    """
    require_encoder(name)
    from sentence_transformers import SentenceTransformer

    location = os.path.expanduser(name) if _is_path(name) else name
    try:
        # Layers draw their weights before the saved ones replace them: on the CPU, from the global generator.
        with without_progress(), torch.random.fork_rng(devices=[]):
            return SentenceTransformer(location).eval()
    except Exception as error:
        raise ValueError(
            f"encoder {name!r} could not be loaded: {type(error).__name__}: {error}; "
            f"try `SentenceTransformer({location!r})` by itself, or use {LEXICAL!r}"
        ) from error


def _by_model(name: str, texts: list[str]) -> Tensor:
    made: Any = _model(name).encode(texts, convert_to_tensor=True, show_progress_bar=False)
    # A clone, because what inference mode made can't be saved for a backward pass.
    embeddings = nn.functional.normalize(made.detach().clone().float().cpu(), dim=1)
    return embeddings * torch.tensor([float(bool(text)) for text in texts]).unsqueeze(1)


def _lexical(texts: list[str]) -> Tensor:
    """Return the signed counts of hashed n-grams, case ignored, scaled to length 1.

    References:
        Weinberger et al. 2009, "Feature hashing for large scale multitask learning", arXiv 0902.2206.
    """
    marked = [ENDS.format(text.casefold()) if text else "" for text in texts]
    joined = "".join(marked).encode("utf-32-le", "surrogatepass")
    characters = np.frombuffer(joined, dtype="<u4").astype(np.uint64)
    rows = np.repeat(np.arange(len(texts)), [len(text) for text in marked])
    counts = np.zeros(len(texts) * LEXICAL_SIZE)
    for size in NGRAMS:
        starts = np.arange(max(len(characters) - size + 1, 0))
        starts = starts[rows[starts] == rows[starts + size - 1]]
        hashes_M = _hashes(characters, starts, size)
        places = rows[starts] * LEXICAL_SIZE + (hashes_M % np.uint64(LEXICAL_SIZE)).astype(np.int64)
        signs = 1.0 - 2.0 * (hashes_M >> np.uint64(63)).astype(np.float64)
        counts += np.bincount(places, weights=signs, minlength=len(counts))
    counts_NE = torch.from_numpy(counts.reshape(len(texts), LEXICAL_SIZE))
    cancelled = (counts_NE == 0).all(dim=1) & torch.tensor([bool(text) for text in texts])
    counts_NE[cancelled, 0] = 1.0
    return nn.functional.normalize(counts_NE, dim=1).float()


def _hashes(characters: Any, starts: Any, size: int) -> Any:
    """Return a 64-bit hash of each n-gram (M,): FNV-1a over its characters, then the finaliser of splitmix64."""
    hashes_M = np.full(len(starts), 0xCBF29CE484222325 + size, dtype=np.uint64)
    for offset in range(size):
        hashes_M = (hashes_M ^ characters[starts + offset]) * PRIME
    hashes_M = (hashes_M ^ (hashes_M >> np.uint64(30))) * MIX_1
    hashes_M = (hashes_M ^ (hashes_M >> np.uint64(27))) * MIX_2
    return hashes_M ^ (hashes_M >> np.uint64(31))
