"""Makes the tables of docs/reproduction.md from docs/paper_figures.csv.

    python docs/site/paper_tables.py results/papers.csv   # copies the file to docs/paper_figures.csv first
    python docs/site/paper_tables.py                      # writes the tables into the page

Figures of one thing at several thresholds of the squared error make a table with a column per threshold; the others
make a table with a row per figure.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from made_tables import DOCS, Row, line, read, rewrite, write

PAGE, MEASURED = DOCS / "reproduction.md", DOCS / "paper_figures.csv"
BEGIN = "<!-- made by docs/site/paper_tables.py -->"
_SUCCESS, _NONE = "success_", "-"
_WAYS = {"published": "published settings here", "best": "best here"}
_TITLES = {"label_accuracy": "share of labels right", "mse": "MSE", "psnr": "PSNR [dB]"}
_OF_FIGURE = ("attack", "victims", "wanted", "", "low", "high")
_KEPT = (
    "suite", "source", "item", "metric", "where", "known", "paper", "data", "model", "weights", "defense",
    "threat", "B",
    *(f"{way}_{part}".removesuffix("_") for way in _WAYS for part in _OF_FIGURE),
)  # fmt: skip


def tables(figures: Sequence[Row]) -> str:
    """All tables, each below a line that says what it has; a sentence if nothing has been measured."""
    if not figures:
        return "No suite has been run to its end for this page yet."
    blocks = []
    for suite in dict.fromkeys(one["suite"] for one in figures):
        own = [one for one in figures if one["suite"] == suite]
        curves = [one for one in own if one["metric"].startswith(_SUCCESS) and len(_thresholds(own, one)) > 1]
        plain = [one for one in own if one not in curves]
        blocks += [f"`suite {suite}`: {own[0]['source']}."]
        blocks += ["\n".join(_plain(plain))] if plain else []
        if curves:
            blocks += ["Share of images with an MSE at or below a threshold:", "\n".join(_curves(curves))]
    return "\n\n".join(blocks)


def _plain(figures: Sequence[Row]) -> Iterator[str]:
    yield line("figure", "metric", "paper", "how it is known", "measured on", *_WAYS.values())
    yield "| --- | --- | --: | --- | --- | --: | --: |"
    for one in figures:
        title = _TITLES.get(one["metric"], one["metric"].replace("_", " "))
        words = [one["item"], title, _paper(one), _known(one), _setting(one)]
        yield line(*words, *(_figure(one, way, named=True) for way in _WAYS))


def _curves(figures: Sequence[Row]) -> Iterator[str]:
    """Three rows per thing and setting: the paper, its settings here, and what is best here."""
    thresholds = sorted({one["metric"].removeprefix(_SUCCESS) for one in figures}, key=float, reverse=True)
    yield line("figure", "measured on", "whose", *thresholds)
    yield "| --- | --- | --- |" + " --: |" * len(thresholds)
    for item, setting in dict.fromkeys((one["item"], _setting(one)) for one in figures):
        own = {one["metric"]: one for one in figures if (one["item"], _setting(one)) == (item, setting)}
        at = [own.get(_SUCCESS + threshold) for threshold in thresholds]
        first = next(iter(own.values()))
        yield line(item, setting, f"paper ({_known(first)})", *(_paper(one) if one else _NONE for one in at))
        for way in _WAYS:
            if first[f"{way}_attack"]:
                yield line(item, setting, _whose(first, way), *(_figure(one, way) if one else _NONE for one in at))


def _thresholds(figures: Sequence[Row], one: Row) -> set[str]:
    return {each["metric"] for each in figures if each["item"] == one["item"] and each["metric"].startswith(_SUCCESS)}


def _paper(one: Row) -> str:
    return f"{float(one['paper']):g}" if one["paper"] else "not quoted"


def _known(one: Row) -> str:
    return f"{one['known']}, {one['where']}" if one["paper"] else one["where"]


def _setting(one: Row) -> str:
    if not one["data"]:
        return "not run"
    words = [one["data"], one["model"], *(["stored weights"] if one["weights"] == "stored" else [])]
    words += [one["defense"]] if one["defense"] != "none" else []
    return ", ".join(words + ([f"B = {one['B']}"] if one["B"] != "1" else []))


def _whose(one: Row, way: str) -> str:
    return f"`{one[f'{way}_attack']}`, {one[f'{way}_victims']} victims"


def _figure(one: Row, way: str, *, named: bool = False) -> str:
    """A measured figure with its interval: `0.95 (0.76 to 0.99)`, and with its attack behind it if that is wanted."""
    mean, low, high = (one[f"{way}_{part}".removesuffix("_")] for part in ("", "low", "high"))
    if not mean:
        return _NONE
    if int(one[f"{way}_victims"]) < int(one[f"{way}_wanted"]):  # those that end first are not like the others
        return "unfinished"
    interval = f" ({_number(low)} to {_number(high)})" if low and high else ""
    return _number(mean) + interval + (f", {_whose(one, way)}" if named else "")


def _number(text: str) -> str:
    value = float(text)
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.2f}" if value == 0 or abs(value) >= 0.01 else f"{value:.1e}"


def keep(source: Path) -> None:
    """Copies what is shown of `papers.csv` of a results folder into the docs, in place of the same suites' lines."""
    new = read(source)
    old = [one for one in read(MEASURED) if one["suite"] not in {each["suite"] for each in new}]
    write(MEASURED, _KEPT, [*old, *new])


def main(sources: Sequence[str] = ()) -> None:
    """Writes the tables into the page, between the marks.

    Args:
        sources: `papers.csv` of any number of results folders, which are copied first.
    """
    for source in sources:
        keep(Path(source))
    rewrite(PAGE, BEGIN, tables(read(MEASURED)))


if __name__ == "__main__":
    main(sys.argv[1:])
