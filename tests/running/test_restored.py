"""Protects: a stored cell is scored with its own data and settings, and no class or folder is taken from its record."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from rescored_cells import ENGINE, IMAGES, STORED, cell_in, content, copied, rescore, run, scores

from bench.cli.main import main
from bench.config.compose import compose
from bench.errors import UserError
from bench.host.capacity import THREADS
from bench.results import query
from bench.running.cell import run_cell
from bench.running.rescore_request import Request
from bench.running.restored import composed, data_of, metric_nodes, numerics, restored

OWN = {"_target_": "bench.x.Y", "version": 1, "root": "/here/pictures", "size": 8, "part": {"_target_": "z", "a": 1}}


def pictures(root: Path, seed: int) -> Path:
    for kind in ("a", "b"):
        (root / kind).mkdir(parents=True)
        for number in range(2):
            noise = np.random.default_rng([seed, number, ord(kind)]).integers(0, 255, (12, 12), dtype=np.uint8)
            Image.fromarray(noise).save(root / kind / f"{number}.png")
    return root


@pytest.mark.slow
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


@pytest.mark.slow
def test_other_settings_of_a_stored_metric_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cell = run(tmp_path, *IMAGES, "metric=psnr")
    before = content(tmp_path)
    rescore(tmp_path, "metric.psnr.cap=50", code=1)
    assert "metric.psnr has other settings than its stored scores" in capsys.readouterr().out
    assert content(tmp_path) == before
    rescore(tmp_path, "+metric.psnr_50={_target_: bench.metrics.psnr.PeakSignalToNoiseRatio, cap: 5}")
    assert scores(cell_in(tmp_path))["psnr_50"] == [5.0] * 6 and cell.folder.exists()


@pytest.mark.slow
def test_no_class_is_taken_from_a_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A record may come from anybody: it must not choose what is called here."""
    cell = copied(tmp_path, *STORED, "metric=mse")
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


numbers = st.integers(-9, 9)
arguments = st.dictionaries(st.sampled_from("abc"), numbers | st.lists(numbers), min_size=1)


@settings(max_examples=30)
@given(arguments, arguments)
def test_settings_are_those_of_the_record_and_class_and_place_those_of_this_machine(
    here: dict[str, Any], there: dict[str, Any]
) -> None:
    """`data.root` is a place, so the record has only its last name."""
    fresh = {"_target_": "bench.x.Y", "version": 1, "root": "/here/pictures", **here}
    stored = {"_target_": "bench.other_room.Y", "version": 1, "root": "pictures", **there}
    if here.keys() == there.keys():
        found = restored("data", fresh, stored)
        assert found == fresh | there and found["_target_"] == "bench.x.Y" and found["root"] == "/here/pictures"
    else:  # the option has an argument that the stored cell was made without, or the other way round
        with pytest.raises(UserError, match="data is of another class, or takes other settings"):
            restored("data", fresh, stored)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"_target_": "bench.x.Z"}, "another class"),
        ({"_target_": "os.system"}, "another class"),
        ({"version": 2}, "another class"),  # the code here gives other numbers
        ({"size": {"_target_": "os.system"}}, "data.size names a class in the record"),
        ({"size": [[{"_target_": "os.system"}]]}, "data.size names a class in the record"),
        ({"size": {"deep": {"_target_": "os.system"}}}, "data.size names a class in the record"),
        ({"new": {"_target_": "os.system"}}, "another class"),
        ({"part": {"_target_": "os.system", "a": 1}}, "another class"),
        ({"part": 3}, None),
    ],
)
def test_a_record_chooses_no_class(change: dict[str, Any], says: str | None) -> None:
    stored = {**OWN, "root": "pictures", **change}
    if says is None:
        assert restored("data", OWN, stored) == {**OWN, **change}
    else:
        with pytest.raises(UserError, match=says):
            restored("data", OWN, stored)


