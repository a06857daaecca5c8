"""The site's pages on the options of configs/: one page per attack, defence, metric, data set, model, threat and suite.

What a page says comes from where `leakbench list NAME` takes it (`bench.config.explain`): the YAML file and the
docstring of its class.
"""

import re
from dataclasses import dataclass

from bench.cli.listing import needs_and_example, value_text
from bench.config import options, paper_section
from bench.config.explain import Explanation, explain
from bench.report import markdown

_PAGE_OF_DOCS = re.compile(r"docs/([\w-]+\.md)")
_ITEM = re.compile(r"\w+( \w+){0,2}: ")
_CLASS = re.compile(r"bench\.[\w.]+\.([A-Z]\w*)")
_MARKS = re.compile(r"([\\*_\[\]<>|{}#])")
_ONLY_THE_DOCSTRING = (
    "show_root_heading: false",
    "show_root_toc_entry: false",
    "show_docstring_raises: false",
    "docstring_section_style: list",
    "members: false",
)
_CODE = re.compile(r"(`[^`]+`)")


@dataclass(frozen=True)
class Group:
    """A group of options that has pages.

    Args:
        name: its name in configs/.
        title: the title of its list.
        one: the word for one of its options.
        about: what the list says before its table.
    """

    name: str
    title: str
    one: str
    about: str


GROUPS = {
    group.name: group
    for group in (
        Group(
            "attack",
            "Attacks",
            "attack",
            "An attack sees what a client shares and reconstructs the private batch. Choose one with `attack=NAME`. "
            "What was measured to choose the presets is in docs/attacks.md, and for sentences in docs/text.md.",
        ),
        Group(
            "defense",
            "Defences",
            "defence",
            "A defence changes what a client shares. Choose one with `defense=NAME`. What each of them hides, and what "
            "it costs, is in docs/defenses.md.",
        ),
        Group(
            "metric",
            "Metrics",
            "metric",
            "A metric scores a reconstruction against the truth. Choose one with `metric=NAME`; without that, images "
            "get the set `image` and sentences the set `text`. How scores are summarised is in docs/results.md.",
        ),
        Group(
            "data",
            "Data sets",
            "data set",
            "A data set holds the examples that victims are dealt from. Choose one with `data=NAME`. `samples` and "
            "`sentences` come with installed packages; the command `leakbench prepare NAME` fetches the others.",
        ),
        Group(
            "model",
            "Models",
            "model",
            "A model is the network whose gradient is shared. Choose one with `model=NAME`. A network of your own "
            "needs no file: `model=custom model.target=my_package.nets:Net`.",
        ),
        Group(
            "threat",
            "Threat models",
            "threat model",
            "A threat model says what the attacker knows besides the model and what was shared. Choose one with "
            "`threat=NAME`; the default is `basic`. Results under different threat models are never in one ranking.",
        ),
        Group(
            "suite",
            "Suites",
            "suite",
            "A suite is a grid of cells with one leaderboard. Run one with `leakbench suite NAME`. How to write a "
            "suite of your own is in docs/suites.md.",
        ),
    )
}


def plain(text: str, up: str = "../") -> str:
    """A text as Markdown that shows it as it is; code spans stay, and names of pages of docs/ become links.

    Args:
        text: from a docstring or a comment.
        up: the way from the page to the folder of docs' pages.

    >>> plain("weights of [fc.*] or `x|y` (docs/speed.md)")
    'weights of \\\\[fc.\\\\*\\\\] or `x|y` ([speed.md](../speed.md))'
    """
    parts = _CODE.split(text)
    return "".join(part if place % 2 else _plain(part, up) for place, part in enumerate(parts))


def _plain(text: str, up: str) -> str:
    pieces = _PAGE_OF_DOCS.split(text)
    return "".join(
        f"[{piece}]({up}{piece})" if place % 2 else _MARKS.sub(r"\\\1", piece) for place, piece in enumerate(pieces)
    )


def pages() -> dict[str, str]:
    """Every page as `{path from the folder of docs' pages: Markdown}`."""
    found: dict[str, str] = {}
    for group in GROUPS.values():
        explained = [explain(option) for option in options.entries(group.name).values()]
        found[f"{group.name}/index.md"] = _list(group, explained)
        found |= {f"{group.name}/{one.name}.md": page(group, one, *needs_and_example(one)) for one in explained}
    return found


def _list(group: Group, explained: list[Explanation]) -> str:
    """The page that lists a group."""
    rows = [f"| [{one.name}]({one.name}.md) | {plain(one.description)} |" for one in explained]
    head = [f"# {group.title}", "", plain(group.about), "", "| name | what it is |", "| :-- | :-- |"]
    return "\n".join([*head, *rows, ""])


