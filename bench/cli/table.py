"""`leakbench table`: a table for a paper, in LaTeX, Markdown, CSV or HTML, and the BibTeX of what it uses."""

import argparse
from pathlib import Path
from typing import Any

from bench.cli.output import Answer, say, show
from bench.errors import UserError

FORMATS = ("tex", "md", "csv", "html")
HELP = r"""Prints a table of a results folder, or writes it to a file whose ending says the format (.tex, .md, .csv,
.html). The LaTeX is a fragment to \input, which needs booktabs and nothing else. A preset (configs/table/NAME.yaml)
says what is shown, and options change it. The best figure of a group is bold only if the paired sign-flip test over
the same victims separates it from every other row of the group. Rows that it does not separate share a rank.

examples:
  leakbench table --format md
  leakbench table results -o table.tex --bib table.bib
  leakbench table --columns attack,success_1e-2,psnr,ssim --rows data=samples-cifar10 --rows attack=idlg,dlg
  leakbench table --preset wide --seeds mean --intervals pm --precision 2 -o wide.tex
  leakbench table --preset mine --config-dir my_configs      (my_configs/table/mine.yaml)
  leakbench list tables                                      the presets"""


def add_options(command: argparse.ArgumentParser) -> None:
    """Adds the options of the command to its parser."""
    add = command.add_argument
    add("folder", metavar="DIR", nargs="?", type=Path, default=Path("results"), help="default: results")
    add("--preset", metavar="NAME", default="default", help="a file of configs/table (default: default)")
    add("--format", choices=FORMATS, help="default: the ending of the file, else tex")
    add("-o", "--output", metavar="FILE", type=Path, help="write the table there instead of printing it")
    add("--bib", metavar="FILE", type=Path, help="write the papers that the table uses there")
    add("--columns", metavar="A,B", help="text columns and metrics, from left to right")
    add(
        "--rows",
        metavar="KEY=A,B",
        action="append",
        help="only these, in this order (repeatable)",
    )
    add("--group", metavar="A,B", help="what the rows of a group have in common")
    add("--sort", metavar="COLUMN", help="what rows are ranked and sorted by")
    add("--order", choices=("best", "worst"), help="which row comes first")
    add("--best", choices=("attack", "defense", "none"), help="whose success is bold")
    add("--precision", metavar="N", type=int, help="digits after the point")
    add("--intervals", choices=("small", "pm", "none"), help="small type, plus and minus, or none")
    add("--seeds", choices=("each", "mean"), help="a row per seed, or the mean over seeds")
    add("--width", choices=("one", "two"), help="columns of the article that the table spans")
    add("--caption", metavar="TEXT", help="the caption")
    add("--label", metavar="NAME", help=r"the name for \ref")
    add("--cite", action="store_true", default=None, help=r"a \cite behind the name of each attack")


def answer(arguments: argparse.Namespace) -> Answer:
    """Builds the table and prints or writes it.

    Args:
        arguments: see `add_options`.

    Raises:
        UserError: an option is wrong, or there are no results.
    """
    from bench.report import bibliography, csv_file, fragment, plain_table
    from bench.report.paper_table import paper_table
    from bench.report.table_options import options
    from bench.report.table_rows import table_rows
    from bench.results import query
    from bench.storage.atomic import write_text

    kind = _format(arguments)
    chosen = options(arguments.preset, _given(arguments), arguments.config_dir)
    listing = query.cells(arguments.folder.expanduser())
    keys = bibliography.cited(table_rows(listing.cells, chosen)) if chosen.cite else {}
    table = paper_table(listing, chosen, keys)
    for warning in table.warnings:
        say(warning)
    texts = {
        "tex": fragment.text,
        "md": plain_table.markdown_text,
        "html": plain_table.html_text,
        "csv": lambda found: csv_file.text(found.flat),
    }
    text = texts[kind](table)
    files = {}
    if arguments.bib is not None:
        used, unknown = bibliography.used(table.used, chosen.columns)
        for attack in unknown:
            say(f"no paper is known of attack {attack}: it has no entry in {arguments.bib}")
        files[arguments.bib.expanduser()] = bibliography.text(used)
    if arguments.output is not None:
        files[arguments.output.expanduser()] = text
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, content)
    if arguments.output is None:
        show(text.rstrip("\n"))
    for path in files:
        (show if arguments.output is not None else say)(f"wrote {path}")
    return 0, {"format": kind, "table": text, "files": [str(path) for path in files]}


def _format(arguments: argparse.Namespace) -> str:
    ending = arguments.output.suffix.removeprefix(".") if arguments.output is not None else ""
    if arguments.format is not None:
        return arguments.format
    if ending and ending not in FORMATS:
        raise UserError(f"{arguments.output}: the ending says no format; use .{', .'.join(FORMATS)} or --format")
    return ending or "tex"


def _given(arguments: argparse.Namespace) -> dict[str, Any]:
    """The options that were given, under the keys of a preset."""
    found = {key: getattr(arguments, key) for key in ("sort", "order", "precision", "intervals", "seeds", "width")}
    found |= {key: getattr(arguments, key) for key in ("caption", "label", "cite")}
    for key in ("columns", "group"):
        value = getattr(arguments, key)
        found[key] = None if value is None else [word.strip() for word in value.split(",") if word.strip()]
    if arguments.rows:
        found["rows"] = dict(choice(words) for words in arguments.rows)
    found = {key: value for key, value in found.items() if value is not None}
    return found | ({"best": None if arguments.best == "none" else arguments.best} if arguments.best else {})


def choice(words: str) -> tuple[str, list[str]]:
    """A word of `--rows`: `attack=idlg,dlg`.

    Raises:
        UserError: it has no such form.
    """
    key, equals, names = words.partition("=")
    if not equals or not names:
        raise UserError(f"--rows {words}: want KEY=A,B, such as attack=idlg,dlg")
    return key, names.split(",")
