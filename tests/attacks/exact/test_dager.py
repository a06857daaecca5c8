"""Protects: the span of attention gradients gives away whole batches of real sentences, exactly, and says when not."""

from collections import Counter

import pytest
import torch
from sentence_cells import cola

from bench.attacks.exact.sentence_search import Descent, Found, ended, from_left_to_right
from bench.attacks.exact.span_check import nearest_first, span_of
from bench.attacks.exact.targets import TargetSearch
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
    ["model=bert_tiny", "model.head=masked", "data.hidden=0"],
    ["model=gpt2_tiny", "data.batch_size=3"],
    ["model=gpt2_tiny", "data.batch_size=2", "threat.lengths=false"],
    ["model=gpt2_tiny", "data.batch_size=2", "threat=embedding_frozen"],
    ["model=gpt2_tiny", "model.head=classification"],
    # one local step: a gradient of a length that is not granted
    ["model=bert_tiny", "data.batch_size=2", "defense=local_steps", "defense.steps=1"],
    ["model=bert_tiny", "model.head=masked", "defense=local_steps", "defense.steps=1"],
    ["model=gpt2_tiny", "data.batch_size=3", "defense=local_steps", "defense.steps=1"],
    ["model=gpt2_tiny", "model.head=classification", "model.layers=3", "data.batch_size=2"],
]


@pytest.mark.parametrize("overrides", EXACT, ids=" ".join)
def test_whole_batches_are_exact(shared_data, overrides) -> None:
    built = cell(shared_data, *overrides)
    victims = built.data.deal(range(2))
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


def test_a_span_is_that_of_the_inputs_where_single_gradients_miss_some() -> None:
    """Two linear layers on the same five inputs; one gradient leaves out the first input, the other the last."""
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(5, 20, generator=generator)
    outputs = torch.randn(2, 12, 5, generator=generator)
    outputs[0, :, 0] = outputs[1, :, 4] = 0
    blocks = [1e-4 * outputs[0] @ inputs, outputs[1] @ inputs]
    span = span_of(blocks, 3e-7, most=20)
    assert span.basis.shape == (5, 20) and span.distance(inputs).max() < 1e-5
    outside = torch.linalg.lstsq(inputs.mT, torch.eye(20)).solution.mT @ inputs  # of unit vectors: what lies inside
    torch.testing.assert_close(span.distance(torch.eye(20)), (torch.eye(20) - outside).norm(dim=1), rtol=1e-4, atol=0)
    assert span_of(blocks[:1], 3e-7, most=20).distance(inputs)[0] > 0.5
    assert span_of(blocks, 3e-7, most=3).basis.shape == (3, 20)
    assert span_of([torch.zeros(3, 4)], 3e-7, most=4).basis.shape == (0, 4)


def test_candidates_have_a_floor_and_a_ceiling() -> None:
    distance = torch.tensor([0.3, 0.0, 0.2, 0.0])
    assert nearest_first(distance, 0.1, least=0, most=9) == [1, 3]
    assert nearest_first(distance, 0.1, least=3, most=9) == [1, 3, 2]
    assert nearest_first(distance, 0.1, least=0, most=1) == [1]


def differing(*wanted):
    """A check that counts the places in which a sentence differs from the nearest of those wanted."""

    def check(tokens):
        close = [[sum(a != b for a, b in zip(row, one)) for one in wanted] for row in tokens.tolist()]
        return torch.tensor(close, dtype=torch.float64).min(1).values

    return check


def test_a_descent_finds_every_sentence_and_repeats_one_that_was_there_twice() -> None:
    candidates, where = [[1], [2, 5], [3, 6, 4], [9]], torch.device("cpu")
    random = torch.rand(20, 4, generator=torch.Generator().manual_seed(0))
    search = Descent(differing((1, 2, 3, 9), (1, 5, 6, 9)), 0.5, 20, where)
    found = search(candidates, [4, 4], True, 2, random, 9)
    assert {one.tokens for one in found} == {(1, 2, 3, 9), (1, 5, 6, 9)}
    found = search(candidates, [3, 4], False, 2, random, 9)  # of unknown lengths, those that pass
    assert {one.tokens for one in found} == {(1, 2, 3, 9), (1, 5, 6, 9)}
    same = Descent(differing((1, 2, 3, 9)), 0.5, 20, where)([[1], [2], [3], [9]], [4, 4], True, 2, random, 9)
    assert [one.tokens for one in same] == [(1, 2, 3, 9)] * 2


def test_a_sentence_that_begins_another_is_told_from_it_by_its_length() -> None:
    kept = {(1,), (1, 2), (1, 2, 3), (4,), (4, 2)}

    def check(tokens):
        return torch.tensor([0.0 if tuple(row) in kept else 1.0 for row in tokens.tolist()])

    candidates = [[1, 4], [2, 3], [3]]
    levels = from_left_to_right(check, candidates, [0, 0, 0], 0.5, 9, torch.device("cpu"))
    assert {one.tokens for level in levels for one in level} == kept
    assert [one.tokens for one in ended(levels, [2, 3, 2], 3)] == [(4, 2), (1, 2, 3), (1, 2)]
    assert {one.tokens for one in ended(levels, None, 3)} == {(4, 2), (1, 2, 3)}
    assert ended(levels, [5], 1) == [Found((), 0.0)]


def test_targets_are_found_among_gradients_that_are_nearly_the_same() -> None:
    """Linear in the targets, by hand: five predictions of three classes, whose gradients differ by a hundredth."""
    generator = torch.Generator().manual_seed(0)
    columns = torch.randn(1, 3, 40, generator=generator, dtype=torch.float64)
    columns = columns + 0.01 * torch.randn(5, 3, 40, generator=generator, dtype=torch.float64)

    def gradient(targets):
        return {"weight": (targets[..., None] * columns).sum((0, 1))}

    wanted = torch.nn.functional.one_hot(torch.tensor([0, 2, 1, 1, 2]), 3).double()
    search = TargetSearch(gradient, gradient(wanted), 1.0, 1e-12, 32)
    targets, left = search(torch.zeros_like(wanted), torch.tensor([True, True, False, True, True]))
    assert left > 1e-3 and (targets[2] == 0).all()  # a place that is not open stays as it is
    targets, left = search(torch.zeros_like(wanted), torch.ones(5, dtype=torch.bool))
    assert torch.equal(targets, wanted) and left < 1e-20
