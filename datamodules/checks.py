"""Checks of configured values, with sentences that name the key."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

from bench.errors import UserError


def check_integer(key: str, value: object, least: int, meaning: str) -> None:
    """Refuse what is no integer, or below `least`.

    Raises:
        UserError: naming the key, the bound and what the number means.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise UserError(f"{key}={value}: must be an integer ({meaning})")
    if value < least:
        raise UserError(f"{key}={value}: must be >= {least} ({meaning})")


def check_word(key: str, value: object, words: Sequence[str]) -> None:
    """Refuse what is not one of `words`.

    Raises:
        UserError: naming the key, the words and the nearest one.
    """
    if value in words:
        return
    near = difflib.get_close_matches(str(value), words, n=1, cutoff=0.5)
    hint = f"; did you mean '{near[0]}'?" if near else ""
    raise UserError(f"{key}={value}: must be one of {', '.join(words)}{hint}")


def given_path(key: str, value: object, meaning: str) -> Path:
    """The path that the user named, `~` resolved.

    Raises:
        UserError: none was named.
    """
    text = str(value).strip() if value is not None else ""
    if text in ("", "???"):
        raise UserError(f"{key} is not set; say {key}=PATH ({meaning})")
    return Path(text).expanduser()


def check_share(key: str, value: object, meaning: str) -> None:
    """Refuse what is no number from 0 to 1.

    Raises:
        UserError: naming the key and what the number means.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise UserError(f"{key}={value}: must be a number from 0 to 1 ({meaning})")
