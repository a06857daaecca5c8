"""Protects: sentences are assigned one to one and once, scored on what is theirs, and never on special tokens."""

import itertools
import json
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.datamodules.text_lines import read_lines
from bench.datamodules.text_pool import padded
from bench.messages.reconstruction import Reconstruction
from bench.messages.status import Status
from bench.messages.victims import NO_TARGET, Victims
from bench.metrics.label_accuracy import LabelAccuracy
from bench.metrics.mse import MeanSquaredError
from bench.metrics.text.bag_of_words import BagOfWords, TokenSet
from bench.metrics.text.batch import TextBatch
from bench.metrics.text.exact_match import ExactMatch
from bench.metrics.text.rouge import Rouge, rouge
from bench.metrics.text.scorer import TextScorer, assign_sentences
from bench.metrics.text.token_accuracy import TokenAccuracy
from bench.models.text.vocabulary import Vocabulary

METRICS = {"place": TokenAccuracy, "bag": BagOfWords, "set": TokenSet, "exact": ExactMatch, "label": LabelAccuracy}


@pytest.fixture(scope="module")
def cola(shared_data):
    """`(tokenizer, tokens [N, T])`: CoLA's sentences, filled up."""
    sentences = read_lines(shared_data / "text" / "cola.tsv").sentences
    tokenizer = Vocabulary(None, "wordpiece", 4000).make(sentences)
    return tokenizer, torch.from_numpy(padded([tokenizer.encode(s) for s in sentences], tokenizer.pad)[0])


def truth_of(tokens, tokenizer, labels=None):
    v, b = tokens.shape[:2]
    labels = torch.zeros(v, b, dtype=torch.int64) if labels is None else labels
    repeats = torch.zeros(v, dtype=torch.int64)
    samples = torch.zeros(v, b, dtype=torch.int64)
    return Victims(tokens, labels, torch.arange(v), samples, repeats, tokens != tokenizer.pad)


def guess_of(tokens, labels=None, status=Status.CONVERGED):
    v, b = tokens.shape[:2]
    numbers = torch.zeros(v)
    labels = torch.zeros(v, b, dtype=torch.int64) if labels is None else labels
    return Reconstruction(
        torch.arange(v), tokens, labels, numbers, numbers.long(), numbers.long(), numbers, [status] * v
    )


def scored(guess, truth, tokenizer):
    scorer = TextScorer({key: kind() for key, kind in METRICS.items()} | {"rouge": Rouge("1")}, tokenizer)
    return scorer(guess, truth), scorer


def test_a_shuffled_batch_is_put_in_order_and_is_exact(cola):
    tokenizer, tokens = cola
    truth = tokens[:24].unflatten(0, (4, 6))
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    labels = torch.arange(6).expand(4, 6)
    scores, scorer = scored(guess_of(truth[:, order], labels[:, order]), truth_of(truth, tokenizer, labels), tokenizer)
    assert torch.equal(scores.permutation, order.argsort().expand(4, 6))
    assert torch.equal(scores.guess.inputs, truth) and torch.equal(scores.guess.labels, labels)
    assert all((values == 1).all() for values in scores.values.values())
    assert scorer.means() == dict.fromkeys([*METRICS, "rouge"], 1.0)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(5, 12), min_size=1, max_size=4), min_size=4, max_size=4), st.randoms())
def test_the_assignment_is_the_best_of_all_permutations(cola, batch, random):
    tokenizer, _ = cola
    other = [random.choices(range(5, 13), k=random.randint(1, 4)) for _ in batch]
    truth, guess = (
        TextBatch(torch.tensor([row + [0] * (4 - len(row)) for row in rows])[None], torch.zeros(1, 4), tokenizer)
        for rows in (batch, other)
    )
    found = assign_sentences(guess, truth)[0].tolist()
    assert sorted(found) == [0, 1, 2, 3]

    def gain(permutation):
        total = 0.0
        for i, j in enumerate(permutation):
            common = sum(min(batch[i].count(word), other[j].count(word)) for word in set(batch[i]))
            places = sum(a == b for a, b in zip(batch[i], other[j]))
            total += 2 * common / (len(batch[i]) + len(other[j])) + 1e-3 * places / len(batch[i])
        return total

    assert gain(found) == pytest.approx(max(gain(p) for p in itertools.permutations(range(4))), abs=1e-12)


