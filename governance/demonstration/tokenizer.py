"""Makes tokenizer.json out of a GGUF file's vocabulary: byte-level BPE that splits digits."""

from collections.abc import Sequence

import tokenizers
from tokenizers import decoders, models, pre_tokenizers

CONTROL = 3  # gguf's token type of <|im_start|> and the like


def build(*, tokens: Sequence[str], types: Sequence[int], merges: Sequence[str]) -> str:
    """Make the text of tokenizer.json; `smollm` in llama.cpp's words means one token a digit."""
    pairs = [(left, right) for left, _, right in (merge.partition(" ") for merge in merges)]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    tokenizer = tokenizers.Tokenizer(models.BPE(vocab=vocabulary, merges=pairs))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    control = [token for token, kind in zip(tokens, types, strict=True) if kind == CONTROL]
    tokenizer.add_special_tokens([tokenizers.AddedToken(token, normalized=False) for token in control])
    return tokenizer.to_str(pretty=True) + "\n"
