"""Makes the tables of docs/label-inference.md from docs/labels.csv.

    python docs/site/label_tables.py results/labels.csv   # copies what is shown of this file to docs/labels.csv first
    python docs/site/label_tables.py                      # writes the tables into the page

The first kind of table has the batch sizes as columns, for settings that were run with several. The second has the
rules as columns, and a row for each setting that was run with one batch size.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from made_tables import DOCS, Row, line, read, rewrite, write

PAGE, MEASURED = DOCS / "label-inference.md", DOCS / "labels.csv"
BEGIN = "<!-- made by docs/site/label_tables.py -->"
_OF_LABELS = {
    ("own", "replacement"): "the images' own labels",
    ("own", "random"): "the images' own labels",
    ("random", "replacement"): "random labels",
    ("random", "unique"): "different labels",
    ("random", "same"): "one label",
}
_NONE = "-"  # a cell that the suite does not have
_KEPT = (
    "data", "label_rule", "labels", "defense", "threat", "model", "rule", "batch_size", "seed", "victims", "failures",
    "reused", "label_overlap", "label_overlap_low", "label_overlap_high", "batches_right", "class_set",
    "batch_size_right", "seconds_per_victim", "identity", "reason",
)  # fmt: skip


def tables(cells: Sequence[Row]) -> str:
    """All tables, each below a line that says what it has."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for cell in cells:
        groups.setdefault((cell["data"], cell["label_rule"], cell["labels"], cell["defense"]), []).append(cell)
    single: list[Row] = []
    blocks = []
    for own in groups.values():
        several = [m for m in _named(own, "model") if len(_named(_of(own, model=m), "batch_size")) > 1]
        by_size = [cell for cell in own if cell["model"] in several]
        single += [cell for cell in own if cell["model"] not in several]
        if by_size:
            blocks += [f"{_data(by_size[0])}:", "\n".join(_by_size(by_size))]
    if single:
        sizes = ", ".join(_named(single, "batch_size"))
        blocks += [f"One thing changed at a time, B = {sizes}:", "\n".join(_by_rule(single))]
    return "\n\n".join(blocks)


def _by_size(cells: Sequence[Row]) -> Iterator[str]:
    sizes = sorted(_named(cells, "batch_size"), key=int)
    yield line("network", "rule", *(f"B = {size}" for size in sizes))
    yield "| --- | --- |" + " --: |" * len(sizes)
    for model in _named(cells, "model"):
        own = _named(_of(cells, model=model), "rule")
        for rule in (name for name in _named(cells, "rule") if name in own):  # in one order for every network
            found = (_of(cells, model=model, rule=rule, batch_size=size) for size in sizes)
            yield line(model, f"`{rule}`", *map(_share, found))


def _by_rule(cells: Sequence[Row]) -> Iterator[str]:
    rules = _named(cells, "rule")
    yield line("network", "labels", "defence", *(f"`{rule}`" for rule in rules))
    yield "| --- | --- | --- |" + " --: |" * len(rules)
    settings = dict.fromkeys((c["model"], c["data"], c["label_rule"], c["labels"], c["defense"]) for c in cells)
    for model, data, dealt, labels, defense in settings:
        own = _of(cells, model=model, data=data, label_rule=dealt, labels=labels, defense=defense)
        yield line(model, _OF_LABELS[labels, dealt], defense, *(_share(_of(own, rule=rule)) for rule in rules))


def _data(cell: Row) -> str:
    return f"{cell['data'].partition(' (')[0]}, {_OF_LABELS[cell['labels'], cell['label_rule']]}"


def _share(found: Sequence[Row]) -> str:
    """The share of labels right of the latest cell, `0.98`; `failed` if it has none."""
    if not found:
        return _NONE
    share = found[-1]["label_overlap"]
    return f"{float(share):.2f}" if share else "failed"


def _named(cells: Sequence[Row], name: str) -> list[str]:
    return list(dict.fromkeys(cell[name] for cell in cells))


def _of(cells: Sequence[Row], **wanted: str) -> list[Row]:
    return [cell for cell in cells if all(cell[name] == value for name, value in wanted.items())]


def keep(source: Path, target: Path) -> None:
    """Copies what is shown of `labels.csv` of a results folder into a file of the docs."""
    write(target, _KEPT, read(source))


def main(sources: Sequence[str] = ()) -> None:
    """Writes the tables into the page, between the marks.

    Args:
        sources: nothing, or `labels.csv` of a results folder, which is copied first.
    """
    for source in sources:
        keep(Path(source), MEASURED)
    rewrite(PAGE, BEGIN, tables(read(MEASURED)))


if __name__ == "__main__":
    main(sys.argv[1:])
