"""Protects: the images that packages carry are found without importing them, with the full datasets' labels."""

from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from processes import python

from bench.errors import UserError

CARRIED = {
    "mnist": ("mnist", 10, (1, 28, 28)),
    "cifar10": ("cifar10", 10, (3, 32, 32)),
    "cifar100": ("cifar100", 100, (3, 32, 32)),
}


@pytest.mark.parametrize("name", CARRIED)
def test_labels_are_those_in_the_file_names_and_pixels_those_in_the_files(build, name: str) -> None:
    data = build("samples", set=name)
    data.setup()
    _, classes, shape = CARRIED[name]
    assert (data.title, data.classes, data.shape, data.size_of_pool) == (f"samples-{name}", classes, shape, 20)
    files = [entry for entry in metadata.files("foolbox") or [] if entry.name.startswith(f"{name}_")]
    by_place = {int(entry.stem.split("_")[1]): entry for entry in files}
    victims = data.deal(range(20))
    for row in range(20):
        entry = by_place[int(victims.samples[row, 0])]
        assert int(entry.stem.split("_")[2]) == victims.labels[row, 0]
        pixels = np.array(Image.open(str(entry.locate()))).reshape(shape[1], shape[2], shape[0])
        assert torch.equal(victims.inputs[row, 0], torch.from_numpy(pixels).permute(2, 0, 1).float() / 255)


def test_mnist_samples_are_the_first_images_of_the_test_split(build, shared_data: Path) -> None:
    """Known pixels: an independent copy of MNIST, whose files are named by their index in the test split."""
    data = build("samples", set="mnist")
    data.setup()
    checked = 0
    for index in range(20):
        label = int(data.pool.labels[index])
        file = shared_data / "mnist" / str(label) / f"{index:05d}.png"
        if file.exists():
            assert (np.array(Image.open(file)) == data.pool.images[index, :, :, 0]).all()
            checked += 1
    assert checked >= 5


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_classes_have_the_names_of_an_independent_copy(build, shared_data: Path, name: str) -> None:
    """Its folders are named after the classes, and the labels of both sets follow the alphabet."""
    data = build("samples", set=name)
    data.setup()
    assert list(data.class_names) == sorted(path.name for path in (shared_data / name).iterdir() if path.is_dir())


def test_digits_have_no_names(build) -> None:
    data = build("samples", set="mnist")
    data.setup()
    assert data.class_names is None


def test_faces_have_no_labels_but_can_be_dealt(build) -> None:
    data = build("samples", set="lfw", batch_size=4)
    data.setup()
    assert (data.shape, data.classes, data.size_of_pool, data.class_names) == ((1, 25, 25), None, 100, None)
    victims = data.deal([0, 24])
    assert victims.inputs.shape == (2, 4, 1, 25, 25) and (victims.labels == 0).all()
    assert 0.2 < data.mean_image.mean() < 0.8
    # faces are much alike and background patches are not: the mean of 100 faces keeps its contrast
    assert data.mean_image.std() > 0.05


def test_faces_are_not_background(build) -> None:
    """The first hundred patches resemble their mean, the other hundred do not: a known fact of lfw_subset."""
    data = build("samples", set="lfw")
    data.setup()
    entry = next(entry for entry in metadata.files("scikit-image") or [] if entry.name == "lfw_subset.npy")
    background = np.load(str(entry.locate()))[100:]

    def agreement(images: np.ndarray) -> float:
        flat = images.reshape(len(images), -1) - images.reshape(len(images), -1).mean(1, keepdims=True)
        mean = data.mean_image.numpy().ravel() - data.mean_image.mean().item()
        return float(np.mean(flat @ mean / np.linalg.norm(flat, axis=1) / np.linalg.norm(mean)))

    assert agreement(data.pool.images) > 0.5 > agreement(background)


@pytest.mark.parametrize("rule", ["unique", "same"])
def test_faces_cannot_follow_a_label_rule(build, rule: str) -> None:
    with pytest.raises(UserError, match=f"data.label_rule={rule}: data 'samples-lfw' has no labels"):
        build("samples", set="lfw", label_rule=rule).setup()


def test_an_unknown_set_is_one_line(build) -> None:
    with pytest.raises(UserError, match=r"data\.set=cifar1000: must be one of .*; did you mean 'cifar100'\?"):
        build("samples", set="cifar1000")


def test_a_package_that_is_not_installed_is_one_line(build, monkeypatch: pytest.MonkeyPatch) -> None:
    data = build("samples", set="mnist")
    assert data.present()
    monkeypatch.setattr(type(data), "_package", lambda self: "leakbench-no-such-package")
    assert not data.present()
    with pytest.raises(UserError, match=r"data 'samples-mnist' is not in the package .*; run: pip install"):
        data.setup()
    with pytest.raises(UserError, match="run: pip install"):
        data.prepare()


@pytest.mark.slow
def test_nothing_is_imported_to_read_them() -> None:
    """foolbox's import pulls in its whole stack, and scikit-image's may ask the network for its other data."""
    code = (
        "import sys; from bench.datamodules.samples import Samples\n"
        "heavy = {'foolbox', 'eagerpy', 'skimage', 'sklearn'}\n"
        "assert not heavy & set(sys.modules), 'the process that this one is forked from has imported them'\n"
        "for name in ('cifar10', 'lfw'):\n"
        "    data = Samples(name=name, set=name, victims=1, batch_size=1, seed=0, label_rule='random', labels='own',"
        " size=None, channels=None)\n"
        "    data.setup()\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    process = python(code)
    process.join(60)
    assert process.exitcode == 0
