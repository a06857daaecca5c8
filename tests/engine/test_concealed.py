"""Concealing images as variables: their gradient is that of a client which shares both, and priors do not see them."""

import dataclasses

import pytest
import torch
from observations import CLASSES, SHAPE, net, observe
from torch import Tensor
from torch.nn.functional import one_hot

from bench.engine.concealed import ConcealedLayout, ConcealedMatching
from bench.engine.matching import Layout
from bench.objectives.squared_error import squared_error

S, PIXELS = 1, SHAPE[0] * SHAPE[1] * SHAPE[2]
LAYOUT = ConcealedLayout(2, SHAPE, CLASSES, concealing=S, classes=CLASSES)


def test_the_last_variables_are_the_concealing_images_and_their_labels() -> None:
    z = torch.arange(2.0 * LAYOUT.n).reshape(2, -1)
    plain = Layout(2, SHAPE, CLASSES)
    assert LAYOUT.n == plain.n + PIXELS + CLASSES
    images, logits = LAYOUT.split(z)
    assert torch.equal(images, plain.split(z[:, : plain.n])[0])
    assert logits is not None and torch.equal(logits, plain.split(z[:, : plain.n])[1])
    hidden, drawn = LAYOUT.hidden(z)
    assert torch.equal(hidden, z[:, plain.n : plain.n + PIXELS].reshape(2, S, *SHAPE))
    assert torch.equal(drawn, z[:, -CLASSES:].softmax(1)[:, None])


@pytest.mark.parametrize("fixed", [False, True])
def test_the_gradient_is_that_of_all_images_and_the_priors_are_of_the_private_ones(fixed: bool) -> None:
    """A client that shares the gradient of three images as one batch, of which an attacker names one concealing."""
    seen, images, labels = observe(net(), batch_size=3)
    priors: list[Tensor] = []

    def prior(inputs: Tensor) -> Tensor:
        priors.append(inputs)
        return torch.zeros(len(inputs), dtype=inputs.dtype)

    layout = dataclasses.replace(LAYOUT, label_logits=0) if fixed else LAYOUT
    known = one_hot(labels[:, :2], CLASSES).double() if fixed else None
    matching = ConcealedMatching(seen, layout, squared_error, known, torch.float64, [prior])
    matching.load(torch.arange(3))
    logits = 1e3 * one_hot(labels, CLASSES).double()
    own = [] if fixed else [logits[:, :2].flatten(1)]
    z = torch.cat([images[:, :2].flatten(1), *own, images[:, 2:].flatten(1), logits[:, 2]], 1)
    value, _ = matching(z)
    assert value.max() < 1e-24  # float64: the gradient is the shared one
    assert torch.equal(priors[0].detach(), images[:, :2])
    z[:, -CLASSES - 1] += 0.1  # a pixel of the concealing image
    moved, slope = matching(z)
    assert moved.min() > 1e-8 and slope[:, -CLASSES - 1].abs().min() > 0