def test_a_place_is_the_users_else_this_machines_else_that_of_the_record_if_it_is_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative place is stored as it was typed, so it is found from the same working folder."""
    stored = {**OWN, "root": "relative"}
    monkeypatch.chdir(tmp_path)
    assert restored("data", OWN, stored)["root"] == "/here/pictures"
    Path("relative").mkdir()
    assert restored("data", OWN, stored)["root"] == "relative"
    assert restored("data", OWN, stored, ("data.root",))["root"] == "/here/pictures"
    with pytest.raises(UserError, match=r"was read from 'words.txt'; say model.vocabulary.root=PLACE"):
        restored("model.vocabulary", {"_target_": "x", "root": None}, {"_target_": "x", "root": "words.txt"})


@pytest.mark.parametrize(
    ("words", "keys"),
    [
        (["metric=psnr"], ["psnr"]),
        (["metric.psnr.cap=50"], ["psnr"]),
        (["metric.psnr.cap=50", "metric.ssim.sigma=2", "metric.psnr.cap=60"], ["psnr", "ssim"]),
        (["data.root=/x", "trainer=cpu", "paths.weights=/y"], []),
    ],
)
def test_a_request_names_the_metrics_of_its_overrides(words: list[str], keys: list[str]) -> None:
    request = Request.of(words, None)
    cfg = composed(request, {"names": {"data": "samples (set=mnist)"}})
    assert request.named(cfg) == keys


@pytest.mark.parametrize("name", ["seed=1", "data=samples", "data.roots=/x", "model.root=/x", "threat=all"])
def test_a_request_cannot_change_what_was_attacked(name: str) -> None:
    with pytest.raises(UserError, match=f"^{name}: a stored cell keeps its settings"):
        Request.of(["metric=psnr", name], None)


@pytest.mark.parametrize("names", [None, {}, {"data": 3}, {"data": ""}, {"data": "../x"}])
def test_a_record_that_does_not_say_its_option_is_refused(names: Any) -> None:
    with pytest.raises(UserError, match="does not say which option of data it was made of"):
        composed(Request.of([], None), {"names": names})


@pytest.mark.parametrize(("wanted", "threads"), [(2, 2), (None, 1), (0, 1), (THREADS + 1, 1), (True, 1), ("2", 1)])
def test_numerics_are_those_of_the_run_and_are_given_back_after_a_fault(wanted: Any, threads: int) -> None:
    """Only a sensible number of threads is taken: a record may come from anybody."""
    products: Any = torch.backends.cuda.matmul
    before = (torch.get_num_threads(), products.allow_tf32, torch.backends.cudnn.allow_tf32)
    inside = None
    with suppress(RuntimeError), numerics({"threads": wanted, "tf32": not before[1]}):
        inside = (torch.get_num_threads(), products.allow_tf32, torch.backends.cudnn.allow_tf32)
        raise RuntimeError
    assert inside == (threads, not before[1], not before[1])
    assert (torch.get_num_threads(), products.allow_tf32, torch.backends.cudnn.allow_tf32) == before


LPIPS = {"_target_": "bench.metrics.lpips.LearnedPerceptualSimilarity", "net": "vgg", "size": 64, "weights": "/w"}
FOLDER = {"_target_": "bench.datamodules.folder.Folder", "root": "/home/jo/pictures", "size": None, "seed": 0}


def test_settings_are_those_of_the_record_and_folders_those_of_this_machine() -> None:
    stored = {
        **LPIPS,
        "size": 32,
        "weights": "elsewhere",
        "_target_": "bench.metrics.perceptual.LearnedPerceptualSimilarity",
    }
    assert restored("metric.lpips_vgg", LPIPS, stored) == {**LPIPS, "size": 32}


@pytest.mark.parametrize(
    "stored",
    [
        {**LPIPS, "_target_": "bench.metrics.lpips.Another"},
        {**LPIPS, "_target_": "os.system"},
        {**LPIPS, "more": 1},
        {key: value for key, value in LPIPS.items() if key != "size"},
    ],
)
def test_another_class_and_other_keys_are_refused(stored: dict) -> None:
    with pytest.raises(UserError, match="of another class, or takes other settings"):
        restored("metric.lpips_vgg", LPIPS, stored)


@pytest.mark.parametrize("value", [{"_target_": "os.system"}, [{"a": {"_target_": "os.system"}}]])
def test_a_class_in_a_setting_of_the_record_is_refused(value: object) -> None:
    with pytest.raises(UserError, match="classes are not taken from it"):
        restored("metric.lpips_vgg", LPIPS, {**LPIPS, "size": value})


def test_the_folder_of_the_data_is_the_users_else_that_of_the_option(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    stored = {**FOLDER, "root": "drawings"}
    assert restored("data", FOLDER, stored)["root"] == "/home/jo/pictures"
    (tmp_path / "drawings").mkdir()
    assert restored("data", FOLDER, stored)["root"] == "drawings"
    assert restored("data", FOLDER, stored, ("data.root",))["root"] == "/home/jo/pictures"


def test_a_vocabulary_is_never_read_from_where_a_record_says() -> None:
    fresh = {"_target_": "bench.models.text.vocabulary.Vocabulary", "root": None, "kind": "wordpiece", "size": 100}
    assert restored("model.vocabulary", fresh, {**fresh, "size": 50})["size"] == 50
    with pytest.raises(UserError, match=r"read from 'hub/name'; say model\.vocabulary\.root=PLACE"):
        restored("model.vocabulary", fresh, {**fresh, "root": "hub/name"})


def config_of(*overrides: str) -> dict:
    from omegaconf import OmegaConf

    found = OmegaConf.to_container(compose(list(overrides)), resolve=True)
    assert isinstance(found, dict)
    return found


def test_a_config_gives_the_data_and_the_metrics_of_its_cell() -> None:
    config = config_of(
        "data.set=mnist", "data.size=8", "data.batch_size=2", "data.seed=3", "metric=psnr", "metric.cap=50"
    )
    request = Request.of(["metric=ssim", "metric.sigma=2"], None)
    cfg = composed(request, config)
    nodes = metric_nodes(request, cfg, {"config": config})
    assert (nodes["psnr"]["cap"], nodes["ssim"]["sigma"]) == (50, 2)
    data, tokenizer = data_of(request, cfg, config)
    assert tokenizer is None and (data.shape, data.batch_size, data.seed) == ((1, 8, 8), 2, 3)


def test_the_numerics_of_a_run_hold_for_a_block() -> None:
    def state() -> tuple[int, bool, bool]:
        return torch.get_num_threads(), torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32

    before = state()
    with numerics({"threads": 2, "tf32": True}):
        assert state() == (2, True, True)
        with numerics({"threads": None, "tf32": False}):
            assert state() == (2, False, False)
        with numerics({"threads": 10**6}):  # a record of anybody
            assert state() == (2, False, False)
    assert state() == before
