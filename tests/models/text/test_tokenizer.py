"""Tokens of a sentence and back: what is special, what is claimed, and how open places are shown."""

import sys

import pytest
import tokenizers
from tokenizers import models, pre_tokenizers

from bench.datamodules.public_domain import packaged
from bench.errors import UserError
from bench.models.text.tokenizer import Tokenizer, package
from bench.models.text.vocabulary import Vocabulary


def of_words(*words: str) -> tokenizers.Tokenizer:
    backend = tokenizers.Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, "[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    return backend


def test_the_padding_is_the_first_of_the_known_ones_and_truncation_is_off() -> None:
    backend = of_words("[SEP]", "</s>", "[UNK]", "a", "b")
    backend.enable_truncation(2)
    backend.enable_padding(length=9, pad_id=1, pad_token="</s>")
    made = Tokenizer(backend)
    assert (made.pad, made.mask, made.special) == (1, None, {1}) and len(made) == 5
    assert made.encode("a b a b") == [3, 4, 3, 4]


def test_special_tokens_are_those_declared_but_for_the_unknown_word() -> None:
    backend = of_words("[PAD]", "[UNK]", "[MASK]", "a")
    backend.add_special_tokens(["[UNK]", "[MASK]"])
    made = Tokenizer(backend)
    assert (made.pad, made.mask, made.special) == (0, 2, {0, 2})
    assert made.allowed() == [False, True, False, True]
    assert made.words([0, 3, 2, -1, 1]) == [3, 1] and made.pieces([3, -1, 99]) == ["a", "?", "?"]


def test_a_vocabulary_without_padding_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no piece to pad with \(one of \[PAD\]"):
        Tokenizer(of_words("[UNK]", "a"))


def test_a_digest_is_equal_only_for_tokenisers_that_behave_alike() -> None:
    one, same, other = (Tokenizer(of_words("[PAD]", "[UNK]", word)) for word in ("a", "a", "b"))
    assert one.digest == same.digest != other.digest


@pytest.fixture(scope="module")
def corpus() -> tuple[str, ...]:
    return (*packaged().sentences, "the bears")


@pytest.mark.parametrize("kind", ["wordpiece", "bytes"])
def test_open_places_between_claimed_tokens_are_seen(corpus, kind):
    made = Vocabulary(None, kind, 1500).make(corpus)
    sentence = "the bears"
    whole = [*made.encode(sentence), made.pad, made.pad, -1]
    assert made.spell(whole) == made.decode(whole) == sentence
    the, *rest = (token for token in whole if token >= 0 and token not in made.special)
    assert made.spell([-1, the, -1, -1, *rest, -1]) == f"the ? ? {made.decode(rest).strip()}"
    assert made.spell([made.pad, -1, the, -1]) == "? the"  # a start token was claimed, then a gap
    assert made.spell([-1, -1]) == made.spell([]) == made.spell([made.pad]) == ""


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)  # an import of it fails
    with pytest.raises(UserError, match=r"pip install 'leakbench\[text\]'"):
        package()
