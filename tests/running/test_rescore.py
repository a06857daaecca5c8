"""Scores that are added later are those that the run itself would have stored, bit for bit; nothing else changes."""

import json
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sentence_cells import QUICK as SENTENCES

from bench.cli.main import main
from bench.config.compose import compose
from bench.results import parts, query, score_parts
from bench.results.stored_leak import StoredLeak
from bench.running import rescore as rescoring
from bench.running.cell import run_cell
from bench.storage import lock

ENGINE = ("logger=none", "trainer=cpu", "engine.threads=1", "engine.compile=false")
# Two images per batch, so that the reconstructions are assigned; after this seed the first victim's are swapped.
IMAGES = ("attack=dlg", "attack.evaluations=40", "data.set=mnist", "data.size=12", "data.batch_size=2")
IMAGES += ("data.victims=3", "engine.chunk=3", *ENGINE)
WORDS = (*SENTENCES, "attack.evaluations=4", "data.victims=2", "data.batch_size=2", "trainer=cpu")


def run(root: Path, *overrides: str) -> StoredLeak:
    run_cell(compose([*overrides, f"results={root}"]))
    return cell_in(root)


def cell_in(root: Path) -> StoredLeak:
    (cell,) = query.cells(root).cells
    return cell


def rescore(root: Path, *words: str, code: int = 0) -> None:
    assert main(["rescore", str(root), "trainer=cpu", *words]) == code


