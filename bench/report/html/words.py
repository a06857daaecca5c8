"""What the page says of its columns and of how victims ended, in full sentences."""

import ast
import functools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import bench
from bench.messages.status import Status
from bench.report.ended import in_words
from bench.report.measures import Measure
from bench.results.intervals import GEOMETRIC, RATE

_OWN = {
    "success_1e-2": "The share of all private images that came back with a mean squared error at or below 1e-2. "
    "Such an image can be recognised. A failed victim counts as no success.",
    "success_1e-3": "The share of all private images that came back with a mean squared error at or below 1e-3. "
    "A failed victim counts as no success.",
    "success_1e-4": "The share of all private images that came back with a mean squared error at or below 1e-4. "
    "Such an image can hardly be told from the truth. A failed victim counts as no success.",
    "label_accuracy": "The share of all samples whose label the attack claims correctly. "
    "If an attack claims labels, a sample without a claim counts as wrong.",
    "label_overlap": "The share of each batch's labels that the attack claims as often as they occur, in any order.",
    "evaluations_per_victim": "How often the attack computed its objective and the gradient of it, per victim.",
    "seconds_per_victim": "The wall time of the attack per victim, in seconds. Victims that are attacked at once share "
    "it equally.",
}
_ESTIMANDS = {
    GEOMETRIC: "The figure is the geometric mean over all samples that have a score.",
    RATE: "The figure is a rate over all samples. A sample without a score, or of a failed victim, is no success.",
}
_MEAN = "The figure is the mean over all samples that have a score."
# facts of a metric that the page says in words of its own, or that say nothing on a page
_SAID = ("unit", "direction", "values", "range", "smallest", "column")
LABELS = {
    "attack": "What the attacker does with the shared gradient. A control looks at no gradient: an attack that is no "
    "better than a control learns nothing.",
    "data": "The data set that the private examples come from.",
    "model": "The network whose gradient is shared.",
    "defense": "What the client does to its update before it shares it.",
    "threat": "The name of the threat model, which lists what the attacker knows.",
    "batch": "The batch size B: how many private examples stand behind one shared gradient.",
    "seed": "The seed from which victims, models and the starts of the attack are drawn.",
    "victims": "How many independent shared gradients were attacked.",
    "failed": "How many victims ended in a failure. They are counted and never dropped.",
    "division": "Closed: an attack as leakbench ships it, with its settings, budget and numerics. Open: anything else. "
    "Not known: this machine cannot compare the record with its options.",
    "origin": "Where a row comes from. Claimed: it came with an entry, and nobody here has attacked its victims. "
    "Repeated elsewhere: its sender says that some victims were attacked again. Verified here: some victims were "
    "attacked again on this machine, and all of them agree. Not confirmed here: not all of them agree. A row without a "
    "word was computed here.",
    "leakbench": "The version of leakbench that computed the row.",
    "paper": "What a paper reports of the same setting, and how that figure is known.",
}

SEEDS = "The seeds of the cells whose victims are taken together in this row."
REPORTED = (
    "What a paper reports of the same setting. Below it stands where the paper has it, and how the figure is known."
)


def help_of(measure: Measure, facts: Mapping[str, Any]) -> str:
    """What a column with figures holds.

    Args:
        measure: the column.
        facts: the facts of its metric (see `bench.metrics.base.SampleMetric.facts`); empty if it has none.
    """
    lines = [_OWN.get(measure.key) or _of_metric(measure, facts)]
    if measure.better:
        closer = "higher" if measure.better == "up" else "lower"
        lines.append(f"A {closer} value means that more private data leaks.")
    return " ".join(lines)


def _of_metric(measure: Measure, facts: Mapping[str, Any]) -> str:
    name, _, estimand = measure.title.rpartition(", ")
    unit = f" in {measure.unit}" if measure.unit else ""
    lines = [f"{name or measure.title}{unit}, a comparison of each reconstruction with the truth."]
    bounds = facts.get("values") or []
    if len(bounds) == 2:
        low, high = bounds
        if low is not None and high is not None:
            lines.append(f"It lies between {low:g} and {high:g}.")
        elif low is not None:
            lines.append(f"It is at least {low:g}.")
    lines.append(_ESTIMANDS.get(estimand, _MEAN))
    said = {key: value for key, value in facts.items() if value is not None and key not in _SAID}
    if said:
        lines.append("Settings: " + ", ".join(f"{key} {value}" for key, value in said.items()) + ".")
    return " ".join(lines)


def endings(statuses: Mapping[str, int]) -> list[str]:
    """How the victims of a cell ended, a sentence per status.

    Args:
        statuses: how many victims ended with each word.

    >>> endings({"budget": 1})
    ['1 victim ended with the status “used its budget”: the budget of iterations or evaluations was used up.']
    """
    known = {status.value: status.sentence for status in Status}
    lines = []
    for word, count in statuses.items():
        what = "1 victim" if count == 1 else f"{count:,} victims"
        meaning = f": {known[word]}" if word in known else ""
        lines.append(f"{what} ended with the status “{in_words(word)}”{meaning}.")
    return lines


# An arXiv number, as titles of papers and sources of figures have it.
ARXIV = re.compile(r"\b(\d{4}\.\d{4,5})\b")


def about(config: Mapping[str, Any], own: Mapping[str, str] | None = None) -> dict[str, str]:
    """What the attack, the model, the defence and the data of a cell are: the first sentence of each one's file.

    Args:
        config: the resolved config of the cell.
        own: what its record says of an attack that is no part of leakbench, `class` and `about`.

    >>> about({"attack": {"_target_": "bench.attacks.dlg.DLG"}})
    {'attack': 'Deep Leakage from Gradients (Zhu, Liu, Han 2019, arXiv 1906.08935).'}
    """
    found = {}
    for group, title in (("attack", "attack"), ("data", "data"), ("model", "model"), ("defense", "defence")):
        sentence = _first_sentence(str((config.get(group) or {}).get("_target_")))
        if sentence:
            found[title] = sentence
    return ({"attack": foreign_attack(own)} if own else {}) | found


def foreign_attack(own: Mapping[str, str]) -> str:
    """What a record says of an attack that is no part of leakbench, as one line.

    >>> foreign_attack({"class": "their_lab.Stronger", "about": "A stronger attack (2026)."})
    'A stronger attack (2026). Class: their_lab.Stronger, which is no part of leakbench.'
    """
    said = f"{own['about'].removesuffix('.')}. " if own.get("about") else ""
    return f"{said}Class: {own.get('class') or 'not recorded'}, which is no part of leakbench."


@functools.cache
def _first_sentence(target: str) -> str | None:
    """The first line of the file of a class of this package, which is read and not imported; None for any other."""
    module, _, _ = target.rpartition(".")
    if not re.fullmatch(r"bench(\.\w+)+", module):
        return None
    path = Path(bench.__file__).parents[1].joinpath(*module.split(".")).with_suffix(".py")
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) if path.is_file() else None
    return text.splitlines()[0].replace("`", "") if text else None
