"""`leakbench figure`: figures for a paper, as PDF and PNG."""

import argparse
from pathlib import Path
from typing import Any

from bench.cli.output import Answer, show
from bench.errors import UserError

KINDS = ("success", "batches", "epochs", "labels", "utility", "grid")
HELP = """Draws a figure for a paper from a results folder, as PDF and as PNG. Colours, dashes and marks differ, so
that it can be read in gray and by colour-blind readers.

  success    the share of images at or below each threshold of the mean squared error, a line per attack, and as
             marks what papers report of the suites that were run (idlg_paper)
  batches    iterations against the batch size, a line per attack
  epochs     a metric against the epoch of the attacked model (model.checkpoint=epoch_1.pt,epoch_2.pt)
  labels     the share of labels that each rule infers against the batch size; needs `leakbench suite labels`
  utility    leakage against the accuracy that a defence leaves; needs `leakbench train` or `suite defenses`
  grid       truths beside reconstructions, a line per victim; with one attack under several defences: over strengths

examples:
  leakbench figure success --rows data=samples-cifar10 --thresholds 1e-6,1e-1 -o success
  leakbench figure batches --rows data=mnist --width 3.3 --font 8
  leakbench figure labels --rows rule=ilrg,llg,yin --rows data=samples-mnist
  leakbench figure grid --rows data=samples-mnist --rows attack=dlg,idlg --victims 0,3,5
  leakbench figure grid --rows attack=dlg --rows data=mnist --rows 'defense=none,gaussian*'"""
_WIDTHS, _FONTS = (1.0, 30.0), (4.0, 40.0)
_COLUMN, _PAGE, _LABELLED = 3.3, 7.0, 5.5  # inches: one column, two, and the least that holds the labels of `utility`


def add_options(command: argparse.ArgumentParser) -> None:
    """Adds the options of the command to its parser."""
    add = command.add_argument
    add("kind", metavar="KIND", choices=KINDS, help=", ".join(KINDS))
    add("folder", metavar="DIR", nargs="?", type=Path, default=Path("results"), help="default: results")
    add("-o", "--output", metavar="FILE", type=Path, help="without an ending (default: the kind)")
    add("--rows", metavar="KEY=A,B", action="append", help="only these, in this order (repeatable)")
    add("--width", metavar="INCHES", type=float, help="of the figure (default: 3.3; of utility and labels 7)")
    add("--font", metavar="POINTS", type=float, default=8.0, help="the size of its words (default: 8)")
    add("--thresholds", metavar="LOW,HIGH", default="1e-6,1", help="of kind success (default: 1e-6,1)")
    add("--metric", metavar="NAME", default="psnr", help="of kind epochs: what is shown (default: psnr)")
    add("--victims", metavar="A,B", help="of kind grid: their ids, from above")


def answer(arguments: argparse.Namespace) -> Answer:
    """Draws the figure and writes both files.

    Args:
        arguments: see `add_options`.

    Raises:
        UserError: an option is wrong, or the results do not hold what the figure shows.
    """
    from bench.report.paper_figures import rendered
    from bench.storage.atomic import write_bytes

    labelled = arguments.kind == "utility"
    if arguments.width is None:
        arguments.width = _PAGE if arguments.kind in ("utility", "labels") else _COLUMN
    widths = (_LABELLED, _WIDTHS[1]) if labelled else _WIDTHS
    for name, value, (low, high) in (("width", arguments.width, widths), ("font", arguments.font, _FONTS)):
        if not low <= value <= high:
            raise UserError(f"--{name} {value:g}: want {low:g} to {high:g}")
    figure = _figure(arguments)
    stem = (arguments.output or Path(arguments.kind)).expanduser()
    stem = stem.with_suffix("") if stem.suffix in (".pdf", ".png") else stem
    contents = {kind: rendered(figure, kind) for kind in ("pdf", "png")}
    files = [stem.with_name(f"{stem.name}.{kind}") for kind in contents]
    stem.parent.mkdir(parents=True, exist_ok=True)
    for path, content in zip(files, contents.values()):
        write_bytes(path, content)
        show(f"wrote {path}")
    return 0, {"kind": arguments.kind, "files": [str(path) for path in files]}


def _figure(arguments: argparse.Namespace) -> Any:
    from bench.cli.table import choice
    from bench.report import epoch_figure, paper_figures, pareto, reproduction
    from bench.report.table_options import options
    from bench.report.table_rows import place, table_rows
    from bench.results import query, store
    from bench.results.join import boards
    from bench.results.stored_training import StoredTraining

    root, size = arguments.folder.expanduser(), (arguments.width, arguments.font)
    wanted = dict(choice(words) for words in arguments.rows or [])
    if arguments.kind == "labels":
        return _labels(root, wanted, size)
    listing = query.cells(root)
    if arguments.kind == "utility":
        trainings, _ = store.cells(root, StoredTraining)
        names = {key: value for key, value in wanted.items() if key in ("data", "model")}
        for board in boards(listing.cells, trainings):
            trained = [line for line in board.lines if line.utility and line.utility["accuracy"]]
            own = {"data": board.data, "model": board.model}
            if len(trained) > 1 and all(place(own[key], found) < len(found) for key, found in names.items()):
                return pareto.plot(board, trained, *size)
        raise UserError(f"{root} has no two defences with attacks and trainings; run: leakbench suite defenses")
    rows = table_rows(listing.cells, options("default", {"rows": wanted, "seeds": "mean"}))
    if not rows:
        raise UserError(f"no row of {root} is chosen (leakbench report {root} lists them)")
    rows.sort(key=lambda row: [place(row.word(key), found) for key, found in wanted.items()])
    if arguments.kind == "success":
        reported = reproduction.curves(reproduction.sections(root), rows)
        return paper_figures.success(rows, *size, _pair(arguments.thresholds), reported)
    if arguments.kind == "batches":
        return paper_figures.batches(rows, *size)
    if arguments.kind == "epochs":
        return epoch_figure.epochs(rows, *size, arguments.metric)
    return paper_figures.grid(rows, *size, _ids(arguments.victims))


def _labels(root: Path, wanted: dict[str, list[str]], size: tuple[float, float]) -> Any:
    from bench.report import label_figure, measured
    from bench.results import store
    from bench.results.stored_labels import StoredLabels

    found = measured.summaries(store.cells(root, StoredLabels)[0])
    return label_figure.labels_right(label_figure.chosen(found, wanted), *size)


def _pair(words: str) -> tuple[float, float]:
    try:
        low, high = (float(word) for word in words.split(","))
    except ValueError:
        raise UserError(f"--thresholds {words}: want two numbers, such as 1e-6,1e-1") from None
    return low, high


def _ids(words: str | None) -> list[int] | None:
    if words is None:
        return None
    found = [word.strip() for word in words.split(",")]
    if not all(word.isdigit() for word in found):
        raise UserError(f"--victims {words}: want ids, such as 0,3,5")
    return [int(word) for word in found]
