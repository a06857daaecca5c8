"""An attacker that optimises labels uses a loss whose value at one-hot probabilities is the client's at indices."""

import functools

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from bench.models.soft_labels import soft_labels

CPU, CLASSES = torch.device("cpu"), 4
WEIGHT = torch.tensor([1.0, 2.0, 5.0, 0.5])
MEAN_ONE = torch.tensor([1.0, 1.0, 1.75, 0.25])  # of all classes once, the weighted mean is the plain one


def by_hand(logits: torch.Tensor, labels: torch.Tensor, weight: torch.Tensor, smoothing: float) -> torch.Tensor:
    """torch's documented mean for class indices with weights, as a formula."""
    nll, smooth = -logits.log_softmax(1), smoothing / logits.shape[1]
    own = weight[labels] * nll.gather(1, labels[:, None]).squeeze(1)
    return ((1 - smoothing) * own + smooth * (nll * weight).sum(1)).sum() / weight[labels].sum()


@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize(
    "weight", [WEIGHT, MEAN_ONE, torch.tensor([0.0, 1.0, 1.0, 1.0])], ids=["any", "mean 1", "zero"]
)
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_weighted_means_are_the_clients(batch_size: int, weight: torch.Tensor, smoothing: float) -> None:
    loss = nn.CrossEntropyLoss(weight=weight, label_smoothing=smoothing)
    found = soft_labels(loss, (batch_size, CLASSES), CPU)
    assert found.refusal is None
    generator = torch.Generator().manual_seed(5)
    for _ in range(10):
        logits = torch.randn(batch_size, CLASSES, generator=generator).requires_grad_()
        labels = torch.randint(1, CLASSES, (batch_size,), generator=generator)
        wanted = by_hand(logits, labels, weight, smoothing)
        for targets in (labels, F.one_hot(labels, CLASSES).float()):
            value = found.loss(logits, targets)
            torch.testing.assert_close(value, wanted)
            slope = torch.autograd.grad(wanted, logits, retain_graph=True)
            torch.testing.assert_close(torch.autograd.grad(value, logits), slope)


def test_probabilities_are_weighted_as_indices_are() -> None:
    """Between the corners too: the label of weight 5 counts for five."""
    logits, soft = torch.randn(1, CLASSES), torch.tensor([[0.5, 0.0, 0.5, 0.0]])
    nll = -logits.log_softmax(1)[0]
    found = soft_labels(nn.CrossEntropyLoss(weight=WEIGHT), (1, CLASSES), CPU).loss(logits, soft)
    torch.testing.assert_close(found, (nll[0] + 5 * nll[2]) / 6)


@pytest.mark.parametrize(
    "loss",
    [F.cross_entropy, nn.CrossEntropyLoss(weight=WEIGHT, reduction="sum"), nn.CrossEntropyLoss(label_smoothing=0.1)],
    ids=["plain", "sum", "smoothed"],
)
def test_a_loss_that_means_the_same_by_both_stays_as_it_is(loss) -> None:
    found = soft_labels(loss, (3, CLASSES), CPU)
    assert found.refusal is None and found.loss is loss


def focal(logits, targets):
    """Focal loss that takes both, and forgets the modulation for probabilities."""
    if targets.is_floating_point():
        return F.cross_entropy(logits, targets)
    return (-((1 - logits.softmax(1)) ** 2 * logits.log_softmax(1))).gather(1, targets[:, None]).mean()


@pytest.mark.parametrize(
    ("loss", "says"),
    [
        (lambda z, y: F.nll_loss(z.log_softmax(1), y), "takes class indices and no probabilities"),
        (F.multi_margin_loss, "takes class indices and no probabilities"),
        (
            lambda z, y: F.cross_entropy(z, y.argmax(1) if y.dim() == 2 else y),
            "takes class indices and no probabilities",
        ),
        (lambda z, y: F.nll_loss(z.log_softmax(1), y if y.dim() == 1 else y.long()), "no probabilities"),
        (focal, "is not that at class indices"),
        (lambda z, y: F.cross_entropy(z, y, reduction="sum" if y.dim() == 1 else "mean"), "is not that"),
    ],
    ids=["nll", "margin", "rounded", "cast", "focal", "sum and mean"],
)
def test_what_cannot_be_made_equal_is_said(loss, says: str) -> None:
    assert says in str(soft_labels(loss, (3, CLASSES), CPU).refusal)


def test_one_weight_among_many_classes_is_noticed() -> None:
    weight = torch.ones(300)
    weight[171] = 3.0
    found = soft_labels(functools.partial(F.cross_entropy, weight=weight), (1, 300), CPU)
    logits, label = torch.randn(1, 300), torch.tensor([171])
    torch.testing.assert_close(found.loss(logits, F.one_hot(label, 300).float()), F.cross_entropy(logits, label))
