"""Protects: a claim whose gradient is not the shared one is a failure, and never a picture."""

import time

import torch
from observations import net, observe

from bench.attacks.exact.verified import disagreement, verified
from bench.messages.status import Status


def test_the_truth_agrees_and_has_an_image() -> None:
    seen, images, labels = observe(net())
    assert disagreement(seen, 1, images[1], labels[1]) < 1e-25
    claim = verified(seen, 1, [(images[1], labels[1])], 1e-6, begin=time.perf_counter() - 2)
    assert claim.status == [Status.CONVERGED] and claim.ids.tolist() == [11] and 2 < claim.seconds.item() < 60
    assert torch.equal(claim.inputs[0], images[1]) and torch.equal(claim.labels[0], labels[1])


def test_another_image_is_no_picture_and_says_how_far_it_was_off() -> None:
    seen, images, labels = observe(net())
    claim = verified(seen, 0, [(images[1], labels[1])], 1e-6, begin=0.0)
    assert claim.status == [Status.UNVERIFIED] and claim.status[0].failed
    assert claim.inputs.isnan().all() and (claim.labels == -1).all() and claim.objective.item() > 1e-6


def test_the_first_claim_that_counts_is_taken_and_each_gradient_is_counted() -> None:
    seen, images, labels = observe(net())
    broken = torch.full_like(images[0], torch.nan)
    claims = iter([(images[1], labels[1]), (broken, labels[0]), (images[0], labels[0]), (broken, labels[0])])
    claim = verified(seen, 0, claims, 1e-6, begin=0.0)
    assert torch.equal(claim.inputs[0], images[0]) and claim.evaluations.item() == 2 and claim.objective.item() < 1e-25
    assert len(list(claims)) == 1  # what comes behind is not computed


def test_nothing_found_and_numbers_that_are_none_are_failures() -> None:
    seen, images, labels = observe(net())
    for claims in ([], [(torch.full_like(images[0], torch.nan), labels[0])]):
        claim = verified(seen, 0, claims, 1e-6, begin=0.0)
        assert claim.status == [Status.UNVERIFIED] and claim.objective.isnan().all() and claim.evaluations.item() == 0
        assert claim.inputs.shape == (1, 2, 1, 2, 3) and claim.inputs.isnan().all()
