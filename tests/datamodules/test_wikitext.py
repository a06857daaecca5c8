"""Paragraphs of Wikipedia become sentences, without headings and without labels."""

import pytest

from bench.datamodules.wikitext import WikiText, sentences_of


def test_a_table_of_paragraphs_has_sentences_and_no_labels(build) -> None:
    table = {"text": ["", " = Title = \n", " It rained . Was it cold ? 3 @.@ 5 degrees . \n"]}
    assert build("wikitext").lines_of(table) == (["It rained .", "Was it cold ?", "3 @.@ 5 degrees ."], None)
    assert WikiText.ending == ".txt"


@pytest.mark.parametrize(
    ("paragraph", "sentences"),
    [
        (" The end ! It was new . ", ["The end !", "It was new ."]),
        (" without an end ", ["without an end"]),
        (" Mr. Smith came . ", ["Mr. Smith came ."]),  # a full stop belongs to its word unless blanks surround it
        (" = = Reception = = \n", []),
        (" \n", []),
    ],
)
def test_sentences_end_at_marks_between_blanks(paragraph: str, sentences: list[str]) -> None:
    assert sentences_of(paragraph) == sentences
