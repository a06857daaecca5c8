"""Protects: a user's own tree or single image, and a sentence for each mistake with them."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from bench.errors import UserError


def test_a_tree_of_real_images(build, shared_data: Path) -> None:
    data = build("folder", root=str(shared_data / "cifar100"), victims=120)
    data.setup()
    assert (data.title, data.classes, data.shape) == ("cifar100 (folder)", 100, (3, 32, 32))
    assert data.size_of_pool == 120 and data.class_names[0] == "apple"
    victims = data.deal([5])
    sample, label = int(victims.samples[0, 0]), int(victims.labels[0, 0])
    file = sorted((shared_data / "cifar100").glob("*/*.png"))[sample]
    assert file.parent.name == data.class_names[label]
    assert torch.equal(
        victims.inputs[0, 0], torch.from_numpy(np.array(Image.open(file))).permute(2, 0, 1).float() / 255
    )


def test_a_single_file_is_one_example_fitted_to_32(build, shared_data: Path) -> None:
    face = sorted((shared_data / "lfw").glob("*/*.png"))[0]
    data = build("folder", root=str(face), label=3)
    data.setup()
    assert (data.title, data.classes, data.shape) == (f"{face.name} (folder)", 10, (3, 32, 32))
    victims = data.deal([0, 1, 2])
    assert victims.labels.tolist() == [[3]] * 3 and victims.repeats.tolist() == [0, 1, 2]
    # 64 to 32 pixels is no plain 2x2 mean (the antialiased triangle is 4 wide) but cannot be far from it
    halves = (
        torch.nn.functional.avg_pool2d(torch.from_numpy(np.array(Image.open(face))).permute(2, 0, 1).float(), 2) / 255
    )
    assert (victims.inputs[0, 0] - halves).abs().mean() < 0.02


def test_size_and_channels_of_a_single_file(build, shared_data: Path) -> None:
    face = sorted((shared_data / "lfw").glob("*/*.png"))[0]
    data = build("folder", root=str(face), size=28, channels=1, class_count=4)
    data.setup()
    assert (data.shape, data.classes) == ((1, 28, 28), 4)


def test_a_label_outside_the_class_range(build, shared_data: Path) -> None:
    face = sorted((shared_data / "lfw").glob("*/*.png"))[0]
    with pytest.raises(UserError, match=r"label 10 is outside the class range 0\.\.9"):
        build("folder", root=str(face), label=10).setup()
    with pytest.raises(UserError, match=r"data\.label=-1: must be >= 0"):
        build("folder", root=str(face), label=-1)


def test_class_count_may_be_larger_than_the_tree_but_not_smaller(build, shared_data: Path) -> None:
    data = build("folder", root=str(shared_data / "cifar10"), class_count=100)
    data.setup()
    assert data.classes == 100 and data.class_names is None
    with pytest.raises(UserError, match=r"data\.class_count=9: .*cifar10 has 10 class folders"):
        build("folder", root=str(shared_data / "cifar10"), class_count=9).setup()


def test_root_must_be_given_and_exist(build, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"data\.root is not set; say data\.root=PATH"):
        build("folder", root=None)
    data = build("folder", root=str(tmp_path / "gone"))
    assert not data.present()
    for attempt in (data.setup, data.prepare):
        with pytest.raises(
            UserError, match=r"data\.root=.*/gone: does not exist; data\.root must be a folder with images"
        ):
            attempt()


def test_a_truncated_image_is_found_before_anything_is_dealt(build, shared_data: Path, tmp_path: Path) -> None:
    root = tmp_path / "mine"
    shutil.copytree(shared_data / "cifar10" / "cat", root / "cat")
    for file in root.glob("*/*"):
        file.chmod(0o644)
    victim = sorted((root / "cat").iterdir())[7]
    victim.write_bytes(victim.read_bytes()[:900])
    with pytest.raises(UserError, match=rf"{victim.name}: cannot be read as an image \(image file is truncated"):
        build("folder", root=str(root)).setup()


def test_a_file_that_is_no_image(build, shared_data: Path) -> None:
    with pytest.raises(UserError, match=r"MANIFEST\.csv: is not an image"):
        build("folder", root=str(shared_data / "svhn" / "MANIFEST.csv")).setup()


@pytest.mark.parametrize("name", ["folder", "text_file"])
def test_a_root_that_is_no_regular_file_is_said_not_waited_for(build, tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / "pipe.tsv")
    data = build(name, root=str(tmp_path / "pipe.tsv"))
    with pytest.raises(UserError, match=r"pipe\.tsv: is a FIFO"):
        data.lines if name == "text_file" else data.setup()


def test_a_stack_that_is_the_root_is_dealt_page_by_page(build, tmp_path: Path) -> None:
    pages = np.random.default_rng(0).integers(0, 2**16, (3, 8, 8)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "stack.tif", pages, photometric="minisblack")
    data = build("folder", root=str(tmp_path / "stack.tif"), label=2, size=8)
    data.setup()
    victims = data.deal(range(3))
    assert data.size_of_pool == 3 and victims.labels.tolist() == [[2]] * 3
    for sample, image in zip(victims.samples[:, 0].tolist(), victims.inputs[:, 0, 0]):
        assert torch.equal(image, torch.from_numpy((pages[sample] / 65535).astype(np.float32)))
