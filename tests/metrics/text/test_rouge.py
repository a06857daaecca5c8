"""Protects: our ROUGE is that of the package rouge-score, to the last digits, on real sentences and on any text."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from bench.datamodules.text_lines import read_lines
from bench.errors import UserError
from bench.metrics.text.rouge import Rouge, rouge

NAMES = {"1": "rouge1", "2": "rouge2", "l": "rougeL"}
THEIRS = RougeScorer(list(NAMES.values()), use_stemmer=False)
ALPHABET = st.text(st.sampled_from("ab cD1.,'-é\n "), max_size=30)


def agree(guess, truth):
    theirs = THEIRS.score(truth, guess)
    for kind, name in NAMES.items():
        assert rouge(guess, truth, kind) == pytest.approx(theirs[name].fmeasure, abs=1e-12), (guess, truth, kind)


def test_real_sentences(shared_data):
    for name in ("cola", "rotten_tomatoes"):
        sentences = read_lines(shared_data / "text" / f"{name}.tsv").sentences
        for guess, truth in pairwise(sentences):
            agree(guess, truth)
            agree(" ".join(reversed(truth.split())), truth)


@settings(max_examples=300, deadline=None)
@given(ALPHABET, ALPHABET)
def test_any_text(guess, truth):
    agree(guess, truth)


def test_an_exact_sentence_is_one_and_a_single_word_has_no_pairs():
    assert [rouge("A cat.", "a cat", kind) for kind in NAMES] == [1.0, 1.0, 1.0]
    assert [rouge("Cat", "cat", kind) for kind in NAMES] == [1.0, 0.0, 1.0]


def test_another_kind_is_refused():
    assert (Rouge(1).kind, Rouge("L").kind) == ("1", "l")
    with pytest.raises(UserError, match=r"metric\.rouge\.kind=3: must be one of 1, 2, l"):
        Rouge(3)
