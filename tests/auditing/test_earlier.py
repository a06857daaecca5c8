"""The earlier form of the call takes images and class indices; its other tests are in test_audit.py."""

import pytest
import torch
from torch.nn import functional

import bench
from bench.auditing.earlier import checked_call
from bench.errors import UserError
from tests.auditing.networks import classifier, image

LABEL = torch.tensor([2])


def test_a_batch_is_returned_in_the_types_of_the_attack() -> None:
    images, labels = checked_call(classifier(), functional.cross_entropy, (image().double(), LABEL.int()))
    assert (images.dtype, labels.dtype) == (torch.float32, torch.int64)


def test_both_forms_find_the_same() -> None:
    few = {"attack": "idlg", "overrides": ("attack.evaluations=30",)}
    earlier = bench.audit(classifier(), functional.cross_entropy, (image(), LABEL), **few)
    named = bench.audit(classifier(), (image(), LABEL), loss=functional.cross_entropy, budget=None, **few)
    assert torch.equal(earlier.inputs, named.inputs) and earlier.evaluations == named.evaluations


@pytest.mark.parametrize("rest", [(), ((image(), LABEL), "idlg", 3)])
def test_the_earlier_form_needs_a_batch_and_no_more(rest) -> None:
    with pytest.raises(UserError, match="want a batch behind the loss"):
        bench.audit(classifier(), functional.cross_entropy, *rest)


def test_the_new_form_takes_names() -> None:
    with pytest.raises(UserError, match="pass everything behind the batch by its name"):
        bench.audit(classifier(), (image(), LABEL), functional.cross_entropy)
