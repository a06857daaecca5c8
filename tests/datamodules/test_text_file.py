"""A text file of one's own: what it is called, how many classes it has, and what stands there instead."""

import hashlib
import os
from pathlib import Path

import pytest

from bench.errors import UserError
from bench.models.text.vocabulary import Vocabulary

WORDS = Vocabulary(None, "wordpiece", 4000)


def test_a_file_that_is_not_there(build, tmp_path: Path) -> None:
    data = build("text_file", root=str(tmp_path / "gone.txt"))
    with pytest.raises(UserError, match=r"data\.root=.*gone\.txt: does not exist; data\.root must be a text file"):
        data.adopt(WORDS.make, "causal")
    with pytest.raises(UserError, match=r"is a folder"):
        build("text_file", root=str(tmp_path)).prepare()


def test_its_name_and_hash_are_those_of_the_file_itself(build, tmp_path: Path) -> None:
    place = tmp_path / "mine.tsv"
    place.write_text("label\tsentence\n0\ta b\n1\tc d\n")
    (tmp_path / "link.tsv").symlink_to(place)
    data = build("text_file", root=str(tmp_path / "link.tsv"))
    assert data.title == "mine.tsv (text_file)" and data.missing() == []
    assert data.provenance == {"name": "mine.tsv", "sha256": hashlib.sha256(place.read_bytes()).hexdigest()}


@pytest.mark.parametrize(("count", "classes", "names"), [(None, 2, ("ham", "spam")), (2, 2, None), (5, 5, None)])
def test_classes_are_counted_or_as_many_as_are_said(build, tmp_path: Path, count, classes, names) -> None:
    place = tmp_path / "mine.tsv"
    place.write_text("spam\tbuy now\nham\tsee you\n")
    lines = build("text_file", root=str(place), class_count=count).read()
    assert (lines.classes, lines.class_names) == (classes, names) and lines.labels == (1, 0)


def test_fewer_classes_than_there_are_and_none_at_all_are_refused(build, tmp_path: Path) -> None:
    place = tmp_path / "mine.tsv"
    place.write_text("4\tbuy now\n0\tsee you\n")
    with pytest.raises(UserError, match=r"data\.class_count=4: .*mine\.tsv has 5 classes"):
        build("text_file", root=str(place), class_count=4).read()
    with pytest.raises(UserError, match=r"data\.class_count=0: must be >= 1"):
        build("text_file", root=str(place), class_count=0)


def test_nothing_is_fetched(build, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, kind in (("gone.txt", "does not exist"), ("pipe", "is a FIFO")):
        with pytest.raises(UserError, match=rf"^data\.root=.*{name}: {kind}; data\.root must be a text file"):
            build("text_file", root=str(tmp_path / name)).fetch()
