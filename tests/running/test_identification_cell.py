"""Line-ups from config to store: resumed, refused, on record, and whoever attacks."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.cli.main import main
from bench.config.compose import compose
from bench.errors import NotApplicable
from bench.results import store
from bench.results.stored_identification import StoredIdentification
from bench.running.cell import record_failure, run_cell

QUICK = (
    "measure=identification", "logger=none", "data=folder", "data.size=6", "model.width=3", "model.strides=[1,1,1]",
    "trainer=cpu", "engine.threads=1",
)  # fmt: skip


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 101 images in two classes: as many as batches of two in a line-up of 100 need."""
    root = tmp_path_factory.mktemp("images")
    pixels = np.random.default_rng(0).integers(0, 256, (101, 6, 6), dtype=np.uint8)
    for number, values in enumerate(pixels):
        (root / f"class{number % 2}").mkdir(exist_ok=True)
        Image.fromarray(values).save(root / f"class{number % 2}" / f"{number:03d}.png")
    return root


@pytest.fixture
def run(images: Path):
    return lambda results, *asked: run_cell(compose([*QUICK, f"data.root={images}", f"results={results}", *asked]))


def stored(results: Path) -> StoredIdentification:
    ((cell,), _) = store.cells(results, StoredIdentification)
    return cell


def test_three_after_one_compute_two_and_whoever_attacks_the_cell_is_the_same(tmp_path: Path, run) -> None:
    asked = ("defense=dp_sgd", "data.batch_size=2")
    run(tmp_path, *asked, "data.victims=1")
    first = {path: path.read_bytes() for path in stored(tmp_path).parts.iterdir()}
    document = run(tmp_path, *asked, "data.victims=3", "attack=idlg", "threat=labels_known", "metric=psnr")
    assert all(path.read_bytes() == content for path, content in first.items())
    assert (document["victims"], document["candidates"], document["draws"], document["chance"]) == (3, 100, 16, 0.01)
    assert 0 <= document["picked"]["mean"] <= 0.5 and document["bound"] == pytest.approx(0.0924, abs=1e-3)


def test_without_a_defence_every_example_is_picked_out(tmp_path: Path, run) -> None:
    document = run(tmp_path, "data.victims=2")
    assert document["picked"]["mean"] == 1.0 and document["draws"] == 1 and document["bound"] is None


def test_a_data_set_that_is_too_small_is_refused_and_writes_nothing(tmp_path: Path, run) -> None:
    with pytest.raises(NotApplicable, match="has 101 images; a line-up of 100 beside batches of 3 needs 102"):
        run(tmp_path / "out", "data.batch_size=3")
    assert not (tmp_path / "out").exists()


def test_a_refusal_is_on_record_under_the_identity_of_the_cell(tmp_path: Path, images: Path) -> None:
    cfg = compose([*QUICK, f"data.root={images}", f"results={tmp_path}"])
    record_failure(cfg, "not_applicable", "it is too small")
    cell = stored(tmp_path)
    assert cell.failure is not None and cell.failure.reason == "it is too small" and "threat" not in cell.facts


def test_the_command_prints_the_rate_and_the_report_has_its_table(
    tmp_path: Path, images: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "out")
    asked = ["defense=dp_sgd", "data.victims=2", f"data.root={images}", f"results={out}"]
    assert main(["run", *QUICK, *asked]) == 0
    printed = capfd.readouterr().out
    assert "picked out, rate" in printed and "proven bound, rate" in printed
    assert main(["status", out, "--json"]) == 0
    status = json.loads(capfd.readouterr().out)
    assert [(cell["kind"], cell["labels"]["defense"]) for cell in status["cells"]] == [("identification", "dp_sgd")]
    assert main(["report", out]) == 0
    assert "private example" in (tmp_path / "out" / "identification.md").read_text()
