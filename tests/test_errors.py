"""What is quoted of an error is one short line that says something."""

from bench.errors import in_short


def test_an_error_is_quoted_in_one_short_line_and_by_its_class_if_it_says_nothing() -> None:
    assert in_short(RuntimeError("shapes\n  do not fit")) == "shapes do not fit"
    assert len(in_short(ValueError("x " * 200))) == 120
    assert in_short(MemoryError()) == "MemoryError"