def test_sentences_of_the_same_words_are_told_apart_by_their_order(cola):
    tokenizer, _ = cola
    truth = torch.tensor([[[2, 7, 8, 9, 3], [2, 9, 8, 7, 3]]])
    batch = TextBatch(truth, torch.zeros(1, 2), tokenizer)
    assert assign_sentences(TextBatch(truth.flip(1), torch.zeros(1, 2), tokenizer), batch).tolist() == [[1, 0]]


def test_known_values_of_a_half_right_sentence(cola):
    tokenizer, _ = cola
    truth = torch.tensor([[[2, 7, 8, 8, 9, 3, 0]]])
    guess = torch.tensor([[[2, 8, 8, 7, -1, 6, 3]]])
    scores, _ = scored(guess_of(guess), truth_of(truth, tokenizer), tokenizer)
    values = {key: value.item() for key, value in scores.values.items()}
    assert values["place"] == 1 / 4 and values["bag"] == 3 / 4 and values["exact"] == 0 and values["label"] == 1
    assert values["set"] == 2 / 4  # {6, 7, 8} and {7, 8, 9}


def test_special_tokens_earn_nothing_and_a_wrong_length_is_no_match(cola):
    tokenizer, _ = cola
    truth = torch.tensor([[[2, 7, 8, 3, 0, 0]], [[2, 7, 8, 3, 0, 0]], [[2, 7, 8, 3, 0, 0]]])
    guess = torch.tensor([[[2, 5, 5, 3, 0, 0]], [[2, 7, 8, 9, 3, 0]], [[2, 7, 8, 0, 3, 0]]])
    scores, _ = scored(guess_of(guess), truth_of(truth, tokenizer), tokenizer)
    assert scores.values["place"].flatten().tolist() == [0, 1, 1]
    assert scores.values["bag"].flatten().tolist() == [0, 1, 1]
    assert scores.values["exact"].flatten().tolist() == [0, 0, 1]  # padding in the middle is no token


def test_a_masked_model_is_scored_on_the_sentence_and_makes_no_claim_of_a_class(cola):
    tokenizer, tokens = cola
    truth = tokens[:3, None].clone()
    targets = torch.full_like(truth, NO_TARGET)
    targets[:, :, 2] = truth[:, :, 2]
    hidden = truth.clone()
    hidden[:, :, 2] = tokenizer.mask
    victims = truth_of(hidden, tokenizer, targets)
    minus = torch.full((3, 1), -1)
    right, _ = scored(guess_of(truth, minus), victims, tokenizer)
    assert (right.values["exact"] == 1).all() and right.values["label"].isnan().all()
    as_given, _ = scored(guess_of(hidden, minus), victims, tokenizer)
    assert (as_given.values["exact"] == 0).all()


def test_a_failed_victim_has_no_scores_and_images_are_not_compared(cola):
    tokenizer, tokens = cola
    truth = truth_of(tokens[:2, None], tokenizer)
    scores, scorer = scored(guess_of(tokens[:2, None], status=Status.ERROR), truth, tokenizer)
    assert all(values.isnan().all() for values in scores.values.values()) and not scores.scored.any()
    # a rate counts every sentence: none of these came back
    assert scorer.means() == {**dict.fromkeys([*METRICS, "rouge"]), "exact": 0.0}
    wrong = TextScorer({"mse": MeanSquaredError(clip=True)}, tokenizer)
    assert wrong(guess_of(tokens[:2, None]), truth).values["mse"].isnan().all()
    assert wrong.reasons == {"mse": "compares images; these are sentences (metric=text)"}


def test_facts_are_plain_json(cola):
    _, scorer = scored(guess_of(cola[1][:1, None]), truth_of(cola[1][:1, None], cola[0]), cola[0])
    facts = json.loads(json.dumps(scorer.facts(), allow_nan=False))
    assert facts["place"]["range"] is None and "rouge-score" in facts["rouge"]["implementation"]


def test_rouge_sees_words_and_not_pieces(cola):
    tokenizer, tokens = cola
    batch = TextBatch(tokens[:40, None], torch.zeros(40, 1), tokenizer)
    other = TextBatch(tokens[:40, None].roll(1, 0), torch.zeros(40, 1), tokenizer)
    found = Rouge("1").score(other, batch).flatten().tolist()
    texts = [text for (text,) in batch.texts]
    assert found == [rouge(texts[i - 1], texts[i], "1") for i in range(40)]
    assert not math.isnan(sum(found)) and 0 < max(found) < 1
