"""Results of others can hold anything: `report` and `status` skip what they cannot read, with a sentence, and go on."""

import contextlib
import copy
import io
import json
import os
import shutil
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from bench.cli import status
from bench.cli.main import main
from bench.config.compose import compose
from bench.results import plans, query, store
from bench.results.failure import Failure, read_failure
from bench.results.kinds import KINDS
from bench.results.store import Store, load
from bench.results.stored_leak import StoredLeak
from bench.results.stored_training import StoredTraining
from bench.running.cell import run_cell

VALUES = [None, [], {}, "", "text", True, -1, 0.5, 10**30, 1e308, float("nan"), [[]], {"a": None}, "\x1b[2J\ud800"]


def training(root, defense, identity):
    labels = {"data": "samples-mnist", "model": "lenet", "defense": "none", "training": "held_out"}
    config = {"model": {"width": 12}, "training": {"lr": 0.1}, "defense": defense, "seed": 0}
    facts = {"labels": labels, "config": config, "schedule": "3 epochs", "defense": {"notes": []}}
    cell = Store(root).cell(StoredTraining, "none-mnist", identity, facts)
    row = {"run": 0, "status": "trained", "correct": 95, "tested": 100, "steps": 10, "seconds": 2.0}
    cell.append({**row, "bytes_per_step": 40, "sampling": "shuffle"})


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    """Two real cells that make a table of defences, one of sentences, two trainings, a plan, and failures."""
    root = tmp_path_factory.mktemp("foreign")
    general = ["attack=idlg", "attack.evaluations=2", "data.set=mnist", "data.victims=2", "metric=mse", "logger=none"]
    configs = [
        compose([*general, f"results={root}", "engine.compile=false", "engine.chunk=2", f"defense={defense}"])
        for defense in ("none", "gaussian")
    ]
    for cfg in configs:
        run_cell(cfg)
    plain = [OmegaConf.to_container(cfg, resolve=True) for cfg in configs]
    plans.write(root, "mine", [(StoredLeak, config) for config in plain])
    training(root, plain[0]["defense"], "c" * 16)
    training(root, plain[1]["defense"], "d" * 16)
    words = {"attack": "tag", "data": "sst2", "model": "bert_tiny", "defense": "none", "threat": "basic"}
    facts = {"labels": words, "data": {"modality": "sentences"}, "reasons": {"bleu": "none"}, "config": {"seed": 0}}
    spoken = Store(root).cell(
        StoredLeak, "tag-sst2", "b" * 16, {**facts, "paper": {"value": 1, "source": "x", "known": "read"}}
    )
    row = {"victim": 0, "position": 0, "sample": 1, "label": 1, "label_guess": 1, "rouge_1": 0.5, "exact_match": 0.0}
    trace = '[[0, "a"], [5, "b"]]'
    spoken.append(
        [{"victim": 0, "status": "budget", "batch_size": 1, "evaluations": 5}],
        [{**row, "text": "it works", "text_guess": "it", "text_trace": trace}],
    )
    Store(root).cell(StoredLeak, "tag-sst2", "e" * 16, facts).fail("error", "no")
    return root


