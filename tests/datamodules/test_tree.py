"""Protects: classes numbered as torchvision's ImageFolder does; every fault of a tree is one sentence with its path."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from torchvision.datasets import ImageFolder

from bench.datamodules.tree import list_tree, read_images, read_labelled
from bench.errors import UserError


@pytest.fixture
def tree(shared_data: Path, tmp_path: Path) -> Path:
    """Three real images in two classes."""
    root = tmp_path / "tree"
    for name, count in (("cat", 2), ("dog", 1)):
        (root / name).mkdir(parents=True)
        for file in sorted((shared_data / "cifar10" / name).glob("*.png"))[:count]:
            shutil.copyfile(file, root / name / file.name)
    return root


@pytest.mark.parametrize("name", ["mnist", "cifar10", "cifar100", "svhn", "lfw"])
def test_the_same_files_classes_and_labels_as_torchvision(shared_data: Path, name: str) -> None:
    ours, theirs = list_tree(shared_data / name), ImageFolder(shared_data / name)
    assert list(ours.class_names) == theirs.classes
    assert [(str(file), int(label)) for file, label in zip(ours.files, ours.labels)] == theirs.samples


def test_pixels_are_torchvision_s(shared_data: Path) -> None:
    files = list_tree(shared_data / "svhn").files[::20]
    expected = np.stack([np.array(Image.open(file).convert("RGB")) for file in files])
    assert (read_images(files, None, None) == expected).all()


def test_hidden_and_other_files_are_left_aside(tree: Path) -> None:
    before = list_tree(tree)
    (tree / "SOURCE.txt").write_text("x")
    (tree / "cat" / "notes.md").write_text("x")
    (tree / "cat" / "._00021.png").write_bytes(b"x")
    (tree / ".cache").mkdir()
    after = list_tree(tree)
    assert after.files == before.files and after.class_names == before.class_names == ("cat", "dog")


def test_folders_below_a_class_are_read_as_torchvision_reads_them(tree: Path) -> None:
    files = list_tree(tree).files
    for place in ("cat/site 1", "cat/site/2", "cat/site10", "cat/site2", "dog/a.png/b"):
        (tree / place).mkdir(parents=True)
        shutil.copyfile(files[0], tree / place / "0.png")
    ours, theirs = list_tree(tree), ImageFolder(tree)
    assert len(ours.files) == 8
    assert [(str(file), int(label)) for file, label in zip(ours.files, ours.labels)] == theirs.samples


def test_hidden_folders_and_cycles_of_links_are_not_followed(tree: Path) -> None:
    before = list_tree(tree).files
    (tree / "cat" / ".ipynb_checkpoints").mkdir()
    shutil.copyfile(before[0], tree / "cat" / ".ipynb_checkpoints" / "0.png")
    (tree / "cat" / "again").symlink_to(tree / "cat")
    (tree / "dog" / "self").symlink_to(".")
    assert list_tree(tree).files == before
    elsewhere = tree.parent / "elsewhere"
    elsewhere.mkdir()
    shutil.copyfile(before[0], elsewhere / "0.png")
    (tree / "cat" / "site").symlink_to(elsewhere)
    assert len(list_tree(tree).files) == len(before) + 1


def test_a_fifo_with_an_image_s_name_is_said_not_waited_for(tree: Path) -> None:
    os.mkfifo(tree / "cat" / "zz.png")
    with pytest.raises(UserError, match=r"cat/zz\.png: is a FIFO, and only regular files are read"):
        read_images(list_tree(tree).files, None, None)


def test_each_slice_of_a_stack_is_an_image_of_its_class(tmp_path: Path) -> None:
    slices = np.random.default_rng(0).integers(0, 2**16, (5, 6, 7)).astype(np.uint16)
    for name, part in (("a", slices[:3]), ("b", slices[3:])):
        (tmp_path / name).mkdir()
        tifffile.imwrite(tmp_path / name / "0.tif", part, photometric="minisblack")
    tree = list_tree(tmp_path)
    images, labels = read_labelled(tree.files, tree.labels, None, None)
    assert labels.tolist() == [0, 0, 0, 1, 1]
    assert (np.rint(images[..., 0].astype(np.float64) * 65535) == slices).all()


def test_a_thumbnail_in_a_tiff_is_no_image_of_its_own(tmp_path: Path) -> None:
    pixels = np.arange(48, dtype=np.uint8).reshape(6, 8)
    with tifffile.TiffWriter(tmp_path / "x.tif") as file:
        file.write(pixels, photometric="minisblack")
        file.write(pixels[::2, ::2], photometric="minisblack", subfiletype=1)
    assert (read_images([tmp_path / "x.tif"], None, None)[..., 0] == pixels).all()


@pytest.mark.parametrize("ending", ["gif", "png", "webp"])
def test_an_animation_is_said(tmp_path: Path, ending: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "green", "blue")]
    frames[0].save(tmp_path / f"x.{ending}", save_all=True, append_images=frames[1:])
    with pytest.raises(UserError, match=rf"x\.{ending}: is an animation of 3 frames; save those that are images of"):
        read_images([tmp_path / f"x.{ending}"], None, None)


def test_an_empty_class_is_named(tree: Path) -> None:
    (tree / "eel").mkdir()
    with pytest.raises(UserError, match=r"tree/eel: holds no image; every folder in .* is a class"):
        list_tree(tree)


def test_a_flat_folder_and_an_empty_one_say_what_is_wanted(tree: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cat: has 2 images but no class folders; images must lie in ROOT/CLASS/NAME"):
        list_tree(tree / "cat")
    (tmp_path / "nothing").mkdir()
    with pytest.raises(UserError, match=r"nothing: has no class folders"):
        list_tree(tmp_path / "nothing")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_one_line(tree: Path) -> None:
    (tree / "cat").chmod(0)
    try:
        with pytest.raises(UserError, match="cannot be read as a folder of images"):
            list_tree(tree)
    finally:
        (tree / "cat").chmod(0o755)


def test_a_file_in_the_place_of_the_folder_is_one_line(tree: Path) -> None:
    with pytest.raises(UserError, match="cannot be read as a folder of images \\(Not a directory\\)"):
        list_tree(next((tree / "cat").iterdir()))


def test_the_first_image_that_differs_is_named_with_the_remedy(tree: Path, shared_data: Path) -> None:
    odd = tree / "dog" / "zz.png"
    shutil.copyfile(sorted((shared_data / "lfw").glob("*/*.png"))[0], odd)
    with pytest.raises(UserError, match=r"dog/zz\.png: is 64x64 RGB, but cat/.* is 32x32 RGB; .* set data\.size=32"):
        read_images(list_tree(tree).files, None, None)
    assert read_images(list_tree(tree).files, 32, None).shape == (4, 32, 32, 3)


def test_gray_among_colour_is_named_with_the_remedy(tree: Path) -> None:
    odd = tree / "dog" / "zz.png"
    Image.open(list_tree(tree).files[0]).convert("L").save(odd)
    with pytest.raises(UserError, match=r"zz\.png: is 32x32 gray, but .* set data\.channels=3"):
        read_images(list_tree(tree).files, None, None)
    assert read_images(list_tree(tree).files, None, 3).shape == (4, 32, 32, 3)
