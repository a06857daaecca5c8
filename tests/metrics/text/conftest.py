"""A vocabulary of twelve words, and batches of sentences that are written as lists of tokens."""

from collections.abc import Callable

import pytest
import tokenizers
import torch

from bench.metrics.text.batch import TextBatch
from bench.models.text.tokenizer import Tokenizer

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")  # tokens 0 to 4; 1 is a word like any other


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    """Tokens 5 to 11 are the words `w5` to `w11`."""
    words = [*SPECIAL, *(f"w{number}" for number in range(5, 12))]
    backend = tokenizers.Tokenizer(
        tokenizers.models.WordLevel({word: token for token, word in enumerate(words)}, "[UNK]")
    )
    backend.add_special_tokens(list(SPECIAL))
    return Tokenizer(backend)


@pytest.fixture(scope="session")
def batch(tokenizer: Tokenizer) -> Callable[..., TextBatch]:
    """Makes a `TextBatch` of `[V][B]` lists of tokens, which are filled up with padding."""

    def make(victims: list[list[list[int]]], length: int = 6) -> TextBatch:
        rows = [[sentence + [0] * (length - len(sentence)) for sentence in one] for one in victims]
        tokens = torch.tensor(rows, dtype=torch.int64).reshape(len(victims), len(victims[0]), length)
        return TextBatch(tokens, torch.zeros(tokens.shape[:2], dtype=torch.int64), tokenizer)

    return make
