"""The LightningModule around an attack: each victim is scored once with its own truth, and who failed is a row."""

from dataclasses import replace

import pytest
import torch
from observations import SHAPE, net, observe

from bench.attacks.base import Attack
from bench.attacks.controls import claim
from bench.leakage import Leakage, claims, completed, failed, select
from bench.messages.reconstruction import Reconstruction
from bench.messages.status import Status
from bench.messages.victims import Victims


class Backwards(Attack):
    """Claims victims from the last to the first, two at a time; memory may run out after some."""

    def __init__(self, limit: int | None = None, error: Exception | None = None) -> None:
        super().__init__()
        self.limit, self.error = limit, error or torch.OutOfMemoryError("no room")

    @property
    def needs(self):
        return frozenset()

    def reconstruct(self, seen, seed):
        for number, index in enumerate(torch.arange(len(seen)).flip(0).split(2)):
            if number == self.limit:
                raise self.error
            one = seen.take(index)
            guess = claim(one, one.ids.view(-1, 1, 1, 1, 1).expand(-1, 2, *SHAPE).float())
            yield replace(guess, status=[Status.CONVERGED] * len(index))


def dealt(seen, images, labels) -> Victims:
    return Victims(images, labels, seen.ids, labels, torch.zeros_like(seen.ids))


def test_victims_are_selected_by_their_numbers_in_any_order() -> None:
    seen, images, labels = observe(net(), victims=4)
    found = select(dealt(seen, images, labels), seen.ids[[2, 0]])
    for name in ("inputs", "labels", "ids", "samples"):
        assert torch.equal(getattr(found, name), getattr(dealt(seen, images, labels), name)[[2, 0]]), name
    tokens, mask = torch.tensor([[[5, 6]], [[7, 0]]]), torch.tensor([[[True, True]], [[True, False]]])
    ids, classes = torch.tensor([4, 9]), torch.zeros(2, 1, dtype=torch.int64)
    words = select(Victims(tokens, classes, ids, classes, ids, mask), torch.tensor([9]))
    assert torch.equal(words.inputs, tokens[1:]) and torch.equal(words.mask, mask[1:])


def test_a_block_is_shared_once_and_every_victim_scored_once_with_its_own_truth() -> None:
    seen, images, labels = observe(net(), victims=5)
    kept = []

    class Client:
        def share(self, victims):
            return seen

    def scorer(guess, truth):
        assert len(guess) == 1 and torch.equal(guess.ids, truth.ids)  # one by one
        assert torch.is_grad_enabled() and not torch.is_inference_mode_enabled()
        return float(guess.inputs.mean())

    module = Leakage(Client(), Backwards(), scorer, 0, lambda *found: kept.append(found))
    with torch.inference_mode():  # as Lightning's test loop runs
        module.test_step(dealt(seen, images, labels), 0)
        module.test_step(Victims(images[:0], labels[:0], *[seen.ids[:0], labels[:0], seen.ids[:0]]), 1)
    order = [int(guess.ids) for guess, *_ in kept]
    assert sorted(order) == seen.ids.tolist() and order[0] > order[-1]
    for guess, truth, score in kept:
        assert torch.equal(truth.inputs, images[seen.ids == guess.ids]) and score == float(guess.ids)


def test_images_that_an_attack_did_not_know_of_are_gray_and_a_failure_stays_without_images() -> None:
    """An attack that is not granted the batch size returns as many images as it finds."""
    ids = torch.tensor([7, 8])
    found = claim_of(ids, torch.full((2, 2, *SHAPE), 0.25), [Status.CONVERGED, Status.UNVERIFIED])
    found.inputs[1] = torch.nan
    whole = completed(found, 3)
    assert whole.inputs.shape == (2, 3, *SHAPE) and torch.equal(whole.inputs[0, :2], found.inputs[0])
    assert (whole.inputs[0, 2] == 0.5).all() and whole.inputs[1].isnan().all()
    assert whole.status == [Status.PARTIAL, Status.UNVERIFIED] and (whole.labels == -1).all()
    assert completed(found, 2) is found


def claim_of(ids, images, status) -> Reconstruction:
    return Reconstruction.of_claim(ids, images, torch.full(images.shape[:2], -1), status)


def test_where_memory_runs_out_those_that_are_left_are_failures() -> None:
    seen, *_ = observe(net(), victims=5)
    found = list(claims(Backwards(limit=1), seen, 0))
    assert [int(i) for guess in found for i in guess.ids] == [14, 13, 10, 11, 12]
    assert found[0].status == [Status.CONVERGED] * 2 and found[1].status == [Status.OUT_OF_MEMORY] * 3
    with pytest.raises(RuntimeError, match="a mistake"):
        list(claims(Backwards(limit=1, error=RuntimeError("a mistake")), seen, 0))


def test_a_failure_claims_nothing_of_the_right_shape() -> None:
    seen, *_ = observe(net())
    images = failed(seen, seen.ids[:2], Status.ERROR)
    assert images.inputs.shape == (2, 2, *SHAPE) and images.inputs.isnan().all() and images.objective.isnan().all()
    assert (images.labels == -1).all() and images.status == [Status.ERROR] * 2
    language = replace(seen, task=replace(seen.task, language=object(), input_shape=(7,)), batch_size=None)
    tokens = failed(language, seen.ids[:1], Status.ERROR).inputs
    assert tokens.shape == (1, 1, 7) and tokens.dtype is torch.int64 and (tokens == -1).all()
