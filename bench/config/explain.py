"""Explains one option of configs/: what its YAML file and the source of its class say of it.

This file imports neither torch nor Hydra: the class's docstring is read from the source, which is not run.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

import bench
from bench.config import options
from bench.config.suggest import did_you_mean
from bench.errors import UserError

_ARXIV = re.compile(r"arXiv\s+([\w./-]*\d)")
_DOI = re.compile(r"doi:(10\.\d{4,9}/[\w./-]*\w)")
_YEAR = re.compile(r"\b(19|20)\d\d\b")
_EXPONENT = re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+")
_CHOICE = re.compile(r"override /(\w+)")
_PACKAGE = "# @package "
_PLAIN = frozenset({"suite"})  # groups whose keys do not stand below the group's name


@dataclass(frozen=True)
class OptionSetting:
    """A setting of an option.

    Args:
        key: the key that an override gives a value (`attack.lr`).
        value: the value in the option's file, or in the file that it builds on; a class stands for a part.
        comment: the comment behind it; empty if there is none.
    """

    key: str
    value: Any
    comment: str


@dataclass(frozen=True)
class Explanation:
    """What is known of an option without running its code.

    Args:
        group: its group.
        name: its name.
        description: the first comment line of its file.
        notes: the other comment lines at the head of the file (of data: source, split, licence).
        does: the first paragraph of its class's docstring; empty if there is none.
        paper: the source that the docstring names, with the address of the paper if it is on arXiv; empty if none is.
        version: a number that is raised when results change; None if the option has none.
        target: the path of its class; None if it has none.
        file: its YAML file.
        chooses: the options of other groups that it brings along.
        settings: its settings.
    """

    group: str
    name: str
    description: str
    notes: list[str]
    does: str
    paper: str
    version: int | None
    target: str | None
    file: Path
    chooses: dict[str, str]
    settings: list[OptionSetting]


def find(word: str, config_dir: Path | None = None) -> options.Option | None:
    """The option that a word means, `NAME` or `GROUP=NAME`; None if no option has the name.

    Raises:
        UserError: options of several groups have this name, or the named group has no such option.
    """
    group, equals, name = word.partition("=")
    if equals:
        group = options.group_named(group, config_dir)
        found = options.entries(group, config_dir)
        if name not in found:
            raise options.no_such(group, name, config_dir)
        return found[name]
    holders = [group for group in options.groups(config_dir) if word in options.entries(group, config_dir)]
    if len(holders) > 1:
        words = " or ".join(f"leakbench list {group}={word}" for group in holders)
        raise UserError(f"{word!r} is the name of several options; say {words}")
    return options.entries(holders[0], config_dir)[word] if holders else None


def unknown(word: str, config_dir: Path | None = None) -> UserError:
    """The error for a word that is neither a group nor an option."""
    plurals = [options.plural(group) for group in options.groups(config_dir)]
    names = [name for group in options.groups(config_dir) for name in options.entries(group, config_dir)]
    near = did_you_mean(word, plurals) or did_you_mean(word, names)
    return UserError(f"nothing called {word!r} to list{near} (there are {', '.join(plurals)})")


def explain(option: options.Option) -> Explanation:
    """Reads what there is to say of an option.

    Raises:
        UserError: its file, or one that it builds on, is not valid YAML.
    """
    group = option.path.parent.name
    found, chooses = _layers(option.path)
    content = {key: value for key, (value, _) in found.items()}
    target = content.get("_target_")
    module, of_class = _docstrings(target if isinstance(target, str) else None)
    lines = option.path.read_text(encoding="utf-8").splitlines()
    packages = [line.removeprefix(_PACKAGE).strip() for line in lines if line.startswith(_PACKAGE)]
    package = packages[0] if packages else group  # of `labels` it is attack.labels
    above = "" if package == "_global_" or group in _PLAIN else f"{package}."
    if group == "metric" and "_target_" in content:  # metric=psnr stands for a set with this one metric
        above += f"{option.name}."
    version = content.get("version")
    return Explanation(
        group=group,
        name=option.name,
        description=option.description,
        notes=[note for note in _head(lines) if note != option.description],
        does=_paragraph(of_class),
        paper=_source(module) or _source(of_class),
        version=version if isinstance(version, int) else None,
        target=target if isinstance(target, str) else None,
        file=option.path,
        chooses=chooses,
        settings=[
            OptionSetting(above + key, value, comment)
            for key, (value, comment) in found.items()
            if key not in ("_target_", "version", "name")
        ],
    )


def _head(lines: list[str]) -> list[str]:
    """The comment lines at the head of a file, without Hydra's directives."""
    found = []
    for line in lines:
        if not line.startswith("#"):
            break
        text = line.lstrip("# ").strip()
        if text and not text.startswith("@"):
            found.append(text)
    return found