def page(group: Group, found: Explanation, needs: list[str], example: str) -> str:
    """The page of one option.

    Args:
        group: its group.
        found: what is known of it.
        needs: what it needs, in words.
        example: a command that uses it.
    """
    parts = [
        f"# {plain(found.name)}",
        f"{group.one.capitalize()}: {plain(found.description.removeprefix(f'{found.name}: '))}",
        *_notes(found),
        _section("Run it", f"```\n{example}\n```"),
        _section("Paper", _paper(found)) if group.name not in ("threat", "suite") else "",
        _section("What it needs", "\n".join(f"- {plain(one)}" for one in needs)),
        _section("How it works", _docstring(found)) if group.name not in ("threat", "suite") else "",
        _section("Settings", _settings(found)) if group.name != "suite" else _suite(found),
        _section("Brings along", _brought(found)),
        _section("Where it is", _places(found)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _section(title: str, text: str) -> str:
    return f"## {title}\n\n{text}" if text else ""


def _notes(found: Explanation) -> list[str]:
    """The comment lines at the head of the file as a list; a line such as `licence: ...` begins an item."""
    items: list[str] = []
    for note in found.notes:
        if not items or _ITEM.match(note):
            items.append(f"- {note[:1].upper()}{note[1:]}")
        else:
            items[-1] += f" {note}"
    return ["\n".join(f"- {plain(item[2:])}" for item in items)] if items else []


def _paper(found: Explanation) -> str:
    if not found.paper:
        return "No paper is named for it."
    words, _, address = found.paper.partition(" https://")
    return plain(words) + (f" <https://{address}>" if address else "")


def _settings(found: Explanation) -> str:
    """The settings as a table."""
    if not found.settings:
        return ""
    rows = [
        f"| `{setting.key}` | {_value(value_text(setting.value))} | {plain(setting.comment)} |"
        for setting in found.settings
    ]
    about = "Say `KEY=VALUE` behind the command to change one of them."
    parts = [part[1] for setting in found.settings if (part := _CLASS.fullmatch(str(setting.value)))]
    if parts:
        about += f" A value such as `{parts[0]}` stands for a part, and the keys below it are its settings."
    return "\n".join([about, "", "| key | value | meaning |", "| :-- | :-- | :-- |", *rows])


def _value(text: str) -> str:
    """A value as a code span, a class without its module; `???` stands for a value that has to be said.

    >>> _value("bench.engine.directions.LBFGS")
    '`LBFGS`'
    """
    if text == "???":
        return "must be given"
    if part := _CLASS.fullmatch(text):
        return f"`{part[1]}`"
    return f"`{text}`" if text else "(empty)"


def _suite(found: Explanation) -> str:
    """The parts of a suite: each line of an axis is a choice, and the cells are the product of the axes."""
    parts = []
    for setting in found.settings:
        if setting.key.startswith("paper."):
            continue
        axes = setting.value if setting.key == "grid" else [setting.value]
        for number, axis in enumerate(axes, 1):
            title = f"Axis {number} of the grid" if setting.key == "grid" else setting.key.capitalize()
            parts.append(_section(title, "```\n" + "\n".join(str(choice) for choice in axis) + "\n```"))
    paper = paper_section.of_file(found.file)
    return "\n\n".join([*parts, *([_section("Figures of the paper", _figures(paper))] if paper else [])])


def _figures(paper: paper_section.PaperSection) -> str:
    """The figures of a paper and the attacks that stand beside them, as a table."""
    head = ["figure", "metric", "paper", "how it is known", "published settings here", "best here"]
    rows = [[plain(one) for one in line] for line in paper_section.lines(paper)]
    table = markdown.grid(head, "llrlll", rows)
    notes = [f"- {plain(note)}" for note in paper.notes]
    return "\n".join([f"{plain(paper.source)}. The report puts measured figures beside these.", "", *table, "", *notes])


def _brought(found: Explanation) -> str:
    """The options of other groups that the option chooses, with links to their pages."""
    return "\n".join(
        f"- `{group}=`[{name}](../{group}/{name}.md)" if group in GROUPS else f"- `{group}={name}`"
        for group, name in found.chooses.items()
    )


def _docstring(found: Explanation) -> str:
    """The docstring of the class, which mkdocstrings reads from its source."""
    if found.target is None or not found.does:
        return ""
    return f"::: {found.target}\n    options:\n" + "\n".join(f"      {line}" for line in _ONLY_THE_DOCSTRING)


def _places(found: Explanation) -> str:
    lines = [f"- Settings: `configs/{found.group}/{found.name}.yaml`"]
    if found.target:
        lines.append(f"- Class: `{found.target}`")
    if found.version is not None:
        lines.append(f"- Version: {found.version}. The number is raised when a change of the code changes results.")
    return "\n".join(lines)
