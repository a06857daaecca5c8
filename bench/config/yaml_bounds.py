"""Checks the user's own YAML files before they are read: how large they are once every alias is written out.

A file of a few lines can stand for more values than a machine can hold (an alias of a list of aliases, and so on), or
for endlessly many (an alias within what it names). One pass over the parser's events finds this without building the
values.
"""

from __future__ import annotations

import functools
import stat
from collections.abc import Iterator
from pathlib import Path

import yaml

from bench.config import options
from bench.config.overrides import depth
from bench.errors import UserError

BYTES, VALUES, DEPTH = 1_000_000, 20_000, 50
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def check_files(config_dir: Path | None) -> None:
    """Checks each file of the user's folder, and that no file's `defaults` lead back to the file itself.

    Raises:
        UserError: a file is too large, too deep, or endless.
    """
    if config_dir is None:
        return
    folder = options.config_dirs(config_dir)[-1]
    paths = sorted(path for pattern in ("*.yaml", "*/*.yaml", "*/*/*.yaml") for path in folder.glob(pattern))
    stamps = {path: _stamp(path) for path in paths}
    for path, stamp in stamps.items():
        _checked(path, stamp)
    _check_defaults({path: _defaults(path, folder, stamp) for path, stamp in stamps.items()})


def _stamp(path: Path) -> tuple[int, int]:
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise UserError(f"{path} is not a regular file")
    if found.st_size > BYTES:
        raise UserError(f"{path}: {found.st_size:,} bytes are too many for a config ({BYTES:,} at most)")
    return found.st_mtime_ns, found.st_size


@functools.lru_cache(maxsize=1024)
def _checked(path: Path, stamp: tuple[int, int]) -> None:
    """Checks a file once per state (`stamp`); a file that is not YAML is left to `compose`, which reports it."""
    try:
        text = path.read_text(encoding="utf-8")
        check_text(text, str(path))
    except yaml.YAMLError:  # the parser gives up at some depth of its own
        if depth(text) > DEPTH:
            raise UserError(f"{path}: more than {DEPTH} levels, one within the other") from None
    except (UnicodeDecodeError, OSError):
        return


def check_text(text: str, name: str) -> None:
    """Checks a YAML text.

    Args:
        text: the text.
        name: the name of the file, with which the message begins.

    Raises:
        UserError: the text is too large, too deep, or endless.
        yaml.YAMLError: the text is not YAML.

    Example:
        >>> check_text("a: &a [1, 1]\\nb: [*a, *a]", "x.yaml")
    """
    open_: list[tuple[str | None, int]] = []  # per open node its anchor and the number of values in it so far
    sizes: dict[str, int] = {}
    for event in yaml.parse(text, Loader=LOADER):
        here = f"{name}:{event.start_mark.line + 1}"  # type: ignore[union-attr]
        if isinstance(event, yaml.AliasEvent):
            if event.anchor in (anchor for anchor, _ in open_):
                raise UserError(f"{here}: the alias *{event.anchor} stands within what it names, so it has no end")
            size = sizes.get(str(event.anchor), 1)
        elif isinstance(event, yaml.ScalarEvent):
            size = 1
            if event.anchor:
                sizes[event.anchor] = 1
        elif isinstance(event, yaml.CollectionStartEvent):
            open_.append((event.anchor, 1))
            if len(open_) > DEPTH:
                raise UserError(f"{here}: more than {DEPTH} levels, one within the other")
            continue
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, size = open_.pop()
            if anchor:
                sizes[anchor] = size
        else:
            continue
        if open_:
            open_[-1] = (open_[-1][0], open_[-1][1] + size)
            size = open_[-1][1]
        if size > VALUES:
            raise UserError(f"{here}: more than {VALUES:,} values once its aliases are written out")


@functools.lru_cache(maxsize=1024)
def _named(path: Path, root: Path, stamp: tuple[int, int]) -> tuple[str, ...]:
    """The files that a file's `defaults` name, read once per state (`stamp`); empty if the file cannot be read."""
    try:
        found = yaml.load(path.read_text(encoding="utf-8"), Loader=LOADER)
    except (yaml.YAMLError, UnicodeDecodeError, OSError, ValueError):
        return ()
    listed = found.get("defaults") if isinstance(found, dict) else None
    return tuple(_names(listed, path.parent.relative_to(root)))


def _defaults(path: Path, root: Path, stamp: tuple[int, int]) -> list[Path]:
    """Those of the user's files that a file's `defaults` name."""
    return [root / name for name in _named(path, root, stamp) if (root / name).is_file()]


def _names(listed: object, group: Path) -> Iterator[str]:
    """The paths that a list of `defaults` names, relative to the user's folder.

    `idlg` is a file beside this one, `/attack/idlg` counts from the top, and `sub: name` is in a folder below.
    """
    for entry in listed if isinstance(listed, list) else []:
        for key, value in entry.items() if isinstance(entry, dict) else [("", entry)]:
            word = str(key).removeprefix("optional ").removeprefix("override ").partition("@")[0]
            for name in value if isinstance(value, list) else [value]:
                if isinstance(name, str) and name != "_self_":
                    whole = f"{word}/{name}" if word else name.partition("@")[0]
                    whole = whole.removesuffix(".yaml")
                    yield f"{whole.lstrip('/')}.yaml" if whole.startswith("/") else f"{group / whole}.yaml"


def _check_defaults(graph: dict[Path, list[Path]]) -> None:
    done: set[Path] = set()
    for start in graph:
        way: list[Path] = []
        _follow(start, graph, way, done)


def _follow(path: Path, graph: dict[Path, list[Path]], way: list[Path], done: set[Path]) -> None:
    if path in way:
        circle = " -> ".join(str(step.with_suffix("").name) for step in [*way[way.index(path) :], path])
        raise UserError(f"{path}: its defaults lead back to itself ({circle})")
    if len(way) > DEPTH:
        raise UserError(f"{path}: more than {DEPTH} files, each in the defaults of another")
    if path in done:
        return
    way.append(path)
    for other in graph.get(path, []):
        _follow(other, graph, way, done)
    way.pop()
    done.add(path)