def _layers(path: Path) -> tuple[dict[str, tuple[Any, str]], dict[str, str]]:
    """The settings of a file laid over those of the files that it builds on, and what it chooses of other groups."""
    try:
        text = path.read_text(encoding="utf-8")
        root, content = yaml.compose(text), yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise UserError(f"{path}:{mark.line + 1 if mark else 1}: not valid YAML") from None
    content = content if isinstance(content, Mapping) else {}
    lines = text.splitlines()
    own = dict(_leaves(root, "", lines)) if isinstance(root, yaml.MappingNode) else {}
    chooses: dict[str, str] = {}
    found: dict[str, tuple[Any, str]] = {}
    defaults = content.get("defaults") or []
    for entry in [*defaults, *([] if "_self_" in defaults else ["_self_"])]:
        if entry == "_self_":
            _lay(own, found)
        elif isinstance(entry, Mapping):
            for key, name in entry.items():
                if choice := _CHOICE.match(str(key)):
                    chooses[choice[1]] = str(name)
        elif isinstance(entry, str):
            name, _, package = entry.partition("@")
            below, chosen = _layers(path.with_name(f"{name}.yaml"))
            chooses |= chosen
            _lay({_below(package, key): value for key, value in below.items()}, found)
    return found, chooses


def _below(package: str, key: str) -> str:
    """A key of a file that is read into a package; the class of the file stands at the package's own key."""
    return ".".join(part for part in (package, key if not package or key != "_target_" else "") if part)


def _lay(upper: Mapping[str, tuple[Any, str]], found: dict[str, tuple[Any, str]]) -> None:
    """Lays settings over others: a value replaces what stood at its key, and the comment stays if it brings none."""
    for key, (value, comment) in upper.items():
        if not any(other.startswith(f"{key}.") for other in upper):
            for stale in [other for other in found if other.startswith(f"{key}.")]:
                del found[stale]
        found[key] = value, comment or found.get(key, (None, ""))[1]


def _leaves(node: yaml.MappingNode, above: str, lines: list[str]) -> Iterator[tuple[str, tuple[Any, str]]]:
    """`(dotted key, (value, comment))` of each leaf; a part stands at its own key with its class as value."""
    for name, value in node.value:
        key = f"{above}{name.value}"
        if key == "defaults":
            continue
        comment = _comment(value, name.end_mark.line, lines)
        if isinstance(value, yaml.MappingNode) and value.value:
            targets = [one.value for other, one in value.value if other.value == "_target_"]
            if targets:
                yield key, (targets[0], comment)
            yield from ((k, v) for k, v in _leaves(value, f"{key}.", lines) if k != f"{key}._target_")
        else:
            yield key, (_plain(value), comment)


def _plain(node: yaml.Node) -> Any:
    if isinstance(node, yaml.SequenceNode):
        return [_plain(entry) for entry in node.value]
    if isinstance(node, yaml.MappingNode):
        return {_plain(key): _plain(value) for key, value in node.value}
    value = yaml.safe_load(yaml.serialize(node))
    # OmegaConf reads 1e-2 as a number, as YAML 1.2 does, and PyYAML reads it as a text
    number = isinstance(value, str) and isinstance(node, yaml.ScalarNode) and node.style is None
    return float(value) if number and _EXPONENT.fullmatch(value) else value


def _comment(value: yaml.Node, line: int, lines: list[str]) -> str:
    """The comment behind a value and on the lines below it that hold nothing else."""
    start = value.end_mark.column if isinstance(value, yaml.ScalarNode) and value.end_mark.line == line else 0
    found = re.search(r"(?:^|\s)#\s?(.*)$", lines[line][start:])
    if not found:
        return ""
    words = [found[1].strip()]
    for further in lines[line + 1 :]:
        if not further.startswith(" ") or not further.strip().startswith("#"):
            break
        words.append(further.strip().lstrip("# "))
    return " ".join(words)


def _docstrings(target: str | None) -> tuple[str, str]:
    """The docstrings of a module and of its class or function, read from the source; empty if they cannot be found."""
    if target is None:
        return "", ""
    module, _, name = target.rpartition(".")
    relative = Path(*module.split(".")).with_suffix(".py") if module else Path("")
    for root in (Path(bench.__file__).parents[1], Path.cwd()):
        try:
            tree = ast.parse((root / relative).read_text(encoding="utf-8"))
        except (OSError, SyntaxError, ValueError):
            continue
        found = [node for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name]
        return ast.get_docstring(tree) or "", (ast.get_docstring(found[0]) or "" if found else "")
    return "", ""


def _paragraph(text: str) -> str:
    return " ".join(text.split("\n\n")[0].split())


def _source(text: str) -> str:
    """The first paragraph of a docstring if it names a source, with the address of the paper if it has a number."""
    first = _paragraph(text)
    for number, address in ((_ARXIV, "https://arxiv.org/abs/"), (_DOI, "https://doi.org/")):
        if found := number.search(first):
            return f"{first} {address}{found[1]}"
    return first if _YEAR.search(first) else ""
