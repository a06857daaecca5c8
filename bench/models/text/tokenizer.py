"""A tokeniser from the package tokenizers of Hugging Face, with the functions that the rest of the program needs."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import tokenizers

MASKS = ("[MASK]", "<mask>")
PADS = (
    "[PAD]",
    "<pad>",
    "<|endoftext|>",
    "</s>",
    "[SEP]",
)  # the first one in the vocabulary is used; GPT-2 pads with its end token


class Tokenizer:
    """Converts sentences to tokens and back.

    Args:
        backend: a tokeniser of the package tokenizers; its truncation and padding are switched off.

    Attributes:
        pad: id of the padding token.
        mask: id of the mask token, or None if there is none.
        special: ids of the tokens that belong to no sentence; the token for unknown words is not among them.

    Raises:
        ValueError: the vocabulary has no token to pad with.
    """

    def __init__(self, backend: tokenizers.Tokenizer) -> None:
        self._backend = backend
        backend.no_truncation()
        backend.no_padding()
        pads = [token for token in map(backend.token_to_id, PADS) if token is not None]
        masks = [token for token in map(backend.token_to_id, MASKS) if token is not None]
        if not pads:
            raise ValueError(f"the tokeniser has no piece to pad with (one of {', '.join(PADS)})")
        self.pad: int = pads[0]
        self.mask: int | None = masks[0] if masks else None
        added = backend.get_added_tokens_decoder()
        special = {token for token, piece in added.items() if piece.special and piece.content not in _UNKNOWN}
        self.special = frozenset(special | {self.pad})

    def __len__(self) -> int:
        return self._backend.get_vocab_size()

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of the whole definition of the tokeniser."""
        return hashlib.sha256(self._backend.to_str().encode()).hexdigest()

    def encode(self, sentence: str) -> list[int]:
        """Returns the tokens of a sentence, with those that the model expects at its start and end."""
        return self._backend.encode(sentence).ids

    def pieces(self, tokens: Sequence[int]) -> list[str]:
        """Returns each token as it is spelled in the vocabulary; `?` for -1 (no claim)."""
        return [self._backend.id_to_token(token) or "?" if token >= 0 else "?" for token in tokens]

    def words(self, tokens: Sequence[int]) -> list[int]:
        """Returns `tokens` without special tokens and without -1."""
        return [token for token in tokens if token >= 0 and token not in self.special]

    def decode(self, tokens: Sequence[int]) -> str:
        """Returns the sentence that the tokens spell, without special tokens and without -1."""
        return self._backend.decode(self.words(tokens), skip_special_tokens=False)

    def spell(self, tokens: Sequence[int]) -> str:
        """Like `decode`, with a `?` for each -1 (no claim) between two claimed tokens.

        A -1 before the first claimed token or after the last is not shown, because it may be padding. Special tokens
        are not shown either, but they are claims, so a gap beside them counts.
        """
        claimed = [place for place, token in enumerate(tokens) if token >= 0]
        inside = tokens[claimed[0] : claimed[-1] + 1] if claimed else []
        pieces = [
            " ".join("?" for _ in run) if open_ else self.decode(list(run)).strip()
            for open_, run in itertools.groupby(inside, lambda token: token < 0)
        ]
        return " ".join(piece for piece in pieces if piece)

    def allowed(self) -> list[bool]:
        """Says for each token of the vocabulary whether it can be part of a sentence."""
        return [token not in self.special for token in range(len(self))]


_UNKNOWN = ("[UNK]", "<unk>")


def package() -> Any:
    """Imports the package tokenizers.

    Raises:
        UserError: it is not installed.
    """
    from bench.errors import UserError

    try:
        import tokenizers
    except ImportError:
        raise UserError("sentences need further packages: pip install 'leakbench[text]'") from None
    return tokenizers
