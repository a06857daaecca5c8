"""A cell that fails is kept on record with its reason, told by the exit code, and forgotten when it succeeds."""

import json
import signal
from pathlib import Path

import own_suites
import pytest

from bench.cli.main import main
from bench.config.compose import compose
from bench.host import signals
from bench.results import query
from bench.running.cell import record_failure
from bench.running.executor import attempt

CELL = ["data=samples", "data.set=mnist", "data.size=8", "data.victims=3", "logger=none", "metric=mse"]
CELL += ["engine.threads=1", "engine.compile=false", "engine.chunk=2"]
GREEDY = ["attack=noise", "attack._target_=faulty_parts_of_a_user.Greedy", "attack.control=false"]
IDLG = ["attack=idlg", "attack.evaluations=4"]
PARTS = '''
"""What a user may bring: an attack that wants too much memory, a model and a loss with faults."""
import torch
from bench.attacks.controls import Noise
from bench.models.lenet import LeNet

BYTES, CALLS = 10**15, [0]


class Greedy(Noise):
    def reconstruct(self, seen, seed):
        torch.empty(BYTES, dtype=torch.uint8)
        yield from super().reconstruct(seen, seed)


class Fragile(torch.nn.Module):
    def __init__(self, shape, classes):
        super().__init__()
        self.last = torch.nn.Linear(shape[0] * shape[1] * shape[2], classes)

    def forward(self, x):
        CALLS[0] -= 1
        if CALLS[0] == 0:
            raise RuntimeError("the fuse\\nhas blown")
        return self.last(x.flatten(1))


def hole(logits, targets):
    return torch.nn.functional.cross_entropy(logits, targets) * float("nan")
'''


