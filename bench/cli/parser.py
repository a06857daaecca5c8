"""The subcommands and options of the command line, and their help texts.

This file imports nothing heavy, so that `--help` answers at once.
"""

import argparse
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from bench import __version__
from bench.cli import audit, compare, dashboard, export, figure, import_entry, merge, show, sync, table, verify
from bench.config.suggest import did_you_mean
from bench.errors import UserError
from bench.speed import options as speed_options

TOP = """examples:
  leakbench suite quick                           attacks and controls on three sets of real images, within minutes
  leakbench run attack=idlg data=samples          one cell: one attack on one data set
  leakbench train data=mnist defense=pruning      what a defence costs: a classifier trained under it
  leakbench status                                how far the work in results/ has come
  leakbench report                                the leaderboard of everything in results/
  leakbench view                                  opens its page: sort, filter, and see what came back
  leakbench table -o table.tex --bib table.bib    a table for a paper
  leakbench compare 'idlg mnist' 'dlg mnist'      two cells on the same victims
  leakbench show 'idlg mnist'                     one cell, with its images
  leakbench figure success                        a figure for a paper
  leakbench export results -o entry.zip           results as one file (then: leakbench import, merge)
  leakbench sync                                  uploads what was told to W&B offline
  leakbench rescore metric=ssim                   another score of everything in results/, without attacking again
  leakbench audit my_pkg.module:Model --data my_pkg.data:DataModule     whether a training of your own leaks
  leakbench list attacks                          all attacks (likewise data, models, suites, metrics, ...)
  leakbench list idlg                             one of them: its paper, what it needs, its settings
  leakbench prepare                               which data sets are on this machine
  leakbench speed                                 the engine against the published loop, on this machine

leakbench COMMAND --help explains each command."""

RUN = """A cell is one attack on the gradients that many victims share of one model. Overrides choose its parts:

  group=option        attack=idlg data=cifar100 model=resnet20     (leakbench list attacks, data, models, ...)
  group.key=value     data.victims=16 attack.lr=0.5 seed=1         (the keys are in configs/GROUP/OPTION.yaml)
  results=DIR         the folder that everything is written to (default: results)

examples:
  leakbench run attack=idlg data=samples data.set=mnist data.victims=8
  leakbench run attack=dlg data=folder data.root=pictures data.victims=32 --json
  leakbench run model=custom model.target=mypackage.nets:Net data=cifar10
  leakbench run attack=mine --config-dir my_configs        (my_configs/attack/mine.yaml)
  leakbench run debug=fast                                 two victims, a small budget, no logger
  leakbench run attack=idlg --cfg                          the resolved config as YAML; nothing is run
  leakbench run attack=dlg,idlg seed=0,1,2                 six cells and their leaderboard

A key with several values, separated by commas, makes a grid of cells that is run like a suite; all cells are checked
before the first one runs (docs/suites.md). range(0,5) stands for 0,1,2,3,4. A comma within quotes or brackets, and one
in the name of a folder, separates nothing.

A stored victim is not computed again. A value with spaces or brackets needs two pairs of quotes:
'data.root="my pictures"'."""

TRAIN = """Trains a classifier several times and tests it. In place of the gradient, each step uses what a client shares
under the defence. Reports the accuracy that is left, the time and bytes per step, and epsilon if the defence has one.

  training=option     held_out (default) or official           (leakbench list training)
  training.key=value  training.epochs=10 training.runs=3       (the keys are in configs/training/OPTION.yaml)

examples:
  leakbench train data=mnist defense=pruning
  leakbench train data=mnist model.activation=tanh model.init_range=null defense=dp_sgd defense.noise_multiplier=2
  leakbench train data=cifar10 model=resnet20 training=official --json
  leakbench train data=mnist defense=dp_sgd --cfg          the resolved config as YAML; nothing is trained

A stored run is not trained again. The attack, the threat model and the metrics have no effect here."""

