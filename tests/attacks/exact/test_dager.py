"""Protects: the span of attention gradients gives away whole batches of real sentences, exactly, and says when not."""

from collections import Counter

import pytest
import torch
from sentence_cells import cola

from bench.attacks.exact.text_update import TextUpdate
from bench.errors import NotApplicable
from bench.messages.status import Status


def cell(shared_data, *overrides):
    return cola(shared_data, "attack=dager", *overrides)


def sentences(tokens):
    """The sentences of a batch `[B, T]`, in any order; -1 is no token."""
    return Counter(tuple(token for token in row if token >= 0) for row in tokens.tolist())


def truth(victims, position):
    hidden = torch.full_like(victims.sentences[position], -1)
    return sentences(torch.where(victims.mask[position], victims.sentences[position], hidden))


EXACT = [
    ["model=bert_tiny", "data.batch_size=1"],
    ["model=bert_tiny", "data.batch_size=2", "threat=embedding_frozen"],
    ["model=bert_tiny", "data.batch_size=2", "threat.lengths=false"],
    ["model=bert_tiny", "model.layers=3", "data.batch_size=2"],
    ["model=bert_tiny", "model.head=masked"],
    ["model=gpt2_tiny", "data.batch_size=3"],
    ["model=gpt2_tiny", "data.batch_size=2", "threat.lengths=false"],
    # one local step: a gradient of a length that is not granted
    ["model=bert_tiny", "data.batch_size=2", "defense=local_steps", "defense.steps=1"],
    ["model=gpt2_tiny", "data.batch_size=3", "defense=local_steps", "defense.steps=1"],
    ["model=gpt2_tiny", "model.head=classification", "model.layers=3", "data.batch_size=2"],
]
# what differs of these is in another of the cases above
ALSO = [
    ["model=bert_tiny", "model.head=masked", "data.hidden=0"],
    ["model=bert_tiny", "model.head=masked", "defense=local_steps", "defense.steps=1"],
    ["model=gpt2_tiny", "model.head=classification"],
    ["model=gpt2_tiny", "data.batch_size=2", "threat=embedding_frozen"],
]
SLOW = [pytest.param(overrides, marks=pytest.mark.slow) for overrides in ALSO]


@pytest.mark.parametrize("overrides", [*EXACT, *SLOW], ids=" ".join)
def test_whole_batches_are_exact(shared_data, overrides) -> None:
    built = cell(shared_data, *overrides)
    victims = built.data.deal(range(1 if built.data.batch_size > 1 else 2))
    seen = built.client.share(victims)
    for position, claim in enumerate(built.attack.reconstruct(seen, 0)):
        assert claim.ids.tolist() == [position] and claim.status == [Status.CONVERGED]
        assert sentences(claim.inputs[0]) == truth(victims, position)
        assert claim.objective.item() < 1e-10  # the square of float32's rounding, with room for cancellation
        if victims.labels.dim() == 2:
            pairs = [Counter(zip(map(tuple, side[0].clamp(min=0).tolist()), side[1].tolist())) for side in (
                (claim.inputs[0], claim.labels[0]),
                (victims.inputs[position] * victims.mask[position], victims.labels[position]),
            )]  # fmt: skip
            assert pairs[0] == pairs[1]  # the label of each sentence with it


def test_eight_sentences_of_a_decoder_are_exact(shared_data) -> None:
    """Up to 128 tokens, so the network is 256 wide."""
    built = cell(shared_data, "model=gpt2_tiny", "model.width=256", "data.batch_size=8")
    victims = built.data.deal([1])
    (claim,) = built.attack.reconstruct(built.client.share(victims), 0)
    assert sentences(claim.inputs[0]) == truth(victims, 0) and claim.status == [Status.CONVERGED]


@pytest.mark.slow
def test_no_true_token_of_eight_sentences_is_missed_on_pretrained_weights(shared_data, minilm) -> None:
    """The threshold is 1e-5; float32 leaves less than 1e-6 of a true one."""
    built = cell(shared_data, "model=minilm", "data.batch_size=8", "data.tokens=10")
    victims = built.data.deal([0])
    seen = built.client.share(victims)
    candidates = built.attack.tokens(TextUpdate.of(seen, 0, torch.float32))
    tokens, mask = victims.inputs[0], victims.mask[0]
    for place, found in enumerate(candidates):
        assert {*tokens[mask[:, place], place].tolist()} <= {*found}
    # those that pass and stand elsewhere are words of the batch too
    assert {token for found in candidates for token in found} == {*tokens[mask].tolist()}


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [1, 2])
def test_whole_sentences_are_exact_on_pretrained_weights(shared_data, minilm, batch_size) -> None:
    built = cell(shared_data, "model=minilm", f"data.batch_size={batch_size}")
    victims = built.data.deal(range(3))
    for position, claim in enumerate(built.attack.reconstruct(built.client.share(victims), 0)):
        assert sentences(claim.inputs[0]) == truth(victims, position)


@pytest.mark.slow
def test_the_truth_is_not_in_reach(shared_data) -> None:
    built = cell(shared_data, "data.batch_size=2")
    claims = []
    for erase in (False, True):
        victims = built.data.deal([0])
        seen = built.client.share(victims)
        if erase:
            victims.inputs.zero_()
            victims.labels.zero_()
        claims.extend(built.attack.reconstruct(seen, 0))
    assert torch.equal(claims[0].inputs, claims[1].inputs) and torch.equal(claims[0].labels, claims[1].labels)


def test_too_many_tokens_or_numbers_that_are_none_claim_nothing(shared_data) -> None:
    """Four sentences have more tokens than 16 dimensions: everything that is normalised is in the span."""
    built = cell(shared_data, "model.width=16", "data.batch_size=4")
    seen = built.client.share(built.data.deal([0, 1]))
    seen.gradients[seen.task.language.first_attention[0]][1, 0, 0] = torch.nan
    claims = list(built.attack.reconstruct(seen, 0))
    assert all((claim.inputs == -1).all() and (claim.labels == -1).all() for claim in claims)
    assert [claim.status[0] for claim in claims] == [Status.BUDGET, Status.NONFINITE]


@pytest.mark.slow
def test_noise_leaves_the_nearest_tokens_and_no_verdict(shared_data) -> None:
    built = cell(shared_data, "defense=gaussian", "defense.std=1e-3", "attack.tries=3")
    victims = built.data.deal([0])
    (claim,) = built.attack.reconstruct(built.client.share(victims), 0)
    assert claim.status == [Status.BUDGET] and claim.objective.item() > built.attack.enough
    assert torch.equal(claim.inputs[0] >= 0, victims.mask[0])


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["model.layers=1"], "needs a model whose first two attention layers are known"),
        (["threat.batch_size=false"], "needs to know the batch size"),
    ],
)
def test_refusals(shared_data, overrides, sentence) -> None:
    with pytest.raises(NotApplicable, match=sentence):
        cell(shared_data, *overrides)