@pytest.fixture
def faulty(tmp_path, monkeypatch):
    """The module of a user."""
    (tmp_path / "faulty_parts_of_a_user.py").write_text(PARTS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    import faulty_parts_of_a_user

    return faulty_parts_of_a_user


def run(capfd, *words):
    """Exit code, JSON document, and the last line on stderr."""
    code = main(["run", *CELL, *words, "--json", "results=out"])
    out, err = capfd.readouterr()
    return code, json.loads(out), err.splitlines()[-1]


def reported(capfd):
    """The leaderboard as it is printed, and as markdown without its escapes."""
    assert main(["report", "out"]) == 0
    return capfd.readouterr().out, Path("out/leaderboard.md").read_text().replace("\\", "")


@pytest.mark.slow
def test_out_of_memory_everywhere_is_a_failed_cell_and_tried_again(faulty, capfd, monkeypatch):
    code, document, last = run(capfd, *GREEDY)
    reason = "out_of_memory: the device ran out of memory (all 3 victims failed)"
    assert code == 1 and document["reasons"]["cell"] == reason and last == f"leakbench: failed: {reason}"
    assert document["victims"] == document["failures"] == 3
    assert all(reason in page for page in reported(capfd))
    monkeypatch.setattr(faulty, "BYTES", 8)
    code, document, _ = run(capfd, *GREEDY)
    assert code == 0 and document["failures"] == 0 and document["mse"]["n"] == 3 and "cell" not in document["reasons"]


@pytest.mark.slow
def test_not_finite_everywhere_is_a_failed_cell_and_not_tried_again(faulty, capfd):
    words = [*IDLG, "model.loss=faulty_parts_of_a_user:hole"]
    for _ in range(2):
        code, document, _ = run(capfd, *words)
        assert code == 1 and document["failures"] == 3
        assert document["reasons"]["cell"].startswith("nonfinite: the objective or its gradient was not finite")
    (cell,) = query.cells("out").cells
    assert len(list(cell.parts.glob("victims-*"))) == 1  # the second run computed nothing


def test_an_exception_in_a_users_model_keeps_what_is_finished(faulty, capfd):
    words = [*IDLG, "model=custom", "model.target=faulty_parts_of_a_user:Fragile"]
    faulty.CALLS[0] = 0
    assert run(capfd, *words, "seed=1")[0] == 0
    calls = -faulty.CALLS[0]
    faulty.CALLS[0] = calls - 1  # the last evaluations are those of the third victim
    code, document, last = run(capfd, *words, "seed=2")
    reason = "RuntimeError: the fuse has blown"
    assert code == 1 and document == {"failed": reason} and last == f"leakbench: failed: {reason}"
    cell = next(cell for cell in query.cells("out").cells if cell.failure)
    assert cell.done() == {0, 1} and cell.failure.reason == reason
    for page in reported(capfd):
        assert f"error: {reason}" in page
    code, document, _ = run(capfd, *words, "seed=2")
    assert code == 0 and document["victims"] == 3
    assert not any(cell.failure for cell in query.cells("out").cells)


LEAVING = """import sys

import torch
from torch import nn

HOW = {"exit": lambda: sys.exit(0), "interrupt": lambda: (_ for _ in ()).throw(KeyboardInterrupt)}


class Net(nn.Module):
    def __init__(self, how, after, shape, classes):
        super().__init__()
        self.fc, self.how, self.left = nn.Linear(shape[1] * shape[2], classes), how, after

    def forward(self, x):
        self.left -= 1
        if self.left < 0:
            HOW[self.how]()
        return self.fc(x.flatten(1)).sigmoid()
"""
GRID = """# models that end the program, and one cell that does not
overrides:
  - data.victims=2
  - data.size=8
  - logger=none
  - metric=mse
  - data.set=mnist
  - model=custom
  - model.target=leaving_of_a_user:Net
  - model.arguments.how=exit
  - model.arguments.after=1
grid: [[model.arguments.how=exit, model.arguments.how=interrupt], [attack=noise]]
also: [attack=noise model.arguments.after=1000000]
"""


@pytest.fixture
def leaving(tmp_path, monkeypatch):
    """A user's models that call `sys.exit(0)`, or raise what Ctrl-C raises, at their nth evaluation."""
    (tmp_path / "leaving_of_a_user.py").write_text(LEAVING)
    (tmp_path / "a_script_of_a_user.py").write_text("import sys\n\nsys.exit(0)\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_a_model_that_ends_the_program_is_a_failed_cell(leaving, workers):
    code, document = own_suites.run(GRID, "results=out", f"executor.workers={workers}")
    assert code == 1
    assert [cell["victims"] for cell in document["cells"]] == [2]
    reasons = sorted(document["failed"].values())
    assert len(reasons) == 2
    assert reasons[0].startswith("KeyboardInterrupt: ") and reasons[1].startswith("SystemExit: 0 ")
    assert all("raised by the cell" in reason for reason in reasons)
    kept = [cell.failure.reason for cell in query.cells("out").cells if cell.failure]
    assert sorted(kept) == reasons


@pytest.mark.slow
@pytest.mark.parametrize(("how", "after"), [("exit", 1), ("interrupt", 1), ("exit", 40), ("interrupt", 40)])
def test_a_model_that_ends_the_program_fails_a_single_run(leaving, capfd, how, after):
    """In the probe, and in the midst of Lightning's loop, which makes an exit of an interrupt and turns SIGINT off."""
    before = signal.getsignal(signal.SIGINT)
    words = ["model=custom", "model.target=leaving_of_a_user:Net", "attack=dlg", "data.set=mnist"]
    words += [f"model.arguments.how={how}", f"model.arguments.after={after}", "attack.evaluations=50"]
    code, document, last = run(capfd, *words)
    assert code == 1 and last == f"leakbench: failed: {document['failed']}"
    assert "raised by the cell" in document["failed"]
    assert signal.getsignal(signal.SIGINT) == before
    assert [cell.failure.reason for cell in query.cells("out").cells] == [document["failed"]]


def test_a_script_that_ends_on_import_is_one_line(leaving, capfd):
    words = ["run", *CELL, "data.set=mnist", "results=out", "model=custom", "model.target=a_script_of_a_user:Net"]
    assert main(words) == 2
    assert capfd.readouterr().err.splitlines() == [
        "leakbench: model.target='a_script_of_a_user:Net': cannot import 'a_script_of_a_user': SystemExit: 0"
    ]


def test_an_interrupt_that_nobody_hears_goes_through():
    """Where signals are not ours (a notebook) KeyboardInterrupt is the user's."""

    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        attempt(interrupted)
    with signals.listening(lambda number: None):
        assert attempt(interrupted).reason.startswith("KeyboardInterrupt: ")


SUITE = """# sentences under a defence that cannot protect them, and a price that there is none of
overrides: [data=sentences, data.victims=2, logger=none, metric=exact_match, engine.threads=1, executor.workers=1,
  attack=noise, data.tokens=10, model.layers=1, model.width=16, model.feed_forward=16, model.vocabulary.size=1500]
grid:
  - [defense=none, defense=soteria]
utility: [training=held_out]
"""


@pytest.mark.slow
def test_a_suite_of_sentences_keeps_on_record_what_does_not_apply(tmp_path, monkeypatch):
    """The tokeniser is part of such a cell's identity; a price that cannot be is told, and stops nobody."""
    monkeypatch.chdir(tmp_path)
    code, document = own_suites.run(SUITE, "results=out")
    assert code == 0
    assert [cell["victims"] for cell in document["cells"]] == [2] and document["failed"] == {}
    reasons = document["not_applicable"]
    reason = reasons.pop("defense=soteria")
    assert reason.startswith("defense Soteria takes the derivative of features by the input")
    assert len(reasons) == 2 and all("trains classifiers of images" in why for why in reasons.values())
    (refused,) = [cell for cell in query.cells("out").cells if cell.failure]
    assert refused.failure.reason == reason and refused.facts["data"] == {"modality": "sentences"}
    page = Path("out/leaderboard.md").read_text()
    assert page.count("## Sentences, threat model") == 1 and "Soteria takes the derivative" in page
    assert main(["status", "out"]) == 0


def test_a_failure_beside_a_damaged_record_is_told_and_the_record_left(tmp_path: Path) -> None:
    """A suite goes on: the cell failed because its record cannot be read, and there is nowhere to keep that."""
    cfg = compose(["attack=mean", *CELL, f"results={tmp_path}"])
    record_failure(cfg, "error", "first")
    (cell,) = query.cells(tmp_path).cells
    (cell.folder / "cell.json").write_text("[")
    record_failure(cfg, "error", "second")
    assert (cell.folder / "cell.json").read_text() == "["
    assert cell.failure is not None and cell.failure.reason == "first"
