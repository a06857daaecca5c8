"""What a paper reports of the setting of a cell, and how that is known: from the files of configs/experiment."""

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from bench.config import options as catalogue

# How a figure is known, and what that says.
KNOWN = {
    "READ": "in the paper or its authors' own files",
    "DIGITISED": "measured off a figure of the paper, to a point or two",
    "FROM MEMORY": "not looked up: no figure to compare with",
}
REMEMBERED, REMEMBERED_WORDS = "§", "the reported figure is remembered: nobody has looked it up"
REPORTED = "reported_"  # what a column is called that stands beside the column of a metric
_CHOICE = re.compile(r"override /(\w+)")
_VALUE = re.compile(r"(?P<what>.+?) (?P<number>-?\d+(?:\.\d+)?(?:e-?\d+)?)(?: dB| %)?")
_SUCCESS, _LABELS = "success rate at mse ", {"label acc.": "label_accuracy", "label overlap": "label_overlap"}
# what an experiment leaves as configs/run.yaml has it
_DEFAULTS = {"defense": "none", "threat": "basic"}


@dataclass(frozen=True)
class Experiment:
    """A file of configs/experiment with figures of a paper.

    Args:
        options: `{group: option}` that the protocol is made of, each as its file has it.
        data: settings of the data that differ from the option's.
        figures: `{value, source, known}` each.
    """

    options: Mapping[str, str]
    data: Mapping[str, Any]
    figures: list[dict[str, Any]]

    def describes(self, config: Mapping[str, Any]) -> bool:
        """Whether a cell's config follows this protocol, however many victims it has."""
        names, data = config.get("names") or {}, config.get("data") or {}
        if any(names.get(group) != option for group, option in self.options.items() if group != "data"):
            return False
        option, _, changed = str(names.get("data", "")).partition(" (")
        settings = {f"{key}={value}" for key, value in self.data.items()}
        apart = {key: value for key, value in self.data.items() if key != "victims"}
        return (
            option == self.options["data"]
            and set(filter(None, changed.removesuffix(")").split(", "))) <= settings
            and all(data.get(key) == value for key, value in apart.items())
            and data.get("batch_size") == self.data.get("batch_size", 1)
        )


@dataclass(frozen=True)
class Reported:
    """A figure of a paper beside the measured one.

    Args:
        mean: the figure.
        source: where the paper has it.
        known: a key of `KNOWN`, or another word on how it is known; empty if nobody says it.
    """

    mean: float
    source: str
    known: str

    @property
    def mark(self) -> str:
        """The sign at a figure that nobody has looked up, or nothing."""
        return "" if self.known in ("READ", "DIGITISED") else REMEMBERED

    @property
    def words(self) -> str:
        """Where it stands and how it is known: `2001.02610 Table 1, read`."""
        return ", ".join(filter(None, (self.source, self.known.lower())))


@functools.cache
def experiments() -> tuple[Experiment, ...]:
    """Those that state figures of a paper."""
    found = []
    for entry in catalogue.entries("experiment").values():
        content = yaml.safe_load(entry.path.read_text(encoding="utf-8"))
        if content.get("paper"):
            choices = {_CHOICE.match(key)[1]: option for each in content["defaults"] for key, option in each.items()}  # type: ignore[index]
            found.append(Experiment(_DEFAULTS | choices, content.get("data") or {}, content["paper"]))
    return tuple(found)


def figures_of(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The figures of a paper for a cell: those it was stored with, else those of the experiment that it follows."""
    if own := facts.get("paper"):
        return own if isinstance(own, list) else [own]
    config = facts.get("config") or {}
    return next((each.figures for each in experiments() if each.describes(config)), [])


def reported(facts: Mapping[str, Any]) -> dict[str, Reported]:
    """The figures of a paper for a cell by the keys of the measured ones (`success_1e-2`, `label_accuracy`, `psnr`).

    A figure whose words name no single number is left out here; it stands in the column `paper`.
    """
    found: dict[str, Reported] = {}
    for figure in figures_of(facts):
        parts = _VALUE.fullmatch(str(figure.get("value", "")))
        if parts:
            source, known = str(figure.get("source") or ""), str(figure.get("known") or "").upper()
            found.setdefault(_key(parts["what"].lower()), Reported(float(parts["number"]), source, known))
    return found


def _key(what: str) -> str:
    """The key of a measured figure that a paper's words are about.

    >>> _key("success rate at mse 1e-2"), _key("label acc."), _key("psnr")
    ('success_1e-2', 'label_accuracy', 'psnr')
    """
    if what.startswith(_SUCCESS):
        return f"success_{what.removeprefix(_SUCCESS)}"
    return _LABELS.get(what, what.replace(" ", "_"))


def measured(key: str) -> str:
    """The key of the measured figure beside which a column of reported ones stands; empty for any other column.

    >>> measured("reported_psnr"), measured("psnr")
    ('psnr', '')
    """
    return key.removeprefix(REPORTED) if key.startswith(REPORTED) else ""


def words(figures: list[dict[str, Any]]) -> str:
    """`label acc. 0.833 (2001.02610 Table 1, READ)`, several joined; empty without figures."""
    return "; ".join(_words(figure) for figure in figures if "value" in figure)


def _words(figure: Mapping[str, Any]) -> str:
    source = ", ".join(str(figure[key]) for key in ("source", "known") if figure.get(key))
    return f"{figure['value']}" + (f" ({source})" if source else "")


def foot(figures: list[dict[str, Any]]) -> list[str]:
    """What the words on how figures are known say, as one sentence; nothing without figures."""
    used = [f"{word}: {meaning}" for word, meaning in KNOWN.items() if word in {one.get("known") for one in figures}]
    return [f"The column paper has what a paper reports of the same setting. {'; '.join(used)}."] if used else []
