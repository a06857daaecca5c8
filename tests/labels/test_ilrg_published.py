"""Protects: iLRG on the networks and images of the paper has the figures of the authors' logs."""

import gzip

import pytest
import torch
from ilrg_figures import PUBLISHED, figures, scored

TOLERANCE = 0.03


@pytest.mark.parametrize(
    ("truth", "found", "counts", "labels"),
    [
        ([15, 10, 11, 11, 10, 14, 10, 16, 15, 16], [17, 8, 12, 12, 9, 14, 9, 16, 14, 16], 0.3, 0.961),
        ([9, 12, 23, 8, 20, 15, 12, 12, 9, 8], [10, 11, 22, 7, 18, 19, 11, 13, 9, 7], 0.1, 0.945),
    ],
    ids=["first batch", "last batch"],
)
def test_the_measures_are_those_of_the_authors(truth, found, counts, labels) -> None:
    """Two batches of the log of FCN-3 at B = 128, with the figures that it has for them."""
    measured = scored(torch.tensor([found]).double(), torch.tensor([truth]).double())
    assert [round(value, 3) for value in measured.means()] == [1.0, counts, labels]


def test_an_estimate_that_is_negative_or_above_the_batch_counts_as_none() -> None:
    measured = scored(torch.tensor([[-0.7, 4.6, 2.4, 1.6]]), torch.tensor([[0.0, 0.0, 2.0, 2.0]]))
    assert measured.means() == (1.0, 1.0, 1.0)


def test_a_small_batch_has_the_published_figures(shared_data) -> None:
    """LeNet-5 on CIFAR-100 at B = 24."""
    found = figures("model=lenet5", ["data=folder", f"data.root={shared_data / 'cifar100'}"], 24, batches=4)
    assert found.means() == pytest.approx(PUBLISHED["model=lenet5"][24], abs=TOLERANCE)


@pytest.mark.slow
@pytest.mark.parametrize("size", [128, 256])
def test_lenet5_has_the_published_figures(shared_data, size) -> None:
    found = figures("model=lenet5", ["data=folder", f"data.root={shared_data / 'cifar100'}"], size, batches=20)
    assert found.means() == pytest.approx(PUBLISHED["model=lenet5"][size], abs=TOLERANCE)


@pytest.mark.slow
@pytest.mark.parametrize("size", [24, 64])
def test_fcn3_has_the_published_figures(shared_data, tmp_path, size) -> None:
    """The share of classes with the right count is asked for within three standard errors, if these are larger."""
    folder = tmp_path / "MNIST" / "raw"
    folder.mkdir(parents=True)
    for packed in (shared_data / "raw" / "mnist").glob("*.gz"):
        (folder / packed.stem).write_bytes(gzip.decompress(packed.read_bytes()))
    found = figures("model=fcn3", ["data=mnist", f"paths.data={tmp_path}"], size, batches=100)
    for mean, error, published in zip(found.means(), found.errors(), PUBLISHED["model=fcn3"][size], strict=True):
        assert mean == pytest.approx(published, abs=max(TOLERANCE, 3 * error))
