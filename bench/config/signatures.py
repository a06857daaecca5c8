"""The type hints of a constructor's arguments, read from its source, so that values can be checked before any import.

Only the project's own modules are read, and only the hints of plain values (numbers, text, lists of these) are
returned. The other values are checked once the constructor is imported (`bench.config.schema`).
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

_OURS = ("bench.",)
_WORDS = {"Literal": Literal, "Mapping": Mapping, "Sequence": Sequence, "Path": Path, "Any": Any}
_PLAIN = {word.__name__: word for word in (bool, dict, float, int, list, str, tuple)}


def hints(path: Any) -> dict[str, Any]:
    """The plain hints of the class or function at an import path, as `{argument: hint}`.

    >>> hints("bench.engine.steps.Fixed")["lr"]
    <class 'float'>
    """
    return dict(_hints(path)) if isinstance(path, str) else {}


@functools.cache
def _hints(path: str) -> dict[str, Any]:
    module, _, name = path.rpartition(".")
    found = {}
    for argument, text in _texts(module, name).items():
        try:
            found[argument] = eval(text, {"__builtins__": {}}, {**_PLAIN, **_WORDS})
        except (NameError, TypeError, AttributeError, SyntaxError):
            continue  # the hint is a class, of this project or of a library
    return found


@functools.cache
def _texts(module: str, name: str) -> dict[str, str]:
    """The arguments' names and the source of their annotations; empty if the class or function is not found."""
    tree = _tree(module)
    for node in tree.body if tree else []:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return _arguments(node)
        if isinstance(node, ast.ClassDef) and node.name == name:
            for item in node.body:
                if isinstance(item, ast.FunctionDef) and item.name == "__init__":
                    return _arguments(item)
            above = [text for base in node.bases for text in _base(module, base).items()]
            return dict(above) | _fields(node)
        if isinstance(node, ast.ImportFrom) and any((alias.asname or alias.name) == name for alias in node.names):
            real = next(alias.name for alias in node.names if (alias.asname or alias.name) == name)
            return _texts(node.module or "", real)
    return {}


@functools.cache
def _tree(module: str) -> ast.Module | None:
    if not module.startswith(_OURS):
        return None
    try:
        spec = find_spec(module)
    except (ImportError, ValueError):
        return None
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        return None
    return ast.parse(Path(spec.origin).read_text(encoding="utf-8"))


def _arguments(function: ast.FunctionDef) -> dict[str, str]:
    listed = [*function.args.posonlyargs, *function.args.args]
    return {one.arg: ast.unparse(one.annotation) for one in listed if one.annotation is not None}


def _base(module: str, base: ast.expr) -> dict[str, str]:
    name = base.value if isinstance(base, ast.Subscript) else base
    return _texts(module, name.id) if isinstance(name, ast.Name) else {}


def _fields(node: ast.ClassDef) -> dict[str, str]:
    """The fields of a dataclass and the source of their annotations; empty for any other class."""
    if not any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list):
        return {}
    fields = [item for item in node.body if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)]
    return {ast.unparse(item.target): ast.unparse(item.annotation) for item in fields}
