"""`leakbench audit`: audits one training step of a module of the user's own."""

import argparse
import re
from pathlib import Path
from typing import Any

from bench.cli.output import Answer, show
from bench.errors import UserError

HELP = """Attacks the gradient of one training step of your own module, on the first examples of the first batch of your
own data, and says what comes back (docs/audit-in-training.md). MODULE and --data are import paths, and the working
folder is importable. A LightningModule computes its own training_step; any other module needs --loss. Nothing is
written but the page of --html, which shows private examples unless --no-pictures is given.

  KEY=VALUE    defense=gaussian defense.std=0.1 threat=labels_known metric=psnr seed=1 (leakbench list defenses)

examples:
  leakbench audit my_pkg.module:Model --data my_pkg.data:DataModule --checkpoint last.ckpt
  leakbench audit my_pkg.module:Model --data my_pkg.data:DataModule --html audit.html --defenses gaussian,pruning,dp_sgd
  leakbench audit my_pkg.nets:Net --loss torch.nn.functional:cross_entropy --data my_pkg.data:loader --budget 300
  leakbench audit my_pkg.module:Model --data my_pkg.data:DataModule --range=-1,1 defense=gaussian --json"""
_LISTS = ("range", "mean", "std")  # options that are numbers separated by commas


def add_options(command: argparse.ArgumentParser) -> None:
    """Adds the options of the command to its parser."""
    add = command.add_argument
    add("words", metavar="MODULE | KEY=VALUE", nargs="*", help="pkg.mod:Name, and what to change, see below")
    add("--data", metavar="PATH", help="pkg.mod:Name of a LightningDataModule, or of a function that returns a loader")
    add("--checkpoint", metavar="FILE", help="weights; without it they are as the module draws them")
    add("--loss", metavar="PATH", help="pkg.mod:name of a function of (output, targets), if the module has none")
    add("--examples", metavar="N", type=int, default=4, help="of the batch (default: 4)")
    add("--inputs", metavar="NAME", help="the private inputs in the batch, where it is not seen")
    add("--targets", metavar="NAME", help="the targets in the batch, where it is not seen")
    add("--kind", metavar="KIND", help="images, signals, tables or sequences (default: by their dimensions)")
    for name, words in (("range", "pixels before a normalisation"), ("mean", "what is subtracted"), ("std", "divisor")):
        add(f"--{name}", metavar="NUMBERS", help=f"{words}, with commas, such as --{name}=-1,1; see bench.audit")
    add("--categories", metavar="COLUMNS", help="of rows of a table, one category each: --categories=3-5,6-7")
    add("--attack", metavar="NAME", help="default: strongest, an ensemble")
    add("--defenses", metavar="A,B", help="further audits behind each of these defences")
    add("--budget", metavar="SECONDS", type=float, default=60.0, help="of one audit (default: 60)")
    add("--html", metavar="FILE", type=Path, help="write a page with all of it")
    add("--no-pictures", action="store_false", dest="pictures", help="leave private examples out of the page")


def answer(arguments: argparse.Namespace) -> Answer:
    """Audits the step, prints the report, and writes its page if one was asked for.

    Args:
        arguments: see `add_options`.

    Returns:
        The exit code 0, and the document that `--json` prints (`bench.auditing.report.Audit.to_dict`).

    Raises:
        UserError: an option is wrong, or the step cannot be audited; nothing is written.
    """
    paths, overrides = _divided(arguments.words)
    if len(paths) != 1 or arguments.data is None:
        raise UserError(
            "leakbench audit takes one module and its data: leakbench audit pkg.mod:Model --data pkg.mod:Data"
        )
    if arguments.examples < 1 or not arguments.budget > 0:
        raise UserError("leakbench audit: --examples and --budget must be > 0")
    if arguments.html is not None and arguments.html.expanduser().is_dir():
        raise UserError(f"--html {arguments.html}: is a folder; want a file")
    settings, others = _settings(arguments), _chosen(overrides)

    import pytorch_lightning as pl  # torch takes seconds, so a mistake is told before

    from bench.auditing.audit import audit
    from bench.auditing.first_examples import first_examples
    from bench.auditing.from_paths import batch_of, module_of
    from bench.models.custom import locate

    pl.seed_everything(others["seed"], verbose=False)
    module = module_of(paths[0], arguments.checkpoint)
    loss: Any = None if arguments.loss is None else locate(arguments.loss, "--loss")
    batch = first_examples(batch_of(arguments.data), arguments.examples, arguments.inputs)
    report = audit(module, batch, loss=loss, budget=arguments.budget, **settings, **others)
    show(str(report))
    if arguments.html is not None:
        page = report.to_html(arguments.html, arguments.pictures)
        show(f"wrote {page}{' (it shows private examples)' if arguments.pictures else ''}")
    return 0, report.to_dict()


def _divided(words: list[str]) -> tuple[list[str], list[str]]:
    """Import paths, and overrides."""
    return [word for word in words if "=" not in word], [word for word in words if "=" in word]


def _chosen(overrides: list[str]) -> dict[str, Any]:
    """The arguments of `bench.audit` that overrides give: the defence and the seed by themselves, and all others.

    Raises:
        UserError: one of them is an option of the command.
    """
    found: dict[str, Any] = {"seed": 0, "overrides": []}
    for word in overrides:
        key, _, value = word.partition("=")
        if key in ("attack", "data", "budget", "model"):
            name = "MODULE" if key == "model" else f"--{key} {value}"
            raise UserError(f"leakbench audit: {word}: want {name} (leakbench audit --help)")
        if key == "seed" and not value.isdigit():
            raise UserError(f"leakbench audit: {word}: want a whole number")
        if key in ("defense", "seed"):
            found[key] = int(value) if key == "seed" else value
        else:
            found["overrides"].append(word)
    return found


def _settings(arguments: argparse.Namespace) -> dict[str, Any]:
    """The options that `bench.audit` takes as they are."""
    found: dict[str, Any] = {name: getattr(arguments, name) for name in ("inputs", "targets", "kind", "attack")}
    for name in _LISTS:
        words = getattr(arguments, name)
        found[name] = None if words is None else _numbers(name, words)
    if found["range"] is not None and len(found["range"]) != 2:
        raise UserError(f"--range {arguments.range}: want two numbers, such as --range=0,255")
    found["categories"] = [] if arguments.categories is None else _columns(arguments.categories)
    found["defenses"] = [] if arguments.defenses is None else [word.strip() for word in arguments.defenses.split(",")]
    return found


def _columns(words: str) -> list[list[int]]:
    """The columns of each category: `3-5,6-7` is [[3, 4, 5], [6, 7]]."""
    found = [re.fullmatch(r"(\d+)-(\d+)", word.strip()) for word in words.split(",")]
    if not all(found):
        raise UserError(f"--categories {words}: want the first and the last column of each, such as 3-5,6-7")
    return [list(range(int(one[1]), int(one[2]) + 1)) for one in found if one]


def _numbers(name: str, words: str) -> tuple[float, ...]:
    try:
        return tuple(float(word) for word in words.split(","))
    except ValueError:
        raise UserError(f"--{name} {words}: want numbers, such as --{name}=0.5,0.5") from None
