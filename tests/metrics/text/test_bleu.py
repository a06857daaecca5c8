"""Protects: BLEU is sacrebleu's of single sentences, 100 for an exact one and lower the more is wrong."""

import sys
from itertools import pairwise

import pytest
import sacrebleu
import torch

from bench.datamodules.public_domain import packaged
from bench.datamodules.text_pool import padded
from bench.metrics.text.batch import TextBatch
from bench.metrics.text.bleu import Bleu
from bench.models.text.vocabulary import Vocabulary

SENTENCES = packaged().sentences
TOKENIZER = Vocabulary(None, "bytes", 1000).make(SENTENCES)


def batch(sentences):
    tokens = torch.from_numpy(padded([TOKENIZER.encode(s) for s in sentences], TOKENIZER.pad)[0])
    return TextBatch(tokens[:, None], torch.zeros(len(sentences), 1), TOKENIZER)


def test_equals_sacrebleu_on_the_sentences_themselves():
    guesses = [f"{one.rsplit(' ', 1)[0]} {other}" for one, other in pairwise(SENTENCES)]
    found = Bleu().score(batch(guesses), batch(SENTENCES[:-1])).flatten().tolist()
    pairs = zip(guesses, SENTENCES)
    expected = [sacrebleu.sentence_bleu(g, [t], use_effective_order=True).score for g, t in pairs]
    assert found == pytest.approx(expected, abs=1e-9) and 1 < min(found) < max(found) < 99


def test_exact_is_a_hundred_and_a_lost_word_is_less():
    truth = batch(SENTENCES)
    shorter = batch([sentence.rsplit(" ", 1)[0] for sentence in SENTENCES])
    assert (Bleu().score(truth, truth) == 100).all()
    assert (Bleu().score(shorter, truth) < 100).all()


def test_without_the_package_there_is_a_reason(monkeypatch):
    assert Bleu().reason((12,)) is None
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "sacrebleu" else sys)
    assert "pip install 'leakbench[text]'" in Bleu().reason((12,))
    assert Bleu().facts()["signature"] is None


def test_the_signature_is_that_of_the_score_it_goes_with():
    assert Bleu().facts()["signature"] == (
        f"nrefs:1|case:mixed|eff:yes|tok:13a|smooth:exp|version:{sacrebleu.__version__}"
    )