SUITE = """A suite is a grid of cells (configs/suite/NAME.yaml). All cells are checked before the first one runs. A cell
that fails is recorded and does not stop the others. If you name a group's option, it replaces the suite's own choice.

examples:
  leakbench suite quick
  leakbench suite quick attack=idlg results=only_idlg      only iDLG, on each of the suite's data sets
  leakbench suite published data.victims=32
  leakbench suite quick --cfg                              the resolved config of each cell; nothing is run
  leakbench suite published data.victims=32 seed=0,1,2     the whole grid once per seed
  leakbench list suites"""

RESCORE = """Scores the stored reconstructions again and attacks nothing. DIR is a results folder (default: results) or
the folder of one cell. Without a metric, each cell gets the scores that it was to have and lacks, such as LPIPS, whose
weights were not on the machine. A stored score is never replaced, and a second call adds nothing.

  metric=NAME         this metric, or set of metrics, in addition      (leakbench list metrics)
  metric.KEY.ARG=...  a metric with other settings, for cells that do not have it yet
  data.root=PATH      where your own data are: a record does not hold the folders of the machine
  paths.weights=DIR   where the weights of LPIPS are (likewise paths.data, model.vocabulary.root)
  trainer=cpu         computes on the processor                         (leakbench list trainers)

The data must be those that were attacked, which a hash tells. A cell that cannot be rescored is named with the reason,
the others are rescored, and the exit code is 1. Cells with report.reconstructions=none have nothing to score.

examples:
  leakbench rescore                                        after leakbench prepare lpips: LPIPS for cells without it
  leakbench rescore results metric=ssim
  leakbench rescore results metric=mine --config-dir my_configs     (my_configs/metric/mine.yaml)
  leakbench rescore runs/pictures data.root=pictures --json"""

STATUS = """Reads the results folder without disturbing the processes that write to it. A cell is done, running (a
process holds it), failed, not applicable, unfinished (it was begun, but no process works on it) or missing (a suite
planned it, but it was not begun). To complete unfinished and missing cells, repeat the command that began them.

examples:
  leakbench status
  leakbench status results --failed                        only what failed, with the reasons
  leakbench status results --json
  watch leakbench status /shared/results"""

REPORT = """Writes leaderboard.md, .csv, .tex, one picture per cell and index.html into the results folder; prints the
leaderboard. index.html is one page with everything in it (leakbench view).

examples:
  leakbench report
  leakbench report results --json
  leakbench report --no-pictures                           no private example in any file; older files stay"""

VIEW = """Opens index.html, which `leakbench report` wrote, in a browser. If this machine has no screen, serves it on
127.0.0.1, which other machines cannot reach, until Ctrl-C. From a laptop: ssh -L 8000:127.0.0.1:8000 MACHINE, then
leakbench view --serve --port 8000 on the machine.

examples:
  leakbench view
  leakbench view results
  leakbench view results --serve --port 8000"""

PREPARE = """Without a name, prints what this machine has and what it lacks. With names, fetches these. No other command
downloads anything, except a model that you name on a hub (model=huggingface). `lpips` stands for the two ImageNet
backbones that LPIPS is built on, `text` for the weights of MiniLM, and `efficientnet_lite0`
for those of that model.

examples:
  leakbench prepare
  leakbench prepare mnist cifar10 lpips
  leakbench prepare svhn data.split=train paths.data=/big/disk
  leakbench prepare lpips --try                            a warning, not an error, if it cannot be fetched"""

LIST = """examples:
  leakbench list                                           the groups
  leakbench list attacks
  leakbench list idlg                                      one attack: its paper, what it needs, its settings
  leakbench list metric=bag_of_words                       a name that is in several groups
  leakbench list data --config-dir my_configs              all data sets, your own included
  leakbench list dlg --json                                the same for a program"""

