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


@pytest.mark.parametrize(
    "content",
    [
        "sentence\tlabel\nthe film was dull\t0\na warm story\t1\n",  # GLUE's SST-2
        "\ufeffLabel\tText\r\n0\tthe film was dull\r\n1\ta warm story\r\n",
        "idx\tSENTENCE\tlabel\n7\tthe film was dull\t0\n8\ta warm story\t1\n",
        "gj04\t0\t*\tthe film was dull\ngj04\t1\t\ta warm story\n",  # CoLA's own files
        "\ufeff0\tthe film was dull\n1\ta warm story\n",
    ],
)
def test_the_header_names_the_columns_and_a_byte_order_mark_is_none_of_their_letters(tmp_path: Path, content) -> None:
    path = tmp_path / "mine.tsv"
    path.write_text(content, encoding="utf-8", newline="")
    lines = read_lines(path)
    assert lines.sentences == ("the film was dull", "a warm story") and lines.labels == (0, 1)
    assert (lines.classes, lines.class_names) == (2, None)


def test_a_byte_order_mark_is_no_letter_of_the_first_sentence(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_bytes(b"\xef\xbb\xbfOne.\nTwo.\n")
    assert read_lines(path).sentences == ("One.", "Two.")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("the film was dull\t0\na warm and funny story\t1\n", r"the second column, of sentences, holds numbers only"),
        ("the film was dull\tbad\na warm and funny story\tgood\n", r"the first column, of labels, holds sentences"),
        ("review\tstars\nthe film was dull\t2\n", r"the first column, of labels, holds sentences"),
        ("stars\treview\n2\tthe film was dull\n", r"line 1 looks like a header, 'stars' and 'review', of columns that"),
        ("\n".join(f"{i}\tsentence number {i}" for i in range(12)), r"labels, has 12 different ones in 12 rows"),
        (
            "stars\tsentence\n2\tdull\n",
            r":1: the header names no column of labels and one of sentences \('stars', 'sen",
        ),
        (
            "index\tsentence1\tsentence2\tlabel\n",
            r"names one of labels and no column of sentences \('index', 'sentence1'",
        ),
        ("text\tsentence\tlabel\na\tb\t0\n", r"names one of labels and 2 columns of sentences"),
        ("id\tquestion1\tquestion2\n1\ta\tb\n", r":1: has 3 columns, and no header says what they are"),
        ("gj04\t1\t\tgood here\ngj04\t2\t\tgood there\n", r":1: has 4 columns, and no header says what they are"),
        ("label\tsentence\n0\ta b\n1\tc\td\n", r":3: has 3 columns, and line 1 has 2"),
        ('"label"\t"sentence"\n"0"\t"a b"\n', r":1: cells stand in quotation marks, as in CSV"),
        ('label\tsentence\n"0"\ta b\n', r":2: cells stand in quotation marks, as in CSV"),
        ('0\t"a b"\n1\t"say ""a"""\n', r":1: cells stand in quotation marks, as in CSV"),
    ],
)
def test_a_table_that_is_not_understood_is_one_sentence(tmp_path: Path, content: str, sentence: str) -> None:
    path = tmp_path / "mine.tsv"
    path.write_text(content)
    with pytest.raises(UserError, match=sentence) as caught:
        read_lines(path)
    assert str(caught.value).startswith(str(path)) and "\n" not in str(caught.value)
    assert "label" in str(caught.value) or "QUOTE_NONE" in str(caught.value)  # what is wanted


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


def test_marks_in_a_sentence_are_part_of_it(tmp_path: Path) -> None:
    path = tmp_path / "mine.tsv"
    path.write_text('0\t"So," he said.\n1\t"All in marks."\n0\tplain "words" here\n')
    assert read_lines(path).sentences == ('"So," he said.', '"All in marks."', 'plain "words" here')


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


bodies = st.lists(st.tuples(st.integers(0, 9), cells, cells), min_size=1)


@settings(max_examples=50, deadline=None)
@given(
    bodies, st.permutations(["label", "sentence", "idx"]), st.sampled_from(["sentence", "Text", " SENTENCE"]), st.data()
)
def test_a_table_with_a_header_is_read_in_any_order_of_columns(tmp_path_factory, rows, order, name, data) -> None:
    """The other column may hold anything; so may the ends of the lines, and what stands before the header."""
    end, start = data.draw(st.sampled_from(["\n", "\r\n", "\n\n"])), data.draw(st.sampled_from(["", "\ufeff", "\n"]))
    table = [{"label": "Label", "sentence": name, "idx": "idx"}]
    table += [{"label": str(label), "sentence": sentence, "idx": other} for label, sentence, other in rows]
    path = tmp_path_factory.mktemp("table") / "set.tsv"
    content = start + "".join("\t".join(row[column] for column in order) + end for row in table)
    path.write_text(content, encoding="utf-8", newline="")
    lines = read_lines(path)
    assert lines.labels == tuple(label for label, _, _ in rows)
    assert lines.sentences == tuple(sentence for _, sentence, _ in rows)