def told(root: Path) -> str:
    """What the two commands print, whatever stands in the folder."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        for command in (["status", str(root)], ["report", str(root)]):
            assert main(command) == 0, out.getvalue()
    return out.getvalue()


def leaves(container, path=()):
    items = container.items() if isinstance(container, dict) else enumerate(container)
    for name, value in items:
        yield (*path, name)
        if isinstance(value, dict | list):
            yield from leaves(value, (*path, name))


def replaced(document, path, value):
    other = copy.deepcopy(document)
    place = other
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return other


def documents(root: Path) -> list[Path]:
    return sorted([*root.glob("cells/*/*.json"), *root.glob("plans/*.json")])


def everything(root: Path) -> list[tuple[Path, tuple, object]]:
    """`(document, leaf, other value)` for each leaf of each document, containers included."""
    found = []
    for path in documents(root):
        document = json.loads(path.read_text())
        found += [(path, place, value) for place in leaves(document) for value in VALUES]
    return found


def beside(root: Path, like: Path, number: int) -> Path:
    """The folder of a further cell of the same kind."""
    return root / "cells" / f"{like.parent.name.partition('-')[0]}-other-{number:016x}"


def add(root: Path, like: Path, number: int, text: str) -> None:
    """A further cell or plan beside `like`, whose document is `text`."""
    if like.parent.name == "plans":
        (root / "plans" / f"other{number}.json").write_text(text)
        return
    folder = beside(root, like, number)
    shutil.copytree(like.parent, folder)
    (folder / like.name).write_text(text)


BY_NAME = {kind.kind: kind for kind in KINDS}


def read(path: Path) -> None:
    """As the commands read it: the document, or a sentence that says why not."""
    if path.name == "failed.json":
        assert isinstance(read_failure(path.parent), Failure)
        return
    with contextlib.suppress(ValueError):
        if path.name == "cell.json":
            load(path.parent, BY_NAME[path.parent.name.partition("-")[0]])
        else:
            plans._load(path)


@pytest.mark.slow
def test_a_leaf_of_a_document_can_be_anything_to_its_reader(results: Path, tmp_path: Path) -> None:
    """One in 43 of all documents with another leaf, which meets each leaf's neighbourhood and, in turn, each value."""
    root = Path(shutil.copytree(results, tmp_path / "r"))
    cases = everything(root)[::43]
    assert len(cases) > 150 and {VALUES.index(value) for *_, value in cases if value == value} >= {*range(14)} - {10}
    for path, place, value in cases:
        before = path.read_text()
        path.write_text(json.dumps(replaced(json.loads(before), place, value)))
        read(path)
        path.write_text(before)


@pytest.mark.slow
def test_each_leaf_of_each_document_in_turn(results: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(results, tmp_path / "r"))
    for path in documents(root):
        document = json.loads(path.read_text())
        for place in leaves(document):
            for value in VALUES:
                path.write_text(json.dumps(replaced(document, place, value)))
                read(path)
        path.write_text(json.dumps(document))


EVERY = 560  # of some 6,800 documents


@pytest.mark.slow
@pytest.mark.parametrize("start", range(0, EVERY, 20))
def test_commands_go_on_beside_foreign_documents(results: Path, start: int, tmp_path: Path) -> None:
    """A dozen cells and plans of which one leaf is another, all at once beside those of ours."""
    root = Path(shutil.copytree(results, tmp_path / "r"))
    for number, (path, place, value) in enumerate(everything(results)[start::EVERY]):
        add(root, path, number, json.dumps(replaced(json.loads(path.read_text()), place, value)))
    shown = told(root)
    assert "idlg" in shown and "Traceback" not in shown and "\x1b" not in shown


def pipe(path: Path) -> None:
    os.mkfifo(path)


DAMAGES = {
    "a pipe": pipe,
    "a folder": Path.mkdir,
    "a loop": lambda path: path.symlink_to(path.name),
    "a link to nowhere": lambda path: path.symlink_to("nowhere"),
    "no bytes": Path.touch,
    "no text": lambda path: path.write_bytes(bytes(range(256))),
    "a list": lambda path: path.write_text("[1]"),
    "a number": lambda path: path.write_text("1" + "0" * 9000),
    "brackets": lambda path: path.write_text("[" * 100_000),
    "mappings": lambda path: path.write_text('{"a":' * 200 + "1" + "}" * 200),
    "another schema": lambda path: path.write_text('{"schema": {"a": 1}, "facts": {"labels": []}}'),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_document_is_skipped_with_a_sentence(damage: str, results: Path, tmp_path: Path) -> None:
    """In the place of a cell's and a failure's record, and of a plan: the rest is told of."""
    root = Path(shutil.copytree(results, tmp_path / "r"))
    for number, like in enumerate(documents(results)):
        add(root, like, number, "{}")
        other = root / "plans" / f"other{number}.json"
        if like.parent.name != "plans":
            other = beside(root, like, number) / like.name
        other.unlink()
        DAMAGES[damage](other)
    found = status.look(root)
    listing = query.cells(root)
    priced, strays = store.cells(root, StoredTraining)
    assert len(priced) == 2 and len(strays) == 2
    assert len(found.warnings) == len(listing.warnings) + len(strays) + 1  # the plan
    assert all(sentence.startswith("skipped ") and "\n" not in sentence for sentence in found.warnings + strays)
    whole = [cell for cell in listing.cells if "-other-" not in cell.folder.name]
    assert len(whole) == 4
    broken = [cell.failure for cell in listing.cells if "-other-" in cell.folder.name and cell.failure]
    assert damage in ("a link to nowhere",) or any("cannot be read" in failure.reason for failure in broken)
