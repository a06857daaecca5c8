"""Classes and folders come from this machine, settings from the record, and what does not agree is refused."""

from pathlib import Path

import pytest
import torch

from bench.config.compose import compose
from bench.errors import UserError
from bench.running.restored import Request, composed, data_of, metric_nodes, numerics, restored

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
