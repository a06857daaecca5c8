"""Files of series: against a plain parser, on a small text and on the real files where they have been prepared."""

import re
from pathlib import Path

import numpy as np
import pytest

from bench.datamodules.series_sets import SETS
from bench.datamodules.ts_file import read_ts
from bench.errors import UserError

TEXT = """# a comment: with, colons
@problemName Small
@timeStamps false
@univariate false
@dimensions 2
@classLabel true calm busy

@data
1,2.5,-3e-1:4,5,6:busy
0.5:7:calm
"""


@pytest.fixture
def file(tmp_path):
    def write(text):
        path = tmp_path / "small.ts"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def plainly(path: Path) -> list[tuple[list[list[str]], str]]:
    """Channels of words and the class of each line behind `@data`, by one regular expression per line."""
    lines = path.read_text(encoding="utf-8").partition("@data\n")[2].splitlines()
    found = [re.fullmatch(r"(?P<values>[^a-zA-Z]*(?:[eE][-+]?\d[^a-zA-Z]*)*):(?P<label>\w+)\s*", one) for one in lines]
    assert all(found)
    return [([channel.split(",") for channel in one["values"].split(":")], one["label"]) for one in found if one]


def check_against_plain(path: Path) -> int:
    read, plain = read_ts(path), plainly(path)
    assert read.labels == [label for _, label in plain]
    for series, (words, _) in zip(read.series, plain, strict=True):
        assert np.array_equal(series, np.array(words).astype(np.float64))
    return len(plain)


def test_lines_of_several_lengths_are_read(file):
    read = read_ts(file(TEXT))
    assert [series.tolist() for series in read.series] == [[[1, 2.5, -0.3], [4, 5, 6]], [[0.5], [7]]]
    assert read.labels == ["busy", "calm"] and read.class_names == ("calm", "busy")
    assert check_against_plain(file(TEXT)) == 2


def test_one_channel_needs_no_word_in_the_header(file):
    read = read_ts(file("@classLabel true 1 2\n@data\n1,2:1\n"))
    assert read.series[0].tolist() == [[1, 2]]


@pytest.mark.parametrize(("name", "counts"), [("ItalyPowerDemand", (67, 1029)), ("JapaneseVowels", (270, 370))])
def test_real_files_are_read_like_a_plain_parser_reads_them(name, counts, shared_data):
    folder = shared_data / "series"
    if not folder.is_dir():
        pytest.skip(f"the files of aeon are not in {folder} (leakbench prepare series paths.data={shared_data})")
    assert tuple(check_against_plain(file.checked(folder, "")) for file in SETS[name].files) == counts


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (TEXT.replace("2.5", "?"), "small.ts:9: want channels of equally many finite numbers"),
        (TEXT.replace("2.5", "nan"), "small.ts:9: want channels of equally many finite numbers"),
        (TEXT.replace("4,5,6", "4,5"), "small.ts:9: want channels of equally many finite numbers"),
        (TEXT.replace("0.5:7:calm", "0.5:calm"), "want series of 2 channels .* got 1 channels and the class 'calm'"),
        (TEXT.replace(":busy", ":loud"), "of the classes calm, busy, got 2 channels and the class 'loud'"),
        (TEXT.replace("@timeStamps false", "@timeStamps true"), "want labelled series without time stamps"),
        (TEXT.replace("@classLabel true calm busy", "@classLabel false"), "want labelled series"),
        (TEXT.replace("@data\n", ""), "small.ts:8: want a line of the header, which ends with @data, got '1,2.5"),
        (TEXT.partition("1,2.5")[0], "has no series behind @data"),
        (TEXT.replace("@dimensions 2", "@dimensions two"), "@dimensions: want a number of channels, got 'two'"),
    ],
)
def test_a_damaged_file_is_named(file, text, sentence):
    with pytest.raises(UserError, match=sentence):
        read_ts(file(text))
