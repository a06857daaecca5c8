"""Real time series: half of them public, the other half dealt, each channel by the statistics of the public half."""

import numpy as np
import pytest
from series_files import write_toy

from bench.errors import UserError


@pytest.fixture
def toy(build, tmp_path, monkeypatch):
    series = write_toy(tmp_path / "data", monkeypatch)
    data = build("series", set="toy", root=str(tmp_path / "data"), batch_size=5)
    data.setup()
    return data, series


def test_dealt_series_are_those_of_the_files_up_to_level_and_scale_of_each_channel(toy):
    data, series = toy
    public, private = data.divided(30)
    mean, deviation = (
        getattr(series[public].transpose(1, 0, 2).reshape(2, -1), of)(1)[:, None] for of in ("mean", "std")
    )
    victims = data.deal(range(20))
    assert victims.inputs.shape == (20, 5, 2, 8) and victims.columns is None
    dealt = victims.inputs.double().numpy().reshape(-1, 2, 8) * deviation + mean
    for one, place, label in zip(dealt, victims.samples.flatten(), victims.labels.flatten()):
        number = private[int(place)]
        assert np.allclose(one, series[number], atol=1e-5)  # float32 of numbers up to 30
        assert int(label) == (number if number < 20 else number - 20) % 2
    assert not set(public) & set(private) and len(public) == len(private) == 15
    assert np.allclose(data.mean_image, ((series[public] - mean) / deviation).mean(0), atol=1e-6)
    assert data.class_names == ("1", "second") and data.input_range == (-3.0, 3.0)
    assert "15 of the series of 'toy' are private" in data.remark and len(data.provenance["sha256"].split()) == 2


def test_which_series_are_public_does_not_depend_on_the_seed(build, toy, tmp_path):
    data, _ = toy
    other = build("series", set="toy", root=str(tmp_path / "data"), seed=7)
    other.setup()
    assert other.fingerprint == data.fingerprint
    fewer = build("series", set="toy", root=str(tmp_path / "data"), public_share=0.1)
    fewer.setup()
    assert len(fewer.pool) == 27 and fewer.fingerprint != data.fingerprint


def test_series_of_several_lengths_are_resampled_where_the_set_says_so(build, tmp_path, monkeypatch):
    write_toy(tmp_path / "data", monkeypatch, times=12)
    data = build("series", set="toy", root=str(tmp_path / "data"))
    data.setup()
    assert data.shape == (2, 12)


def test_what_is_lacking_is_told_in_one_line(build):
    with pytest.raises(UserError, match=r"^data 'series-BasicMotions' is not in .*; run: leakbench prepare series"):
        build("series", set="BasicMotions").setup()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"set": "GunPoint"}, "data.set=GunPoint: must be one of ItalyPowerDemand, JapaneseVowels, BasicMotions"),
        ({"public_share": 1}, "data.public_share=1: must be above 0 and below 1 .public series standardise"),
    ],
)
def test_refusals(build, changes, sentence):
    with pytest.raises(UserError, match=sentence):
        build("series", **changes)


def test_a_file_of_another_content_is_refused(build, toy, tmp_path):
    (tmp_path / "data" / "series" / "toy_TEST.ts").write_text("@data\n")
    with pytest.raises(UserError, match=r"toy_TEST\.ts: is truncated, corrupt or another version .*prepare series"):
        build("series", set="toy", root=str(tmp_path / "data")).setup()
