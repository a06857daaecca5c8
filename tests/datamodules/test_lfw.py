"""Protects: LFW is found wherever archives and scikit-learn put it, people are the classes, and absence is one line."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import _lfw

from bench.datamodules.lfw import PLACES
from bench.errors import UserError


def test_people_are_classes_and_faces_are_fitted_to_32(build, shared_data: Path) -> None:
    data = build("lfw", root=str(shared_data / "lfw"))
    data.setup()
    people = sorted(entry.name for entry in (shared_data / "lfw").iterdir() if entry.is_dir())
    assert (data.title, data.shape, data.classes) == ("lfw", (3, 32, 32), len(people))
    assert list(data.class_names) == people and data.size_of_pool == 2 * len(people)
    face = np.array(
        Image.open(sorted((shared_data / "lfw" / people[4]).iterdir())[0]).resize((32, 32), Image.Resampling.BILINEAR)
    )
    assert (data.pool.images[8] == face).all() and data.pool.labels[8] == 4


@pytest.mark.parametrize("place", PLACES)
def test_the_tree_is_found_where_archives_put_it(build, shared_data: Path, tmp_path: Path, place: str) -> None:
    for person in ("Adrien_Brody", "Alvaro_Uribe"):
        shutil.copytree(shared_data / "lfw" / person, tmp_path / "root" / place / person)
    (tmp_path / "root" / "pairsDevTrain.txt").write_text("x")
    data = build("lfw", root=str(tmp_path / "root"))
    assert data.present() and Path(data.where()) == tmp_path / "root" / place
    data.setup()
    assert data.class_names == ("Adrien_Brody", "Alvaro_Uribe") and data.pool.labels.tolist() == [0, 0, 1, 1]


def test_min_faces_leaves_people_out_and_numbers_the_others_anew(build, shared_data: Path, tmp_path: Path) -> None:
    for person in ("Abdullah_Gul", "Adrien_Brody", "Alvaro_Uribe"):
        shutil.copytree(shared_data / "lfw" / person, tmp_path / person)
    folder = tmp_path / "Adrien_Brody"
    folder.chmod(0o755)
    sorted(folder.iterdir())[0].unlink()
    data = build("lfw", root=str(tmp_path), min_faces=2)
    data.setup()
    assert data.class_names == ("Abdullah_Gul", "Alvaro_Uribe") and data.pool.labels.tolist() == [0, 0, 1, 1]
    with pytest.raises(UserError, match=r"data\.min_faces=3: nobody in .* has more than 2 pictures"):
        build("lfw", root=str(tmp_path), min_faces=3).setup()
    with pytest.raises(UserError, match=r"data\.min_faces=0: must be >= 1"):
        build("lfw", root=str(tmp_path), min_faces=0)


def test_absence_names_the_command_and_the_folder(build, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        build("lfw").setup()
    folder = tmp_path / "empty" / "lfw"
    assert str(caught.value) == (
        f"data 'lfw' is not in {folder}; run: leakbench prepare lfw, "
        f"or put the people's folders (PERSON_NAME/NAME.jpg) into {folder}"
    )


def test_a_host_that_refuses_is_one_line(
    build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, closed_port: int
) -> None:
    archive = _lfw.FUNNELED_ARCHIVE._replace(url=f"http://127.0.0.1:{closed_port}/lfw.tgz")
    monkeypatch.setattr(_lfw, "FUNNELED_ARCHIVE", archive)
    with pytest.raises(
        UserError, match=r"data 'lfw' could not be fetched \(.*refused.*\); put the people's folders .* into"
    ):
        build("lfw").prepare()
    assert not (tmp_path / "empty").exists()


def test_scikit_learn_s_own_reader_sees_the_same_people(build, shared_data: Path, tmp_path: Path) -> None:
    """fetch_lfw_people on files already there: the layout that `prepare()` leaves is the one that `load()` reads."""
    home = tmp_path / "lfw_home"
    home.mkdir()
    for target in _lfw.TARGETS:
        (home / target.filename).write_text("")
    for person in ("Adrien_Brody", "Alvaro_Uribe"):
        shutil.copytree(shared_data / "lfw" / person, home / "lfw_funneled" / person)
    theirs = _lfw.fetch_lfw_people(
        data_home=str(tmp_path), resize=None, color=True, slice_=(slice(0, 64), slice(0, 64)), download_if_missing=False
    )
    data = build("lfw", root=str(tmp_path), size=None)
    data.setup()
    assert [name.replace(" ", "_") for name in theirs.target_names] == list(data.class_names)
    ours = {image.tobytes(): int(label) for image, label in zip(data.pool.images, data.pool.labels)}
    read = {
        (image * 255).round().astype(np.uint8).tobytes(): int(label)
        for image, label in zip(theirs.images, theirs.target)
    }
    assert ours == read