COMPLETION = """Prints a script. In a shell that has read it, the TAB key completes commands, options, groups, and the
names in a group. The names are those that leakbench has at the moment, those in --config-dir DIR included.

examples:
  source <(leakbench completion bash)                      in ~/.bashrc
  source <(leakbench completion zsh)                       in ~/.zshrc, behind compinit
  leakbench completion fish > ~/.config/fish/completions/leakbench.fish"""


class Parser(argparse.ArgumentParser):
    """An argparse parser that answers each mistake with one line."""

    def error(self, message: str) -> NoReturn:
        """Turns argparse's message into one line, instead of printing a usage text.

        Raises:
            UserError: always.
        """
        choice = re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)", message)
        if choice:
            words = [word.strip(" '") for word in choice[2].split(",")]
            what = re.match(r"argument ([^:]+):", message)
            kind = "command" if what is None or what[1] == "COMMAND" else f"{what[1]}"
            raise UserError(f"no {kind} {choice[1]!r}{did_you_mean(choice[1], words)} (there are {', '.join(words)})")
        if message.startswith("the following arguments are required: NAME"):
            raise UserError(f"{self.prog} needs a NAME (leakbench list suites)")
        raise UserError(f"{message} ({self.prog} --help)")


def parser() -> tuple[Parser, dict[str, Parser]]:
    """Builds the parser, and the parsers of the commands as `{command: parser}`."""
    top = _parser(None, "leakbench", "Measures how much private training data leaks through shared gradients.", TOP)
    top.add_argument("--version", action="version", version=f"leakbench {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND")
    run = _parser(commands, "run", "run one cell", RUN)
    _overrides(run)
    run.add_argument("--multirun", action="store_true", help="run as a suite, even if only one cell is named")
    run.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)  # an executor sends cells on stdin
    train = _parser(commands, "train", "train a classifier under a defence: what it costs", TRAIN)
    _overrides(train)
    suite = _parser(commands, "suite", "run a grid of cells and print the leaderboard", SUITE)
    suite.add_argument("name", metavar="NAME", help="a suite (leakbench list suites)")
    _overrides(suite)
    rescore = _parser(commands, "rescore", "add scores to stored reconstructions, without an attack", RESCORE)
    rescore.add_argument("words", metavar="DIR | KEY=VALUE", nargs="*", help="the folder, and what to add, see below")
    status = _parser(commands, "status", "say how far the work in a results folder has come", STATUS)
    status.add_argument("--failed", action="store_true", help="only the cells that failed, each with the reason")
    report = _parser(commands, "report", "write and print the leaderboard of a results folder", REPORT)
    report.add_argument(
        "--no-pictures", action="store_false", dest="pictures", help="leave private examples out of every file"
    )
    view = _parser(commands, "view", "open the page of a results folder", VIEW)
    view.add_argument("--serve", action="store_true", help="serve it on 127.0.0.1, even if there is a browser")
    view.add_argument("--port", type=int, default=0, metavar="N", help="the port to serve on; default: any free one")
    for command in (status, report, view):
        command.add_argument(
            "folder", metavar="DIR", nargs="?", type=Path, default=Path("results"), help="default: results"
        )
    _own(commands, "audit", "audit a training step of your own module", audit)
    _own(commands, "table", "print a table for a paper", table)
    _own(commands, "compare", "compare two cells on the same victims", compare)
    _own(commands, "show", "show one cell in the terminal", show)
    _own(commands, "figure", "draw a figure for a paper", figure)
    prepare = _parser(commands, "prepare", "fetch data sets and weights, or say what is lacking", PREPARE)
    prepare.add_argument("names", metavar="NAME", nargs="*", help="data sets, lpips, text, and overrides (key=value)")
    prepare.add_argument("--try", action="store_true", dest="forgiving", help="go on if something cannot be fetched")
    listing = _parser(commands, "list", "list the attacks, data, models, suites, ..., or explain one of them", LIST)
    listing.add_argument("what", metavar="WHAT", nargs="?", help="a group (attacks, data, ...), or one option (idlg)")
    _own(commands, "export", "write cells as one file for another laboratory", export)
    _own(commands, "import", "add the cells of such a file to a results folder", import_entry)
    _own(commands, "merge", "add the cells of several results folders to one", merge)
    _own(commands, "verify", "attack some stored victims again and mark the row", verify)
    _own(commands, "sync", "upload the offline runs of a results folder to W&B", sync)
    _own(commands, "dashboard", "make a W&B workspace and a W&B report", dashboard)
    speed = _parser(commands, "speed", "measure the engine against the published loop", speed_options.HELP)
    _overrides(speed)
    speed_options.add_options(speed)
    for command in (run, train, suite):
        command.add_argument("--cfg", action="store_true", help="print the resolved config as YAML and run nothing")
    completion = _parser(commands, "completion", "print a script that completes words in your shell", COMPLETION)
    completion.add_argument("shell", metavar="SHELL", help="bash, zsh or fish")
    completion.add_argument("words", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)  # the script sends the words
    found = commands.choices
    for name in found.keys() - {"view", "prepare", "completion"}:
        found[name].add_argument("--json", action="store_true", help="one JSON document on stdout, all else on stderr")
    for name in ("run", "train", "suite", "rescore", "report", "prepare", "list", "speed", "table", "verify"):
        found[name].add_argument("--config-dir", metavar="DIR", type=Path, help="a folder with options of your own")
    for name in found.keys() - {"list", "completion"}:
        found[name].add_argument("--verbose", action="store_true", help="print the libraries' own messages too")
    return top, found


