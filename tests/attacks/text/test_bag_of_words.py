"""Protects: the words of a batch are read exactly where that can be done, and refused in one line where it cannot."""

import pytest
import torch
from sentence_cells import SHORT, cola

from bench.attacks.text.bag_of_words import laid_out, words_of
from bench.errors import NotApplicable


def cell(shared_data, *overrides):
    return cola(shared_data, "attack=bag_of_words", *SHORT, *overrides)


def sets(tokens, tokenizer):
    """The words of each victim's batch `[V, B, T]`."""
    return [set(tokenizer.words(victim.flatten().tolist())) for victim in tokens]


@pytest.mark.parametrize(
    ("model", "batch_size", "count"),
    [
        ("bert_tiny", 1, 4),
        ("bert_tiny", 4, 2),
        ("gpt2_tiny", 2, 2),
        pytest.param("minilm", 4, 3, marks=pytest.mark.slow),
    ],
)
def test_it_is_exact_as_a_set(shared_data, minilm, model, batch_size, count) -> None:
    built = cell(shared_data, f"model={model}", "model.head=classification", f"data.batch_size={batch_size}")
    victims = built.data.deal(range(count))
    seen = built.client.share(victims)
    (claim,) = built.attack.reconstruct(seen, 0)
    tokenizer = built.data.tokenizer
    assert sets(claim.inputs, tokenizer) == sets(victims.inputs, tokenizer)
    assert not torch.isin(claim.inputs, torch.tensor(sorted(tokenizer.special))).any()
    assert (claim.labels == -1).all() and claim.inputs.shape == victims.inputs.shape
    # each once, in ascending order, at places where tokens are known to be
    assert ((claim.inputs >= 0) <= victims.mask).all()
    for inputs in claim.inputs:
        named = inputs[inputs >= 0].tolist()
        assert named == sorted(set(named))
    scores = built.scorer(claim, victims)
    assert (scores.values["token_set"] == 1).all()


@pytest.mark.slow
def test_it_needs_no_lengths(shared_data) -> None:
    built = cell(shared_data, "threat.lengths=false", "data.batch_size=2")
    victims = built.data.deal(range(4))
    (claim,) = built.attack.reconstruct(built.client.share(victims), 0)
    assert sets(claim.inputs, built.data.tokenizer) == sets(victims.inputs, built.data.tokenizer)


@pytest.mark.slow
def test_under_noise_the_longest_rows_fill_the_places(shared_data) -> None:
    """Each coordinate of 64 with deviation 1e-6: far below a word's row, so the words are still the longest rows."""
    built = cell(shared_data, "defense=gaussian", "defense.std=1e-6")
    victims = built.data.deal(range(4))
    seen = built.client.share(victims)
    (claim,) = built.attack.reconstruct(seen, 0)
    assert (claim.inputs >= 0).sum() == victims.mask.sum()
    tokenizer = built.data.tokenizer
    for guess, truth in zip(sets(claim.inputs, tokenizer), sets(victims.inputs, tokenizer)):
        assert truth < guess
    built.attack.threshold = 1e-2
    (claim,) = built.attack.reconstruct(seen, 0)
    assert sets(claim.inputs, tokenizer) == sets(victims.inputs, tokenizer)


def test_rows_are_measured_against_the_longest() -> None:
    gradient = torch.tensor([[[3.0, 4.0], [0.0, 0.0], [0.0, 0.1]]])
    assert words_of(gradient, 0.0)[0].tolist() == [[True, False, True]]
    assert words_of(gradient, 0.05)[0].tolist() == [[True, False, False]]
    assert words_of(torch.zeros(1, 3, 2), 0.0)[0].tolist() == [[False, False, False]]


def test_more_words_than_places() -> None:
    claimed = laid_out(torch.ones(4, dtype=torch.bool), torch.tensor([1.0, 9.0, 2.0, 8.0]), torch.ones(1, 2).bool())
    assert claimed.tolist() == [[1, 3]]


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["model.head=masked"], "needs a word embedding that is not the output layer too"),
        (["model=gpt2_tiny"], "needs a word embedding that is not the output layer too"),
        (["threat=embedding_frozen"], "needs the word embedding's gradient"),
        (["threat.batch_size=false"], "needs to know the batch size"),
    ],
)
def test_refusals(shared_data, overrides, sentence) -> None:
    with pytest.raises(NotApplicable, match=sentence):
        cell(shared_data, *overrides)
