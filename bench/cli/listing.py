"""`leakbench list`: the groups of configs/, the options of one group, or all that is known of one option."""

import argparse
import shutil
import textwrap
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.cli.output import Answer, show
from bench.config import options, paper_section
from bench.config.explain import Explanation, explain, find, unknown
from bench.errors import UserError
from bench.terminal.printable import visible

_OF_SENTENCES = ("bench.metrics.text.", "bench.models.text.")
# a need, and what of the command line meets it
_GRANTS = {
    "surrogate": "threat=surrogate",
    "defense_known": "threat=adaptive",
    "labels": "threat=labels_known",
    "public_images": "threat=public_images data.victims=10",  # half of the twenty images of `data=samples` are public
}


def answer(arguments: argparse.Namespace) -> Answer:
    """Prints the groups, the options of one group, or one option with its settings.

    Raises:
        UserError: there is neither a group nor an option of this name, or several options have it.
    """
    word, config_dir = arguments.what, arguments.config_dir
    if word is None:
        return 0, _groups(config_dir)
    try:
        group = options.group_named(word, config_dir)
    except UserError:
        group = None
    if group is not None:
        return 0, _group(group, config_dir)
    option = find(word, config_dir)
    if option is None:
        raise unknown(word, config_dir)
    return 0, _one(explain(option), config_dir)


def _groups(config_dir: Path | None) -> dict[str, Any]:
    found = {group: options.entries(group, config_dir) for group in options.groups(config_dir)}
    for group, entries in found.items():
        show(f"{options.plural(group):<12}{', '.join(entries)}")
    show("more of each: leakbench list attacks; of one: leakbench list idlg")
    return {group: {name: one.description for name, one in entries.items()} for group, entries in found.items()}


def _group(group: str, config_dir: Path | None) -> dict[str, str]:
    found = options.entries(group, config_dir)
    width = max(len(name) for name in found) + 2
    for entry in found.values():
        show(f"{entry.name:<{width}}{entry.description}")
    return {name: entry.description for name, entry in found.items()}


def _one(found: Explanation, config_dir: Path | None) -> dict[str, Any]:
    show(f"{found.group} {found.name}: {found.description}" if found.description else f"{found.group} {found.name}")
    for name, value in _facts(found).items():
        show(_paragraph(name, value))
    if found.group == "suite":
        _show_suite(found)
    elif found.settings:
        show("\nsettings:")
        for setting in found.settings:
            show(_setting(setting.key, value_text(setting.value), setting.comment))
    needs, example = needs_and_example(found, config_dir)
    if needs:
        show("\nneeds:")
        for sentence in needs:
            show(f"  {sentence}")
    show(f"\nexample:\n  {example}")
    document = {**asdict(found), "file": str(found.file), "needs": needs, "example": example}
    return document if found.group == "attack" else {key: document[key] for key in document if key != "needs"}


def needs_and_example(found: Explanation, config_dir: Path | None = None) -> tuple[list[str], str]:
    """What an option needs, in words, and a command that uses it.

    Only attacks have needs. They follow from the attack's parts, so it has to be built, and torch to be imported.

    Args:
        found: the option.
        config_dir: a folder with options of the user's own.
    """
    needs, further = _needs(found, config_dir) if found.group == "attack" else ([], [])
    return needs, " ".join([_example(found), *further])


def _show_suite(found: Explanation) -> None:
    """Prints the parts of a suite: a line of an axis is a choice, and the cells are the product of the axes."""
    for setting in found.settings:
        if setting.key.startswith("paper."):
            continue
        axes = setting.value if setting.key == "grid" else [setting.value]
        for number, axis in enumerate(axes, 1):
            show(f"\n{f'axis {number} of the grid' if setting.key == 'grid' else setting.key}:")
            for choice in axis:
                show(f"  {visible(choice)}")
    paper = paper_section.of_file(found.file)
    if paper is not None:
        show(f"\npaper: {visible(paper.source)}")
        for what, metric, figure, source, published, best in paper_section.lines(paper):
            show(f"  {visible(f'{what}: {metric} {figure} ({source}); published settings: {published}; best: {best}')}")


def _facts(found: Explanation) -> dict[str, str]:
    chosen = " ".join(f"{group}={name}" for group, name in found.chooses.items())
    facts = {
        "": "; ".join(found.notes),
        "what it does": found.does,
        "source": found.paper,
        "brings": chosen,
        "version": "" if found.version is None else str(found.version),
        "class": found.target or "",
        "file": str(found.file),
    }
    return {name: text for name, text in facts.items() if text}


def _paragraph(name: str, text: str) -> str:
    label = f"{name + ':' if name else '':<14}"
    return textwrap.fill(
        visible(text), _width(), initial_indent=label, subsequent_indent=" " * 14, break_on_hyphens=False,
        break_long_words=False,
    )  # fmt: skip


def _setting(key: str, value: str, comment: str) -> str:
    line = f"  {visible(key)}={visible(value)}"
    if not comment:
        return line
    if len(line) < 38:
        line = f"{line:<40}"
    else:
        line = f"{line}\n{'':<40}"
    body = textwrap.wrap(visible(comment), max(_width() - 40, 30))
    return line + f"\n{'':<40}".join(body)


def value_text(value: Any) -> str:
    """A value as it is written on the command line and in YAML.

    >>> value_text([None, True, 0.5])
    '[null, true, 0.5]'
    """
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list):
        return f"[{', '.join(value_text(item) for item in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {value_text(item)}' for key, item in value.items())}}}"
    return str(value)


def _width() -> int:
    return min(max(shutil.get_terminal_size((100, 24)).columns, 60), 120)


def _needs(found: Explanation, config_dir: Path | None) -> tuple[list[str], list[str]]:
    """What an attack needs, in words, and the overrides with which its example can be run."""
    from bench.attacks.base import Attack, in_words
    from bench.config.compose import compose
    from bench.config.instantiate import instantiate
    from bench.running.components import instantiate_engine

    cfg = compose([f"attack={found.name}"], config_dir)
    attack: Attack = instantiate(cfg.attack, "attack", engine=instantiate_engine(cfg.engine))
    threats = [threat for need, threat in _GRANTS.items() if need in attack.needs]
    shared = ["model.per_victim=false"] if "one_model" in attack.needs else []
    return in_words(attack.needs), [*(["data=sentences"] if attack.of_sentences else []), *threats[:1], *shared]


def _example(found: Explanation) -> str:
    """A command that uses the option."""
    if found.group == "suite":
        return f"leakbench suite {found.name}"
    command = "train" if found.group == "training" else "run"
    words = [f"leakbench {command} {found.group}={found.name}"]
    if found.group in ("metric", "model") and (found.target or "").startswith(_OF_SENTENCES):
        words.append("data=sentences")
    words += [f"{setting.key}=..." for setting in found.settings if setting.value == "???"]
    return " ".join(words)
