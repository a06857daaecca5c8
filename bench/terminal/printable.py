"""Makes foreign text safe to show: names and sentences can hold characters that a terminal or a table interprets."""

from __future__ import annotations

import unicodedata
from typing import Any

# Format characters that several scripts need between letters. All others (direction marks, ...) are escaped.
_JOINERS = frozenset("\u200c\u200d")
# Control characters, invisible marks, halves of surrogate pairs, private characters, and unassigned ones.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_FORMULA = ("=", "+", "-", "@")


def visible(text: Any) -> str:
    """`text` on one line with every character visible: white space becomes a blank, a hidden character its escape.

    >>> visible("a\\tb\\u2028c\\x1b[2Jd\\x9b\\u202e")
    'a b c\\\\x1b[2Jd\\\\x9b\\\\u202e'
    """
    return "".join(map(_visible, "" if text is None else str(text)))


def visible_lines(text: str) -> str:
    """`visible` applied to each line of a longer text."""
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
    """`visible` text for matplotlib, with dollar signs escaped, because they would start a formula."""
    return visible(text).replace("$", "\\$")


def drawable_lines(text: str) -> str:
    """`drawable` applied to each line of a longer text."""
    return "\n".join(drawable(line) for line in text.split("\n"))


def csv_cell(value: Any) -> Any:
    """A value for a CSV file: a number stays as it is, and a text becomes visible and is never a formula.

    A spreadsheet computes a text that begins with one of `= + - @`, so such a text gets a quotation mark in front.

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
