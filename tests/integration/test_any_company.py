"""One identity means one set of rows: in any company, by any number of processes, extended or resumed (eager, CPU)."""

import pytest
import torch
from sentence_cells import QUICK as SENTENCES

from bench.cli.main import main
from bench.config.compose import compose
from bench.results import query
from bench.results.identity import identity
from bench.running.components import Components, build

EAGER = ["engine.compile=false", "engine.threads=1"]
TINY = [*EAGER, "data=samples", "data.set=mnist", "data.size=9", "model.width=3", "metric=mse", "logger=none"]
BRIEF = [*TINY, "attack.evaluations=9"]
ABOUT_THE_RUN = ("seconds", "rank", "started", "part", "stored", "host", "device", "commit", "versions")


def outcome(built: Components, ids: list[int]) -> dict[int, tuple]:
    """What is claimed for each victim, where just these are dealt to a process."""
    found = {}
    for claim in built.attack.reconstruct(built.client.share(built.data.deal(ids)), 0):
        for one in claim.each():
            counts = (one.iterations.item(), one.evaluations.item(), one.status[0], one.labels.tolist())
            numbers = [one.inputs, one.objective, *(one.trace[name] for name in sorted(one.trace))]
            found[int(one.ids)] = (counts, numbers)
    return found


def assert_identical(one: tuple, other: tuple, victim: int) -> None:
    """To the bit."""
    assert one[0] == other[0], victim
    for ours, theirs in zip(one[1], other[1], strict=True):
        assert torch.equal(ours.double().nan_to_num(1e300), theirs.double().nan_to_num(1e300)), victim


KINDS = {
    "idlg": ["attack=idlg"],
    "a chunk of five": ["attack=idlg", "engine.chunk=5"],
    "a chunk of one": ["attack=idlg", "engine.chunk=1"],
    "one model for all, a batch of two": [
        "attack=dlg",
        "data.batch_size=2",
        "model.per_victim=false",
        "engine.chunk=3",
    ],
    "Wolfe's rule, restarts": ["attack=idlg_wolfe", "attack.restarts=2", "attack.evaluations=8", "engine.chunk=3"],
    "Jacobians": ["attack=idlg_newton", "attack.evaluations=200", "engine.chunk=3"],
    "conjugate gradients": ["attack=idlg_newton", "attack.dense=0", "engine.chunk=3"],
    "Adam": ["attack=inverting_gradients_adam", "attack.evaluations=5", "engine.chunk=5"],
}


QUICK = ("idlg", "one model for all, a batch of two", "Adam")


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=() if kind in QUICK else pytest.mark.slow) for kind in KINDS]
)
def test_a_victims_result_is_the_same_to_the_bit_in_any_company(kind: str) -> None:
    """Odd sizes throughout, so that every batch has entries that fill no vector register."""
    built = build(compose([*BRIEF, *KINDS[kind]]))
    whole = outcome(built, [0, 1, 2, 3, 4, 5])
    for company in ([5, 1, 3], [4]):
        for victim, found in outcome(built, company).items():
            assert_identical(found, whole[victim], victim)


@pytest.mark.slow
def test_so_are_sentences_whose_starts_and_orders_are_searched() -> None:
    words = ["attack=lamp", "threat=surrogate", "attack.iterations=4", "attack.starts=2", "attack.permutations=2"]
    words += ["attack.edits.every=2", "attack.edits.tried=3", "engine.chunk=3", *SENTENCES]
    built = build(compose(words))
    whole = outcome(built, [0, 1, 2, 3])
    for victim, found in outcome(built, [3, 1]).items():
        assert_identical(found, whole[victim], victim)


def rows(folder) -> list[dict]:
    """Victims and samples as they are stored, without what is about time and place."""
    (cell,) = query.cells(folder).cells
    found = query.rows(cell)
    return [
        {key: value for key, value in row.items() if key not in ABOUT_THE_RUN}
        for table in (found.victims, found.samples)
        for row in table.to_pylist()
    ]


def stored(folder, *words: str) -> list[dict]:
    """The rows that the command leaves in the folder."""
    assert main(["run", *words, f"results={folder}", "--json"]) == 0
    return rows(folder)


@pytest.mark.slow
def test_a_cell_that_is_extended_holds_the_rows_of_one_that_was_not(tmp_path) -> None:
    """With every score; two victims, then six."""
    words = [*BRIEF, "attack=idlg", "metric=image", "~metric.lpips_alex", "~metric.lpips_vgg", "data.size=12"]
    stored(tmp_path / "extended", *words, "data.victims=2")
    assert stored(tmp_path / "extended", *words, "data.victims=6") == stored(
        tmp_path / "whole", *words, "data.victims=6"
    )


def test_a_chunk_that_is_asked_for_is_part_of_what_a_cell_is() -> None:
    """It decides how results are rounded; the other words about speed do not, or are not promised anything."""
    config = {"engine": {"chunk": None, "threads": None, "compile": "auto", "dtype": "float32", "tf32": False}}
    assert identity({"engine": {**config["engine"], "chunk": 2}}, {}) != identity(config, {})
    assert identity({"engine": {**config["engine"], "threads": 2, "compile": False}}, {}) == identity(config, {})


@pytest.mark.slow
@pytest.mark.parametrize("chunk", [None, 5])
def test_eight_hundred_evaluations_of_lenet_on_mnist(chunk, tmp_path) -> None:
    """Whole, extended and by two processes; what rounding makes of a path shows by then."""
    words = [
        *EAGER,
        "attack=idlg",
        "data=samples",
        "data.set=mnist",
        "metric=mse",
        "logger=none",
        "trainer.accelerator=cpu",
    ]
    words += [] if chunk is None else [f"engine.chunk={chunk}"]
    whole = stored(tmp_path / "whole", *words, "data.victims=6")
    assert len(whole) == 12
    stored(tmp_path / "extended", *words, "data.victims=2")
    assert stored(tmp_path / "extended", *words, "data.victims=6") == whole
    assert stored(tmp_path / "two", *words, "data.victims=6", "trainer=ddp", "trainer.devices=2") == whole
