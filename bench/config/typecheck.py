"""Checks if a plain value (from YAML) fits a type hint, with messages that a user can act on.

Values are null, booleans, numbers, text, lists and mappings. A whole number becomes a float if its type is a float, so
that `lr=1` and `lr=1.0` are the same cell.
"""

# pydantic is not used, because this file would not get shorter. Its strict mode takes 1 for `Literal[True]` and refuses
# a list for a tuple, so each hint has to be rewritten first. Its error has one entry per branch of a union, so our
# sentence has to be made from the hint anyway. It returns nothing if one value is wrong, and its validators do not know
# the dotted key, so it cannot check a node as a whole. And each command would take a tenth of a second longer.

import contextlib
import math
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Union

from bench.config.suggest import did_you_mean


class MismatchError(Exception):
    """A value does not fit its type hint; the message says what is wanted."""


Node = Callable[[Any, dict[str, Any]], dict[str, Any]]  # (hint, mapping with _target_) -> the mapping, checked

_PLAIN = {bool: "true or false", int: "a whole number", float: "a number", str: "text", Path: "a path"}


WIDEST = 2**63  # whole numbers are computed with in 64 bits


def unusable(value: Any, key: str = "") -> Iterator[tuple[str, int | float, str]]:
    """Finds the numbers in plain containers that cannot be computed with: infinite, NaN, or wider than 64 bits.

    Yields:
        `(dotted key, number, what is wanted)` per such number.

    >>> list(unusable({"attack": {"lr": float("inf"), "weights": [1, 10**30]}}))[0]
    ('attack.lr', inf, 'want a finite number')
    """
    if isinstance(value, dict):
        for name, item in value.items():
            yield from unusable(item, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from unusable(item, f"{key}[{i}]")
    elif isinstance(value, float) and not math.isfinite(value):
        yield key, value, "want a finite number"
    elif isinstance(value, int) and not -WIDEST <= value < WIDEST:
        yield key, value, "want a whole number of at most 64 bits"


def describe(hint: Any) -> str:
    """A type hint in words.

    >>> describe(float | None)
    'a number or null'
    >>> describe(Literal["best", "last"])
    "one of 'best', 'last'"
    """
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint in (None, type(None)):
        return "null"
    if hint in _PLAIN:
        return _PLAIN[hint]
    if origin is Literal:
        words = ", ".join(repr(word) for word in arguments)
        return f"one of {words}" if len(arguments) > 1 else words
    if origin in (Union, types.UnionType):
        return " or ".join(describe(arm) for arm in arguments)
    if _is_list(hint):
        inner = [arm for arm in arguments if arm is not Ellipsis]
        if origin is tuple and Ellipsis not in arguments and arguments:
            return f"a list of {len(arguments)}: " + ", ".join(describe(arm) for arm in inner)
        return f"a list, each item {describe(inner[0])}" if inner else "a list"
    if _is_mapping(hint):
        return "a mapping"
    kind = f" ({hint.__name__})" if isinstance(hint, type) and hint is not Any else ""
    return f"a mapping with _target_{kind}"


def fit(value: Any, hint: Any, node: Node) -> Any:
    """Returns `value` in the type that the hint wants.

    Args:
        value: a plain value.
        hint: a resolved type hint; everything fits `Any` and a type variable.
        node: is called with the hint and a mapping with `_target_`; checks the mapping and returns it.

    Raises:
        MismatchError: the value does not fit.
    """
    if isinstance(value, dict) and "_target_" in value and not _is_mapping(hint):
        return node(hint, value)
    if hint is Any or isinstance(hint, typing.TypeVar | str):
        return value
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        return _fit_union(value, hint, arguments, node)
    if origin is typing.Annotated:
        return fit(value, arguments[0], node)
    if origin is Literal:
        return _fit_literal(value, hint, arguments)
    if hint in (None, type(None)) or hint in _PLAIN:
        return _fit_plain(value, hint)
    if _is_list(hint):
        return _fit_list(value, hint, node)
    if _is_mapping(hint):
        return _fit_mapping(value, hint, arguments, node)
    raise MismatchError(f"want {describe(hint)}")


def _fit_plain(value: Any, hint: Any) -> Any:
    if hint in (None, type(None)):
        accepted = value is None
    elif hint is float:
        accepted = isinstance(value, int | float) and not isinstance(value, bool)
        with contextlib.suppress(OverflowError):  # `unusable` reports a number this large
            value = float(value) if accepted else value
    elif hint is int:
        accepted = isinstance(value, int) and not isinstance(value, bool)
    else:
        accepted = isinstance(value, str if hint is Path else hint)
    if not accepted:
        raise MismatchError(f"want {describe(hint)}")
    return value


def _fit_literal(value: Any, hint: Any, words: tuple[Any, ...]) -> Any:
    if not any(value == word and type(value) is type(word) for word in words):
        near = did_you_mean(str(value), [word for word in words if isinstance(word, str)])
        raise MismatchError(f"want {describe(hint)}{near}")
    return value


def _fit_union(value: Any, hint: Any, arms: tuple[Any, ...], node: Node) -> Any:
    fitted, reasons = [], []
    for arm in arms:
        try:
            fitted.append(fit(value, arm, node))
        except MismatchError as mismatch:
            reasons.append(str(mismatch))
    if not fitted:
        near = [reason for reason in reasons if "did you mean" in reason]
        raise MismatchError(near[0] if near else f"want {describe(hint)}")
    return next((choice for choice in fitted if type(choice) is type(value)), fitted[0])


def _fit_list(value: Any, hint: Any, node: Node) -> list[Any]:
    if not isinstance(value, list):
        raise MismatchError(f"want {describe(hint)}")
    arguments = typing.get_args(hint)
    fixed = typing.get_origin(hint) is tuple and arguments and Ellipsis not in arguments
    if fixed and len(arguments) != len(value):
        raise MismatchError(f"want {describe(hint)}, got {len(value)} items")
    each = arguments if fixed else (arguments[:1] or (Any,)) * len(value)
    return [fit(item, arm, node) for item, arm in zip(value, each)]


def _fit_mapping(value: Any, hint: Any, arguments: tuple[Any, ...], node: Node) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MismatchError(f"want {describe(hint)}")
    inner = arguments[1] if len(arguments) == 2 else Any
    return {name: fit(item, inner, node) for name, item in value.items()}


def _is_list(hint: Any) -> bool:
    origin = typing.get_origin(hint) or hint
    return isinstance(origin, type) and issubclass(origin, Sequence) and origin not in (str, bytes)


def _is_mapping(hint: Any) -> bool:
    origin = typing.get_origin(hint) or hint
    return isinstance(origin, type) and issubclass(origin, Mapping)