def _own(commands: Any, name: str, summary: str, body: ModuleType) -> None:
    """Adds a command whose file says its help and its options."""
    body.add_options(_parser(commands, name, summary, body.HELP))


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """Parses the command line; options and overrides may come in any order.

    Args:
        argv: the words after `leakbench`; None takes those of this process.

    Raises:
        UserError: a word is not understood; the sentence names the nearest match.
        SystemExit: help or the version was asked for and has been printed.
    """
    top, commands = parser()
    arguments, extras = top.parse_known_args(sys.argv[1:] if argv is None else argv)
    if arguments.command is None:
        if extras:
            near = did_you_mean(extras[0], list(top._option_string_actions))
            raise UserError(f"no option {extras[0]!r}{near} (leakbench --help)")
        top.print_help()
        raise SystemExit(0)
    options = [option for option in commands[arguments.command]._option_string_actions if option.startswith("--")]
    for extra in extras:
        if extra.startswith("-"):
            name = extra.partition("=")[0]
            raise UserError(f"no option {name!r}{did_you_mean(name, options)} (leakbench {arguments.command} --help)")
        # argparse takes the positionals up to the first option; those after it are added here.
        _further(arguments, extra)
    return arguments


def _further(arguments: argparse.Namespace, word: str) -> None:
    taken = getattr(arguments, "overrides", None)
    for further in ("names", "words"):
        taken = getattr(arguments, further, None) if taken is None else taken
    if taken is None:
        raise UserError(f"{word!r} is one word too many (leakbench {arguments.command} --help)")
    taken.append(word)


def _overrides(command: Parser) -> None:
    command.add_argument("overrides", metavar="KEY=VALUE", nargs="*", help="what to change, see below")


def _parser(commands: "argparse._SubParsersAction[Parser] | None", name: str, help_: str, text: str) -> Parser:
    shape = argparse.RawDescriptionHelpFormatter
    if commands is None:
        return Parser(prog=name, description=help_, epilog=text, formatter_class=shape, allow_abbrev=False)
    sentence = f"{help_[0].upper()}{help_[1:]}."
    return commands.add_parser(
        name, help=help_, description=sentence, epilog=text, formatter_class=shape, allow_abbrev=False
    )
