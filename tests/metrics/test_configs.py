"""configs/metric: each file builds and spells out its arguments; image.yaml and text.yaml bring them in order."""

import inspect
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import get_class, instantiate
from omegaconf import OmegaConf

from bench.metrics.base import SampleMetric
from bench.metrics.scorer import Scorer

CONFIGS = Path(__file__).parents[2] / "configs"
ORDER = ["mse", "mse_raw", "psnr", "ssim", "lpips_alex", "lpips_vgg", "label_accuracy"]
TEXT = ["rouge_1", "rouge_2", "rouge_l", "exact_match", "token_accuracy", "bag_of_words", "token_set", "bleu"]
ROWS = ["cell_accuracy", "category_accuracy", "row_error"]
SERIES = ["series_error", "series_mse", "correlation"]
GROUPS = ("image", "text", "table", "series")
FILES = [path for path in sorted((CONFIGS / "metric").glob("*.yaml")) if path.stem not in GROUPS]


def composed(*overrides):
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        return compose(overrides=["+metric=image", "+paths.weights=weights", *overrides])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_argument_is_spelled_out(path):
    config = OmegaConf.load(path)
    arguments = inspect.signature(get_class(config._target_)).parameters
    assert set(config) - {"_target_"} == set(arguments)
    assert all(p.default is inspect.Parameter.empty for p in arguments.values())
    assert path.read_text().startswith("# ")


def test_image_brings_all_metrics_in_order_and_they_build():
    metrics = instantiate(composed().metric)
    assert list(metrics) == ORDER == [p for p in ORDER if CONFIGS / "metric" / f"{p}.yaml" in FILES]
    assert all(isinstance(metric, SampleMetric) for metric in metrics.values())
    assert metrics["mse"].clip and not metrics["mse_raw"].clip
    assert (metrics["lpips_alex"].net, metrics["lpips_vgg"].net) == ("alex", "vgg")


def test_text_brings_all_metrics_in_order_and_they_compare_sentences():
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        metrics = instantiate(compose(overrides=["+metric=text"]).metric)
    assert list(metrics) == [*TEXT, "label_accuracy"]
    assert {path.stem for path in FILES} == {*ORDER, *TEXT, *ROWS, *SERIES}
    assert [metrics[name].modality for name in TEXT] == ["sentences"] * len(TEXT)
    refused = dict.fromkeys(TEXT, "compares sentences; these are images (metric=image)")
    assert Scorer(metrics).inspect((3, 32, 32)) == refused
    assert [metric.reason((12,)) for metric in metrics.values()] == [None] * len(metrics)


@pytest.mark.parametrize(("group", "order", "kind"), [("table", ROWS, "rows"), ("series", SERIES, "series")])
def test_a_group_brings_all_metrics_in_order_and_they_compare_its_kind(group, order, kind):
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        metrics = instantiate(compose(overrides=[f"+metric={group}"]).metric)
    assert list(metrics) == [*order, "label_accuracy"]
    refused = dict.fromkeys(order, f"compares {kind}; these are images (metric=image)")
    assert Scorer(metrics).inspect((3, 32, 32)) == refused


def test_an_argument_can_be_overridden_and_a_metric_left_out():
    config = composed("metric.psnr.cap=60", "~metric.lpips_vgg").metric
    assert config.psnr.cap == 60 and "lpips_vgg" not in config
