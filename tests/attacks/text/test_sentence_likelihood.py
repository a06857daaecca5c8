"""The score of claims about sentences: the true ones have the best, and what is open is filled in."""

import pytest
import torch
from sentence_cells import SHORT, cola

from bench.attacks.likelihood import Likelihood
from bench.attacks.text.sentence_likelihood import SentenceLikelihood

ATTACK = ("attack=strongest_text", *SHORT)


def judge(built, count: int):
    victims = built.data.deal(range(count))
    seen = built.client.share(victims)
    return victims, SentenceLikelihood(seen, Likelihood.under(seen, 1e-3), torch.float64)


@pytest.mark.parametrize(("model", "head"), [("bert_tiny", "classification"), ("gpt2_tiny", "causal")])
def test_the_true_sentences_score_best_and_labels_are_filled_in(shared_data, model: str, head: str) -> None:
    built = cola(shared_data, *ATTACK, f"model={model}", f"model.head={head}", "data.batch_size=2")
    victims, score = judge(built, 2)
    for place in range(2):
        tokens, nothing = victims.inputs[place], torch.full((2,), -1)
        true = score(place, tokens, nothing)
        assert true.error < 1e-5 and torch.equal(true.inputs, tokens)
        if head == "classification":
            assert torch.equal(true.labels, victims.labels[place])
        else:
            assert torch.equal(true.labels, nothing)
        other = tokens.clone()
        other[0, 2] = tokens[0, 2] + 1
        assert score(place, other, nothing).score > true.score
        swapped = tokens.clone()
        swapped[0, [1, 2]] = tokens[0, [2, 1]]
        assert score(place, swapped, nothing).score > true.score


def test_wrong_labels_of_right_sentences_are_put_right(shared_data) -> None:
    built = cola(shared_data, *ATTACK, "data.batch_size=2")
    victims, score = judge(built, 1)
    found = score(0, victims.inputs[0], 1 - victims.labels[0])
    assert torch.equal(found.labels, victims.labels[0]) and found.error < 1e-5


def test_a_claim_with_an_open_place_comes_last(shared_data) -> None:
    built = cola(shared_data, *ATTACK)
    victims, score = judge(built, 1)
    tokens = victims.inputs[0].clone()
    tokens[0, 1] = -1
    assert score(0, tokens, victims.labels[0]).score == torch.inf
