"""What an attack returned is stored of every victim, as it was returned."""

import shutil
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_cells import QUICK as SENTENCES

from bench.config.compose import compose
from bench.errors import UserError
from bench.results import parts, query, reconstruction_parts
from bench.results.reconstruction_parts import read_reconstructions
from bench.results.stored_leak import StoredLeak
from bench.running.cell import run_cell
from bench.running.components import build

CELL = ("attack=dlg", "attack.evaluations=3", "data.set=mnist", "data.size=8", "data.batch_size=2", "data.victims=3")
CELL += ("metric=mse", "report.images=1", "logger=none", "trainer=cpu", "engine.threads=1", "engine.compile=false")
DISK = namedtuple("DISK", "total used free")


def run(root: Path, *overrides: str) -> StoredLeak:
    run_cell(compose([*overrides, f"results={root}"]))
    (cell,) = query.cells(root).cells
    return cell


def stored(cell: StoredLeak) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """`{victim: (inputs, labels)}` of all parts."""
    files = [read_reconstructions(path) for path in parts.read(cell.parts).reconstructions.values()]
    return {v: pair for file in files for v, *pair in zip(file["ids"].tolist(), file["inputs"], file["labels"])}


@pytest.mark.parametrize("words", [CELL, (*SENTENCES, "data.victims=2", "metric=exact_match", "attack.evaluations=3")])
def test_every_victim_has_what_the_attack_returned_bit_for_bit(tmp_path: Path, words: tuple[str, ...]) -> None:
    cell = run(tmp_path, *words)
    cfg = compose([*words, f"results={tmp_path}"])
    made = build(cfg)
    ids = list(range(made.data.victims))
    made.engine.victims = len(ids)
    seen = made.client.share(made.data.deal(ids))
    returned = {int(one.ids): one for piece in made.attack.reconstruct(seen, cfg.seed) for one in piece.each()}
    found = stored(cell)
    assert sorted(found) == ids
    for victim, (inputs, labels) in found.items():
        assert torch.equal(torch.from_numpy(inputs).to(returned[victim].inputs.dtype), returned[victim].inputs[0])
        assert labels.tolist() == returned[victim].labels[0].tolist()


def test_none_keeps_none_and_is_the_same_cell(tmp_path: Path) -> None:
    cell = run(tmp_path, *CELL, "report.reconstructions=none")
    assert stored(cell) == {} and cell.done() == {0, 1, 2}
    assert sorted(stored(run(tmp_path, *CELL, "data.victims=4"))) == [3]
    with pytest.raises(UserError, match=r"report\.reconstructions"):
        compose(["report.reconstructions=some"])


@pytest.mark.slow
def test_a_metric_that_cannot_be_computed_has_no_column(tmp_path: Path) -> None:
    cell = run(tmp_path, *CELL, "metric=image", "paths.weights=/nowhere")
    columns = query.samples(cell).column_names
    assert "label_accuracy" in columns and not {"lpips_alex", "lpips_vgg"} & set(columns)


@pytest.mark.slow
def test_large_reconstructions_are_announced_and_refused_if_they_do_not_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three victims with two images of 64 numbers take 1,536 bytes."""
    words = [*CELL, f"results={tmp_path / 'out'}"]
    monkeypatch.setattr(reconstruction_parts, "LARGE", 1536)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: DISK(2000, 500, 1535))
    with pytest.raises(UserError, match=r"reconstructions of this cell take .* report\.reconstructions=none"):
        run_cell(compose(words))
    assert not (tmp_path / "out").exists()
    run_cell(compose([*words, "report.reconstructions=none", "data.victims=1"]))
    assert "of disk" not in capsys.readouterr().err
    run_cell(compose([*words, "data.victims=2"]))  # one is stored, so there is less to say
    assert "of disk" not in capsys.readouterr().err
    monkeypatch.setattr(shutil, "disk_usage", lambda path: DISK(2000, 500, 1536))
    run_cell(compose([*words, f"results={tmp_path / 'other'}"]))
    assert capsys.readouterr().err.count("the reconstructions of this cell take") == 1
