"""Scores that are added later are those that the run itself would have stored, bit for bit; nothing else changes."""

import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
from rescored_cells import ENGINE, IMAGES, STORED, WORDS, cell_in, content, copied, rescore, run, scores

from bench.cli.main import main
from bench.results import parts, query, score_parts
from bench.running import rescore as rescoring
from bench.storage import lock


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


@pytest.mark.slow
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


@pytest.mark.slow
def test_more_victims_after_a_rescore_and_a_rescore_after_more_victims(tmp_path: Path) -> None:
    """A run says which scores its stored victims lack, and the metric that was added is one of the cell's."""
    copied(tmp_path, *STORED, "metric=mse", "data.victims=1")
    rescore(tmp_path, "metric=ssim")
    cell = run(tmp_path, *STORED, "metric=mse")
    assert [value is None for value in scores(cell)["ssim"]] == [False] * 2 + [True] * 4
    rescore(tmp_path)
    whole = run(tmp_path / "whole", *STORED, "metric=ssim")
    assert scores(cell_in(tmp_path))["ssim"] == scores(whole)["ssim"]


@pytest.mark.slow
def test_a_run_names_the_command_for_what_its_victims_lack(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tmp_path, *STORED, "metric=mse", "data.victims=2")
    capsys.readouterr()
    run(tmp_path, *STORED, "metric=ssim")
    said = "2 stored victims lack ssim, which can be computed now without an attack: leakbench rescore"
    err = " ".join(capsys.readouterr().err.split())
    assert err.count(said) == 1 and str(tmp_path) in err.replace(" ", "")
    rescore(tmp_path)
    capsys.readouterr()
    run(tmp_path, *STORED, "metric=ssim")
    assert "lack" not in capsys.readouterr().err


def test_lpips_is_added_once_its_weights_are_there(
    tmp_path: Path, shared_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = f"paths.weights={tmp_path / 'weights'}"
    cell = run(tmp_path / "later", *STORED, "metric=lpips_alex", weights)
    assert scores(cell) == {} and "no ImageNet weights" in cell.facts["reasons"]["lpips_alex"]
    capsys.readouterr()
    rescore(tmp_path / "later", weights)
    assert "nothing was missing; lpips_alex: no ImageNet weights" in capsys.readouterr().out
    shutil.copytree(shared_weights, tmp_path / "weights")
    assert "lack lpips_alex" in " ".join(
        (run(tmp_path / "later", *STORED, "metric=lpips_alex", weights), capsys.readouterr().err)[1].split()
    )
    rescore(tmp_path / "later", weights)
    later, at_once = cell_in(tmp_path / "later"), run(tmp_path / "at once", *STORED, "metric=lpips_alex", weights)
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


def test_without_reconstructions_the_reason_is_given(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tmp_path, *STORED, "metric=mse", "report.reconstructions=none")
    before = content(tmp_path)
    rescore(tmp_path)
    rescore(tmp_path, "metric=ssim", code=1)
    assert "the reconstructions of 3 victims are not stored" in capsys.readouterr().out
    assert content(tmp_path) == before


def test_an_interrupted_rescore_keeps_whole_parts_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copied(tmp_path, *STORED, "metric=mse")
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
    copied(tmp_path, *STORED, "metric=mse", "data.victims=1")
    held: list[Path] = []
    real = score_parts.write

    def write(folder: Path, rows: list) -> None:
        held.append(folder.parent)
        assert lock.holder(folder.parent) is not None
        real(folder, rows)

    monkeypatch.setattr(score_parts, "write", write)
    rescore(tmp_path, "metric=ssim")
    assert held == [cell_in(tmp_path).folder]


@pytest.mark.slow
def test_a_damaged_reconstruction_costs_its_victims_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copied(tmp_path, *STORED, "metric=mse", "data.victims=1")
    cell = run(tmp_path, *STORED, "metric=mse", "data.victims=2")
    part = dict(zip(*(query.victims(cell)[name].to_pylist() for name in ("victim", "part"))))[0]
    path = cell.parts / f"reconstructions-{part}.safetensors"
    damaged = bytearray(path.read_bytes())
    damaged[-30] ^= 1
    path.write_bytes(damaged)
    rescore(tmp_path, "metric=ssim", code=1)
    assert "checksum does not match" in capsys.readouterr().out
    assert [value is None for value in scores(cell_in(tmp_path))["ssim"]] == [True, True, False, False]
