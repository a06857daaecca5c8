"""Text of others as it may be shown: names, reasons and sentences can hold signs that a terminal or a table obeys."""

from __future__ import annotations

import unicodedata
from typing import Any

# Format signs that letters of several scripts need between them; all others (direction marks, ...) are written out.
_JOINERS = frozenset("\u200c\u200d")
# Control signs, invisible marks, halves of surrogate pairs, and signs without a meaning that all share.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_FORMULA = ("=", "+", "-", "@")


def visible(text: Any) -> str:
    """`text` on one line, in which every sign can be seen: white space becomes a blank, what is hidden its escape.

    >>> visible("a\\tb\\u2028c\\x1b[2Jd\\x9b\\u202e")
    'a b c\\\\x1b[2Jd\\\\x9b\\\\u202e'
    """
    return "".join(map(_visible, "" if text is None else str(text)))


def visible_lines(text: str) -> str:
    """`visible` of each line of a longer text."""
    return "\n".join(visible(line) for line in text.split("\n"))


def _visible(sign: str) -> str:
    if sign.isprintable():
        return sign
    if sign.isspace():
        return " "
    if sign in _JOINERS or unicodedata.category(sign) not in _HIDDEN:
        return sign
    return sign.encode("unicode_escape").decode("ascii")


def drawable(text: Any) -> str:
    """`visible`, as matplotlib draws it: dollar signs are signs, and not the ends of a formula."""
    return visible(text).replace("$", "\\$")


def drawable_lines(text: str) -> str:
    """`drawable` of each line of a longer text."""
    return "\n".join(drawable(line) for line in text.split("\n"))


def csv_cell(value: Any) -> Any:
    """A value for a CSV file: numbers as they are, text visible and never a formula.

    A spreadsheet computes what begins with one of `= + - @`: a quotation mark in front makes it text there.

    >>> [csv_cell(value) for value in (-0.5, None, "-0.5", "=1+1", " @x", "idlg")]
    [-0.5, None, '-0.5', "'=1+1", "' @x", 'idlg']
    """
    if value is None or isinstance(value, bool | int | float):
        return value
    text = visible(value)
    return f"'{text}" if text.lstrip().startswith(_FORMULA) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