def content(root: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


def scores(cell: StoredLeak) -> dict[str, list[float | None]]:
    samples = query.samples(cell)
    return {name: samples[name].to_pylist() for name in sorted(parts.metric_names(samples))}


@pytest.mark.parametrize(
    ("words", "group", "first"), [(IMAGES, "image", "mse"), (WORDS, "text", "exact_match")], ids=["images", "sentences"]
)
def test_added_scores_are_those_of_a_run_bit_for_bit(
    tmp_path: Path, words: tuple[str, ...], group: str, first: str
) -> None:
    whole = run(tmp_path / "whole", *words, f"metric={group}", "paths.weights=/nowhere")
    part = run(tmp_path / "part", *words, f"metric={first}")
    assert list(scores(part)) == [first]
    before = query.rows(part)
    rescore(tmp_path / "part", f"metric={group}", "paths.weights=/nowhere", code=int(group == "image"))
    part = cell_in(tmp_path / "part")
    assert scores(part) == scores(whole) and len(scores(whole)) >= 5
    assert query.victims(part).equals(before.victims)
    assert query.samples(part).select(before.samples.column_names).equals(before.samples)
    for key, facts in part.facts["metrics"].items():
        assert facts == whole.facts["metrics"][key]
        assert part.facts["config"]["metric"][key] == whole.facts["config"]["metric"][key]


def test_the_images_of_a_batch_were_swapped_in_one_of_the_victims(tmp_path: Path) -> None:
    """The test above is about an assignment only if there is one."""
    cell = run(tmp_path, *IMAGES, "metric=mse_raw", "report.images=3")
    assigned = {one.victim: one.guess.astype(np.float32) for one in query.images(cell)}
    (path,) = parts.read(cell.parts).reconstructions.values()
    found = rescoring.read_reconstructions(path)
    raw = dict(zip(found["ids"].tolist(), found["inputs"]))
    orders = set()
    for victim, images in assigned.items():
        near = [[float(np.abs(np.clip(raw[victim][j], 0, 1) - image).max()) for j in (0, 1)] for image in images]
        orders.add(tuple(int(np.argmin(row)) for row in near))
    assert orders == {(0, 1), (1, 0)}


def test_a_second_call_adds_nothing_and_writes_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    cell = run(tmp_path, *IMAGES, "metric=mse")
    capfd.readouterr()
    rescore(tmp_path, "metric=ssim")
    assert capfd.readouterr().out.splitlines() == [f"{cell.folder.name}: added ssim of 3 victims"]
    before = content(tmp_path)
    for words in (["metric=ssim"], [], ["metric=mse"]):
        rescore(tmp_path, *words)
        assert capfd.readouterr().out.splitlines() == [f"{cell.folder.name}: nothing was missing"]
    assert content(tmp_path) == before
    assert main(["rescore", str(cell.folder), "trainer=cpu", "--json"]) == 0
    (entry,) = json.loads(capfd.readouterr().out)["cells"]
    assert (entry["added"], entry["reason"]) == ({}, "")


def test_more_victims_after_a_rescore_and_a_rescore_after_more_victims(tmp_path: Path) -> None:
    """A run says which scores its stored victims lack, and the metric that was added is one of the cell's."""
    run(tmp_path, *IMAGES, "metric=mse", "data.victims=1")
    rescore(tmp_path, "metric=ssim")
    cell = run(tmp_path, *IMAGES, "metric=mse")
    assert [value is None for value in scores(cell)["ssim"]] == [False] * 2 + [True] * 4
    rescore(tmp_path)
    whole = run(tmp_path / "whole", *IMAGES, "metric=ssim")
    assert scores(cell_in(tmp_path))["ssim"] == scores(whole)["ssim"]


def test_a_run_names_the_command_for_what_its_victims_lack(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tmp_path, *IMAGES, "metric=mse", "data.victims=2")
    capsys.readouterr()
    run(tmp_path, *IMAGES, "metric=ssim")
    said = "2 stored victims lack ssim, which can be computed now without an attack: leakbench rescore"
    err = " ".join(capsys.readouterr().err.split())
    assert err.count(said) == 1 and str(tmp_path) in err.replace(" ", "")
    rescore(tmp_path)
    capsys.readouterr()
    run(tmp_path, *IMAGES, "metric=ssim")
    assert "lack" not in capsys.readouterr().err


def test_lpips_is_added_once_its_weights_are_there(
    tmp_path: Path, shared_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = f"paths.weights={tmp_path / 'weights'}"
    cell = run(tmp_path / "later", *IMAGES, "metric=lpips_alex", weights)
    assert scores(cell) == {} and "no ImageNet weights" in cell.facts["reasons"]["lpips_alex"]
    capsys.readouterr()
    rescore(tmp_path / "later", weights)
    assert "nothing was missing; lpips_alex: no ImageNet weights" in capsys.readouterr().out
    shutil.copytree(shared_weights, tmp_path / "weights")
    assert "lack lpips_alex" in " ".join(
        (run(tmp_path / "later", *IMAGES, "metric=lpips_alex", weights), capsys.readouterr().err)[1].split()
    )
    rescore(tmp_path / "later", weights)
    later, at_once = cell_in(tmp_path / "later"), run(tmp_path / "at once", *IMAGES, "metric=lpips_alex", weights)
    assert later.folder.name == at_once.folder.name
    assert scores(later) == scores(at_once) and None not in scores(later)["lpips_alex"]
    assert later.facts["reasons"] == {} and later.facts["metrics"] == at_once.facts["metrics"]


def test_a_victim_without_a_reconstruction_has_no_scores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's loss is not a number for half of the classes."""
    (tmp_path / "loss_with_a_hole.py").write_text(HOLE)
    monkeypatch.syspath_prepend(str(tmp_path))
    words = ["model.loss=loss_with_a_hole:half", "attack=idlg", "attack.evaluations=3", "data.set=mnist"]
    words += ["data.size=12", "data.victims=4", "engine.chunk=2", *ENGINE]
    cell = run(tmp_path / "out", *words, "metric=mse")
    ends = query.victims(cell)["status"].to_pylist()
    assert "nonfinite" in ends and "budget" in ends
    rescore(tmp_path / "out", "metric=ssim")
    found = scores(cell_in(tmp_path / "out"))
    assert [value is None for value in found["ssim"]] == [end == "nonfinite" for end in ends]
    assert [value is None for value in found["mse"]] == [end == "nonfinite" for end in ends]


HOLE = """
import torch


def half(logits, targets):
    return torch.nn.functional.cross_entropy(logits, targets) * torch.where(targets % 2 == 0, float("nan"), 1.0).mean()
"""


def pictures(root: Path, seed: int) -> Path:
    for kind in ("a", "b"):
        (root / kind).mkdir(parents=True)
        for number in range(2):
            noise = np.random.default_rng([seed, number, ord(kind)]).integers(0, 255, (12, 12), dtype=np.uint8)
            Image.fromarray(noise).save(root / kind / f"{number}.png")
    return root


def test_data_of_the_users_own_are_named_and_other_data_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    general = ["attack=noise", "data.victims=2", *ENGINE, "metric=mse"]
    own, other = pictures(tmp_path / "own" / "set", 0), pictures(tmp_path / "other", 1)
    cell = run(tmp_path / "out", "data=folder", "data.channels=1", f"data.root={own}", *general)
    run_cell(compose(["data=samples", "data.set=mnist", *general, f"results={tmp_path / 'out'}"]))
    before = content(cell.parts)
    capsys.readouterr()
    for place, says in (([f"data.root={other}"], "are other data than those that were attacked"), ([], "not exist")):
        rescore(tmp_path / "out", "metric=ssim", *place, code=1)
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) == 2 and sum("not rescored: " in line for line in lines) == 1
        (line,) = [line for line in lines if line.startswith(cell.folder.name)]
        assert says in line
        assert content(cell.parts) == before and "ssim" not in (cell.folder / "cell.json").read_text()
    rescore(tmp_path / "out", "metric=ssim", f"data.root={own}")
    (found,) = [one for one in query.cells(tmp_path / "out").cells if one.folder == cell.folder]
    assert None not in scores(found)["ssim"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["metric=sism"], "no metric 'sism' in configs/metric; did you mean 'ssim'?"),
        (["metric.ssim.sgima=2"], "sgima"),
        (["metric.nothing.cap=2"], "nothing"),
        (["attack=dlg"], "a stored cell keeps its settings"),
        (["data.seed=1"], "a stored cell keeps its settings"),
        (["twice"], "one folder too many"),
        (["--victims"], "no option '--victims'"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    tmp_path: Path, words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cells").mkdir()
    assert main(["rescore", str(tmp_path), *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert says in line


def test_other_settings_of_a_stored_metric_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cell = run(tmp_path, *IMAGES, "metric=psnr")
    before = content(tmp_path)
    rescore(tmp_path, "metric.psnr.cap=50", code=1)
    assert "metric.psnr has other settings than its stored scores" in capsys.readouterr().out
    assert content(tmp_path) == before
    rescore(tmp_path, "+metric.psnr_50={_target_: bench.metrics.psnr.PeakSignalToNoiseRatio, cap: 5}")
    assert scores(cell_in(tmp_path))["psnr_50"] == [5.0] * 6 and cell.folder.exists()


def test_without_reconstructions_the_reason_is_given(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tmp_path, *IMAGES, "metric=mse", "report.reconstructions=none")
    before = content(tmp_path)
    rescore(tmp_path)
    rescore(tmp_path, "metric=ssim", code=1)
    assert "the reconstructions of 3 victims are not stored" in capsys.readouterr().out
    assert content(tmp_path) == before


def test_an_interrupted_rescore_keeps_whole_parts_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tmp_path, *IMAGES, "metric=mse")
    real, calls = rescoring._reconstruction, []

    def asked_to_leave(*arguments):
        calls.append(arguments[1])
        if len(calls) == 2:
            signal.raise_signal(signal.SIGTERM)
        return real(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(rescoring, "_reconstruction", asked_to_leave)
        assert main(["rescore", str(tmp_path), "trainer=cpu", "metric=ssim"]) == 143
    cell = cell_in(tmp_path)
    kept = scores(cell)["ssim"]
    assert 0 < sum(value is not None for value in kept) < len(kept) and query.rows(cell).warnings == []
    rescore(tmp_path)  # the metric is on record, so it need not be named again
    found = scores(cell_in(tmp_path))["ssim"]
    assert None not in found and [a for a, b in zip(found, kept) if b is not None] == [b for b in kept if b is not None]


def test_it_waits_for_the_lock_of_the_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tmp_path, *IMAGES, "metric=mse", "data.victims=1")
    held: list[Path] = []
    real = score_parts.write

    def write(folder: Path, rows: list) -> None:
        held.append(folder.parent)
        assert lock.holder(folder.parent) is not None
        real(folder, rows)

    monkeypatch.setattr(score_parts, "write", write)
    rescore(tmp_path, "metric=ssim")
    assert held == [cell_in(tmp_path).folder]


def test_no_class_is_taken_from_a_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A record may come from anybody: it must not choose what is called here."""
    cell = run(tmp_path, *IMAGES, "metric=mse")
    record = cell.folder / "cell.json"
    whole = json.loads(record.read_text())
    bait = {"_target_": "pathlib.Path.touch", "self": str(tmp_path / "bait")}

    def changed(*path: str, value: object) -> None:
        document = json.loads(json.dumps(whole))
        place = document["facts"]["config"]
        for name in path[:-1]:
            place = place[name]
        place[path[-1]] = value
        record.write_text(json.dumps(document))

    for path, value in (
        (("metric", "mse", "_target_"), "os.system"),
        (("metric", "mse", "clip"), bait),
        (("metric", "bait"), bait),
        (("data", "_target_"), "os.system"),
        (("data", "label_rule"), [bait]),
        (("data", "label_rule"), {"a": bait}),
        (("names", "data"), "samples data.set=mnist"),
        (("names",), {}),
    ):
        changed(*path, value=value)
        code = main(["rescore", str(tmp_path), "trainer=cpu", "metric=ssim"])
        line = capsys.readouterr().out
        assert code == (0 if path == ("names", "data") else 1), (path, line)
        assert not (tmp_path / "bait").exists()


def test_a_damaged_reconstruction_costs_its_victims_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tmp_path, *IMAGES, "metric=mse", "data.victims=1")
    cell = run(tmp_path, *IMAGES, "metric=mse", "data.victims=2")
    part = dict(zip(*(query.victims(cell)[name].to_pylist() for name in ("victim", "part"))))[0]
    path = cell.parts / f"reconstructions-{part}.safetensors"
    damaged = bytearray(path.read_bytes())
    damaged[-30] ^= 1
    path.write_bytes(damaged)
    rescore(tmp_path, "metric=ssim", code=1)
    assert "checksum does not match" in capsys.readouterr().out
    assert [value is None for value in scores(cell_in(tmp_path))["ssim"]] == [True, True, False, False]
