"""Protects: a victim's sentences are the same for every asker, whole, and what is predicted is what was said."""

from pathlib import Path

import pytest
import torch
from processes import CONTEXT

from bench.datamodules.public_domain import packaged
from bench.errors import UserError
from bench.messages.victims import NO_TARGET
from bench.models.text.vocabulary import Vocabulary

WORDS, BYTES = Vocabulary(None, "wordpiece", 4000), Vocabulary(None, "bytes", 1000)


@pytest.fixture
def cola(build, shared_data: Path):
    """Builds `text_file` on CoLA with overrides, tokenised for a head, set up."""

    def make(head: str = "classification", vocabulary: Vocabulary = WORDS, **overrides):
        data = build("text_file", root=str(shared_data / "text" / "cola.tsv"), **{"tokens": 12, **overrides})
        data.adopt(vocabulary.make, head)
        data.setup("test")
        return data

    return make


@pytest.mark.parametrize("head", ["classification", "masked", "causal"])
def test_a_victim_is_the_same_in_any_company(cola, head: str) -> None:
    data = cola(head, batch_size=3, victims=60)
    whole = data.deal(range(60))
    few = cola(head, batch_size=3, victims=1)
    for victim in (59, 0, 31):
        alone = few.deal([victim])
        for name in ("inputs", "labels", "mask", "samples", "repeats"):
            assert torch.equal(getattr(alone, name)[0], getattr(whole, name)[victim]), name
    assert data.fingerprint == few.fingerprint
    assert whole.inputs.shape == (60, 3, *data.shape)


def test_sentences_are_whole_and_longer_ones_are_counted_not_cut(cola, shared_data: Path) -> None:
    data = cola(surrogate=0.0)
    victims = data.deal(range(len(data.pool)))
    told = {line.split("\t")[1].strip() for line in (shared_data / "text" / "cola.tsv").read_text().splitlines()[1:]}
    tokens = {tuple(data.tokenizer.encode(sentence)) for sentence in told}
    dealt = {tuple(row[mask].tolist()) for row, mask in zip(victims.inputs[:, 0], victims.mask[:, 0])}
    assert dealt == {sentence for sentence in tokens if len(sentence) <= 12}
    assert data.pool.skipped == sum(len(sentence) > 12 for sentence in tokens) > 0
    assert data.remark == f"{data.pool.skipped} of 250 sentences are longer than 12 tokens: left out"
    assert (victims.inputs[~victims.mask] == data.tokenizer.pad).all()
    assert data.shape == (12,) and victims.mask.any(1).any(0).all()  # the longest fills its row


def test_no_victim_holds_a_surrogate_sentence(cola) -> None:
    data = cola(surrogate=0.5)
    everyone = data.deal(range(len(data.pool)))
    held = {tuple(row[mask].tolist()) for row, mask in zip(everyone.inputs[:, 0], everyone.mask[:, 0])}
    assert not held & set(data.pool.surrogate)
    assert len(data.pool) + len(data.pool.surrogate) == 250
    assert data.pool.tokens.tolist() == cola(surrogate=0.5, seed=7).pool.tokens.tolist()  # whatever the seed


def test_a_masked_model_predicts_what_it_does_not_see(cola) -> None:
    data = cola("masked", batch_size=2, hidden=0.3)
    victims, plain = data.deal(range(40)), cola(batch_size=2).deal(range(40))
    predicted = victims.labels != NO_TARGET
    assert torch.equal(victims.sentences, plain.inputs)
    assert (victims.inputs[predicted] == data.tokenizer.mask).all()
    assert torch.equal(victims.inputs[~predicted], plain.inputs[~predicted])
    special = torch.tensor(sorted(data.tokenizer.special))
    words = ~torch.isin(plain.inputs, special)
    assert not (predicted & ~words).any()
    assert torch.equal(predicted.sum(-1), (0.3 * words.sum(-1)).round().clamp(min=1).long())
    assert data.classes == len(data.tokenizer) and data.class_names is None
    assert not torch.equal(predicted, cola("masked", batch_size=2, hidden=0.3, seed=1).deal(range(40)).labels >= 0)


def test_with_nothing_hidden_every_token_is_predicted(cola) -> None:
    victims = cola("masked", hidden=0.0).deal([4])
    plain = cola().deal([4])
    assert torch.equal(victims.inputs, plain.inputs)
    assert (victims.labels >= 0).sum() == plain.mask.sum() - 2  # but for [CLS] and [SEP]


def test_a_causal_model_predicts_all_but_the_first(cola) -> None:
    victims = cola("causal", BYTES, tokens=20, batch_size=2).deal(range(20))
    assert torch.equal(victims.sentences, victims.inputs)
    assert torch.equal((victims.labels >= 0).sum(-1), victims.mask.sum(-1) - 1)
    assert (victims.labels[..., 0] == NO_TARGET).all() and (victims.labels[~victims.mask] == NO_TARGET).all()


def test_label_rules_hold_for_sentences(cola) -> None:
    assert all(len(set(row)) == 1 for row in cola(batch_size=4, label_rule="same").deal(range(10)).labels.tolist())
    assert all(len(set(row)) == 2 for row in cola(batch_size=2, label_rule="unique").deal(range(10)).labels.tolist())


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        ({"tokens": 2}, r"data\.tokens=2: no sentence of data 'cola\.tsv \(text_file\)' has so few"),
        ({"tokens": 0}, r"data\.tokens=0: must be >= 1"),
        ({"hidden": 1.5}, r"data\.hidden=1\.5: must be a number from 0 to 1"),
        ({"surrogate": 1}, r"data\.surrogate=1: must be < 1"),
        ({"batch_size": 500}, r"data\.batch_size=500: data 'cola.tsv \(text_file\)' has only \d+ sentences"),
        ({"class_count": 1}, r"data\.class_count=1: .* has 2 classes"),
    ],
)
def test_refusals(cola, overrides, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        cola(**overrides)


def test_what_a_head_cannot_have_is_refused(cola, build, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no mask token"):
        cola("masked", BYTES)
    assert cola("masked", BYTES, hidden=0.0, tokens=20).deal([0]).labels.max() > 0
    plain = tmp_path / "plain.txt"
    plain.write_text("One sentence.\nAnd another one.\n")
    data = build("text_file", root=str(plain))
    data.adopt(WORDS.make, "classification")
    data.setup()
    assert data.classes is None
    counted = build("text_file", root=str(plain), class_count=3, labels="random")
    counted.adopt(WORDS.make, "classification")
    counted.setup()
    assert counted.classes == 3 and counted.deal(range(20)).labels.unique().tolist() == [0, 1, 2]


def _digests(_) -> list[str]:
    return [Vocabulary(None, kind, 600).make(packaged().sentences).digest for kind in ("wordpiece", "bytes")]


def test_another_process_learns_the_same_vocabulary() -> None:
    """With the word-piece trainer of tokenizers it would not: its pieces differ from process to process.

    The process is forked from an interpreter that is not this one, so that it hashes words otherwise.
    """
    with CONTEXT.Pool(1) as pool:
        assert pool.map(_digests, [None]) == [_digests(None)]
