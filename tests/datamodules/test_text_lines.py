"""Protects: sentences and labels come out of a file as they stand there, and a wrong line is named."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.errors import UserError
from datamodules.public_domain import packaged
from datamodules.text_lines import read_lines, write_lines


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
        (b"0\tfine\nno label here\n", r"mine\.tsv:2: want label<TAB>sentence, got 'no label here'"),
        (b"0\ta\tb\n", r"mine\.tsv:1: want label<TAB>sentence"),
        (b"label\tsentence\n", r"mine\.tsv: holds no sentence"),
        (b"0\tcaf\xe9\n", r"mine\.tsv: is no UTF-8 text \(byte 5\)"),
    ],
)
def test_a_damaged_file_is_one_sentence(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "mine.tsv"
    path.write_bytes(content)
    with pytest.raises(UserError, match=sentence):
        read_lines(path)


words = st.text(st.characters(codec="utf-8", categories=("L", "N", "P")), min_size=1)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.lists(words, min_size=1).map(" ".join)), min_size=1))
def test_what_is_written_is_read(tmp_path_factory, rows) -> None:
    labels, sentences = zip(*rows, strict=True)
    path = tmp_path_factory.mktemp("lines") / "set.tsv"
    write_lines(path, sentences, labels)
    assert (read_lines(path).labels, read_lines(path).sentences) == (labels, sentences)
    assert [file.name for file in path.parent.iterdir()] == ["set.tsv"]
