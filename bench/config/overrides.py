"""Reads the overrides of the command line (`key=value` in Hydra's grammar), or refuses them in one line.

A plain text that the grammar does not accept is quoted here, because the shell has removed the user's own quotes. So
`results=/home/josé/out` and `data.root=/data/o'brien=2` are taken literally.
"""

from __future__ import annotations

import itertools
import os
import re
import shlex
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException, OverrideParseException

from bench.errors import UserError

LENGTH, DEPTH = 10_000, 30  # characters, and nested brackets; beyond these limits the grammar takes seconds or fails
# Keys whose values are files or folders. Such a value is a text, whatever it looks like.
PLACES = re.compile(r"results|paths\.\w+|data\.root|model\.(checkpoint|weights|vocabulary\.root)")


def read(overrides: list[str]) -> tuple[list[str], list[Override]]:
    """Reads the overrides.

    Returns:
        Each override as a text that Hydra accepts, and each override as Hydra's parser reads it.

    Raises:
        UserError: an override cannot be read; the sentence says what to type instead.
    """
    taken, parsed = [], []
    for text in overrides:
        _check_size(text)
        text = _place(text)
        try:
            found = _parse(text)
        except (OverrideParseException, HydraException, ValueError, RecursionError) as error:
            quoted = _as_text(text)
            if quoted is None:
                raise UserError(_unreadable(text, error)) from None
            text, found = quoted, _parse(quoted)
        taken.append(text)
        parsed.append(found)
    return taken, parsed


def _parse(text: str) -> Override:
    return OverridesParser.create().parse_override(text)


def _check_size(text: str) -> None:
    if not text.isprintable() and any("\ud800" <= char <= "\udfff" for char in text):
        raise UserError(f"{shown(text)!r} holds bytes that are not text in this machine's encoding (want UTF-8)")
    if len(text) > LENGTH:
        raise UserError(f"{shown(text)}: an override of {len(text):,} characters; {LENGTH:,} at most (write a YAML)")
    if depth(text) > DEPTH or text.partition("=")[0].count(".") > DEPTH:
        raise UserError(f"{shown(text)}: more than {DEPTH} levels, one within the other")


def depth(text: str) -> int:
    """How deep the brackets of a text are nested; brackets in quotes do not count.

    >>> depth("a=[{b: 1}, '[[[']")
    2
    """
    bare = re.sub(r"""\\.|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'""", "", text)
    return max(itertools.accumulate((char in "([{") - (char in ")]}") for char in bare), default=0)


def shown(text: str) -> str:
    """A text as a message shows it; a long text is cut to its beginning.

    >>> shown("x" * 100)
    'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...'
    """
    return text if len(text) <= 60 else text[:57] + "..."


def _place(text: str) -> str:
    """Expands `~` in an override of a place and quotes its value, because shells do not expand a `~` after `=`."""
    key, _, value = text.partition("=")
    if not PLACES.fullmatch(key.lstrip("+")) and not value.startswith("~"):
        return text
    as_it_stands = value in ("", "null", "???") or value[0] in "\"'" or "${" in value
    return text if as_it_stands else f"{key}={_quoted(home(value))}"


def home(folder: str) -> str:
    """A path with `~` expanded; a path with `~NAME` stays as it is if there is no such user."""
    return str(Path(os.path.expanduser(folder)))


def _as_text(text: str) -> str | None:
    """The override with its value in quotes; None if its value begins a list, a mapping or a quoted text."""
    key, equals, value = text.partition("=")
    plain = re.fullmatch(r"[+]*[\w./@]+", key) and not re.match(r"""\s*[\[({"']""", value) and not value.isdigit()
    return f"{key}={_quoted(value)}" if equals and plain and "${" not in value else None


def _quoted(value: str) -> str:
    escaped = re.sub(r'(\\*)("|$)', lambda found: found[1] * 2 + ("\\" + found[2] if found[2] else ""), value)
    return f'"{escaped}"'


def _unreadable(text: str, error: Exception) -> str:
    key, equals, value = text.partition("=")
    if not equals:
        return f"{shown(text)!r} is not an override: want key=value, such as attack=idlg or data.victims=16"
    if re.fullmatch(r"[+~]*[\w./@]+", key) and re.search(r"[\s()\[\]{},:'\"#~]", value):
        return f"{shown(text)} cannot be read: quote the value, {shown(shlex.quote(f'{key}={_quoted(value)}'))}"
    if isinstance(error, ValueError):
        return f"{shown(text)!r} cannot be read: a number with so many digits cannot be computed with"
    reason = " ".join(str(getattr(error, "message", None) or str(error).splitlines()[0]).split())
    return f"{shown(text)!r} cannot be read as key=value ({reason})"
