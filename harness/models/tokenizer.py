"""The character tokenizer of the embedded model: one token per printable ASCII character."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

PAD, EOS, UNK = "<pad>", "<eos>", "<unk>"
SPECIAL = (PAD, EOS, UNK)
CHARACTERS = "\n" + "".join(chr(code) for code in range(32, 127))
"""Every character with a token of its own; any other becomes `UNK`."""
VOCABULARY: dict[str, int] = {token: i for i, token in enumerate((*SPECIAL, *CHARACTERS))}
MAX_LENGTH_TOKENS = 128
"""Positions that the model is configured for, prompt and answer together."""


def build_tokenizer() -> PreTrainedTokenizerFast:
    """Return the tokenizer: no begin-of-text token, padding on the left, decoding gives the text back unchanged."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    inner = Tokenizer(models.WordLevel(VOCABULARY, unk_token=UNK))
    inner.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), behavior="isolated")
    inner.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        pad_token=PAD,
        eos_token=EOS,
        unk_token=UNK,
        padding_side="left",
        model_max_length=MAX_LENGTH_TOKENS,
        clean_up_tokenization_spaces=False,
    )
