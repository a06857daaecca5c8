"""Protects: real sentences survive the way to tokens and back, and no one is credited with special tokens."""

import pytest
from transformers import BertTokenizerFast

from bench.datamodules.text_lines import read_lines
from bench.errors import UserError
from bench.models.text.vocabulary import SPECIAL, Vocabulary


@pytest.fixture(scope="module")
def corpus(shared_data):
    return read_lines(shared_data / "text" / "cola.tsv").sentences


def test_word_pieces_cut_as_berts_tokeniser_cuts_with_the_same_vocabulary(corpus, tmp_path):
    made = Vocabulary(None, "wordpiece", 1500).make(corpus)
    pieces = made.pieces(range(len(made)))
    assert pieces[:5] == list(SPECIAL) and len(set(pieces)) == len(made) <= 1500
    theirs = BertTokenizerFast(vocab={piece: i for i, piece in enumerate(pieces)})
    for sentence in corpus:
        tokens = made.encode(sentence)
        assert tokens == theirs(sentence)["input_ids"]
        assert made.decode(tokens) == theirs.decode(tokens, skip_special_tokens=True)
        assert pieces.index("[UNK]") not in tokens  # every letter of the corpus is a piece


def test_bytes_come_back_as_they_were(corpus):
    made = Vocabulary(None, "bytes", 1000).make(corpus)
    assert len(made) == 1000 and made.mask is None and made.special == {made.pad}
    for sentence in (*corpus, "naïve café — 北京"):
        assert made.decode([*made.encode(sentence), made.pad, -1]) == sentence


def test_special_tokens_are_none_of_a_sentence_but_an_unknown_word_is(corpus):
    made = Vocabulary(None, "wordpiece", 1500).make(corpus)
    tokens = made.encode("the 北 bears")
    assert made.pieces(made.words([*tokens, made.pad, made.mask, -1])) == ["the", "[UNK]", "bears"]
    assert [i for i, allowed in enumerate(made.allowed()) if not allowed] == sorted(made.special) == [0, 2, 3, 4]


def test_minilm_brings_berts_own_pieces(minilm, corpus):
    made = Vocabulary(str(minilm), "wordpiece", 300).make(corpus)
    assert (len(made), made.pad, made.mask, sorted(made.special)) == (30522, 0, 103, [0, 101, 102, 103])
    assert made.encode("Hello, world!") == [101, 7592, 1010, 2088, 999, 102]
    long = " ".join(["word"] * 200)
    assert len(made.encode(long)) == 202 and len(made.encode("word")) == 3  # neither cut nor filled up


def test_refusals(tmp_path):
    with pytest.raises(ValueError, match="kind='words': want wordpiece or bytes"):
        Vocabulary(None, "words", 1000)
    with pytest.raises(ValueError, match="size=10: must be >= 300"):
        Vocabulary(None, "bytes", 10)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(UserError, match=r"model\.vocabulary\.root=.*no tokeniser can be read there"):
        Vocabulary(str(tmp_path), "bytes", 300).make(())
    with pytest.raises(UserError, match="no such folder, and no name that a hub could have"):
        Vocabulary("a b/c/d", "bytes", 300).make(())
