"""Tables of sentences and labels: which column is which, and what is not understood is one sentence."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.datamodules.text_lines import read_lines
from bench.datamodules.text_table import Columns, header, read_table
from bench.errors import UserError


def test_a_header_names_its_columns_in_any_case_or_is_none() -> None:
    assert header("x:1", ["idx", " Text ", "LABEL"]) == Columns(label=2, sentence=1, count=3)
    assert header("x:1", ["0", "a sentence"]) is None
    with pytest.raises(UserError, match=r"^x:1: the header names 2 columns of labels and one of sentences"):
        header("x:1", ["label", "Label", "text"])


def test_an_empty_table_has_no_rows() -> None:
    assert read_table(Path("x.tsv"), []) == ([], [])


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


def test_marks_in_a_sentence_are_part_of_it(tmp_path: Path) -> None:
    path = tmp_path / "mine.tsv"
    path.write_text('0\t"So," he said.\n1\t"All in marks."\n0\tplain "words" here\n')
    assert read_lines(path).sentences == ('"So," he said.', '"All in marks."', 'plain "words" here')


words = st.text(st.characters(codec="utf-8", categories=("L", "N", "P")), min_size=1)
cells = st.lists(words, min_size=1).map(" ".join).filter(lambda cell: not (cell[0] == cell[-1] == '"'))


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
