"""Protects: sentences and labels come out of a file as they stand there, and a wrong line is named."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.datamodules.public_domain import packaged
from bench.datamodules.text_lines import read_lines, write_lines
from bench.errors import UserError


def test_real_sets_have_their_header_taken_off(shared_data: Path) -> None:
    for name, count, first in (("cola", 250, (0, "A proof that the claim had been made was given that John had lied.")),
                               ("rotten_tomatoes", 300, (1, "there is truth here"))):  # fmt: skip
        lines = read_lines(shared_data / "text" / f"{name}.tsv")
        assert (len(lines.sentences), lines.classes, lines.class_names) == (count, 2, None)
        assert (lines.labels[0], lines.sentences[0]) == first and set(lines.labels) == {0, 1}


def test_the_packaged_sentences_are_whole() -> None:
    lines = packaged()
    assert len(set(lines.sentences)) == 64 and lines.class_names == ("essay", "story")
    assert sum(lines.labels) == 32 and max(len(sentence.split()) for sentence in lines.sentences) <= 20


def test_words_as_labels_and_a_file_without_a_header(tmp_path: Path) -> None:
    path = tmp_path / "mine.tsv"
    path.write_text("spam\tbuy now\n\nham\tsee you\r\nspam\tbuy more\n")
    lines = read_lines(path)
    assert lines.sentences == ("buy now", "see you", "buy more") and lines.labels == (1, 0, 1)
    assert (lines.classes, lines.class_names) == (2, ("ham", "spam"))


def test_numbers_are_class_indices_and_there_are_two_classes_at_least(tmp_path: Path) -> None:
    path = tmp_path / "mine.tsv"
    path.write_text("0\ta b\n")
    assert read_lines(path).classes == 2
    path.write_text("4\ta b\n")
    assert (read_lines(path).classes, read_lines(path).labels) == (5, (4,))


def test_any_other_file_has_a_sentence_a_line_and_no_labels(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("One.\n\n  Two\twith a tab. \n", encoding="utf-8")
    lines = read_lines(path)
    assert lines.sentences == ("One.", "Two\twith a tab.") and lines.classes is None and lines.labels == (0, 0)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"0\tfine\nno label here\n", r"mine\.tsv:2: has 1 column, and line 1 has 2; want a header that names"),
        (b"0\ta\tb\n", r"mine\.tsv:1: has 3 columns, and no header says what they are; want a header that names"),
        (b"label\tsentence\n0\ta b\n\t\n1\t \n", r"mine\.tsv:4: has an empty sentence; want"),
        (b"text\tlabel\na b\t \n", r"mine\.tsv:2: has an empty label; want"),
        (b"l\0a\0b\0", r"mine\.tsv: is no UTF-8 text \(it holds null bytes, as UTF-16 does\)"),
        (b"99999999999999999999\ta b\n", r"label 99999999999999999999 is the index of a class, and there are 100,000"),
        (b"7" * 5000 + b"\ta b\n", r"label 777777777777777777777777777777 is the index of a class"),
        (b"label\tsentence\n", r"mine\.tsv: holds no sentence"),
        (b"0\tcaf\xe9\n", r"mine\.tsv: is no UTF-8 text \(byte 5\)"),
    ],
)
def test_a_damaged_file_is_one_sentence(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "mine.tsv"
    path.write_bytes(content)
    with pytest.raises(UserError, match=sentence):
        read_lines(path)


def test_a_byte_order_mark_is_no_letter_of_the_first_sentence(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_bytes(b"\xef\xbb\xbfOne.\nTwo.\n")
    assert read_lines(path).sentences == ("One.", "Two.")


def test_other_kinds_of_tables_and_other_names_are_said(tmp_path: Path) -> None:
    for name, content, sentence in (
        ("mine.csv", "sentence,label\na b,0\n", r"mine\.csv: want a \.tsv, or a text file .*; a \.csv is not read"),
        (
            "mine.txt",
            "sentence\tlabel\na b\t0\n",
            r"mine\.txt: looks like a table .*; give it a name that ends in \.tsv",
        ),
    ):
        (tmp_path / name).write_text(content)
        with pytest.raises(UserError, match=sentence):
            read_lines(tmp_path / name)
    os.mkfifo(tmp_path / "pipe.tsv")
    with pytest.raises(UserError, match=r"pipe\.tsv: is a FIFO, and only regular files are read"):
        read_lines(tmp_path / "pipe.tsv")


def test_a_text_that_cannot_fit_into_memory_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    with path.open("wb") as file:
        file.truncate(2**43)  # a hole: it takes no room on the disk
    with pytest.raises(
        UserError, match=r"the sentences in .*mine\.txt take 128\.0 TiB of memory at least, and .* free"
    ):
        read_lines(path)


words = st.text(st.characters(codec="utf-8", categories=("L", "N", "P")), min_size=1)
cells = st.lists(words, min_size=1).map(" ".join).filter(lambda cell: not (cell[0] == cell[-1] == '"'))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), cells), min_size=1))
def test_what_is_written_is_read(tmp_path_factory, rows) -> None:
    labels, sentences = zip(*rows, strict=True)
    path = tmp_path_factory.mktemp("lines") / "set.tsv"
    write_lines(path, sentences, labels)
    assert (read_lines(path).labels, read_lines(path).sentences) == (labels, sentences)
    assert [file.name for file in path.parent.iterdir()] == ["set.tsv"]
