"""Protects: what `leakbench rescore` says and returns, and which of its words is the folder."""

import argparse
import json
from pathlib import Path

import pytest
from rescored_cells import STORED, cell_in, content, copied, rescore, run, scores

from bench.cli.main import main
from bench.cli.rescore import answer


def test_a_second_call_adds_nothing_and_writes_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    cell = copied(tmp_path, *STORED, "metric=mse")
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


def test_a_word_with_an_equals_sign_is_the_folder_if_there_is_such_a_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder may have any name; without it, the same word would be taken for an override that does not exist."""
    folder = tmp_path / "lr=0.1"
    assert main(["rescore", str(folder)]) == 2
    (folder / "cells").mkdir(parents=True)
    capsys.readouterr()
    assert main(["rescore", str(folder)]) == 0
    assert capsys.readouterr().out == "no attack is stored there\n"


@pytest.mark.slow
def test_without_a_folder_it_is_results_and_all_words_are_overrides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    copied(tmp_path / "results", *STORED, "metric=mse", "data.victims=1")
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    code, document = answer(argparse.Namespace(words=["metric=psnr", "trainer=cpu"], config_dir=None))
    (entry,) = document["cells"]
    assert (code, entry["added"]) == (0, {"psnr": 1}) and len(capsys.readouterr().out.splitlines()) == 1
    assert json.loads(json.dumps(document)) == document
    assert None not in scores(cell_in(tmp_path / "results"))["psnr"]


def test_one_cell_that_is_not_rescored_as_a_whole_makes_the_exit_code_1(tmp_path: Path) -> None:
    """A script has to see it, even if the other cells were rescored; the document says which cell it was."""
    whole = copied(tmp_path / "whole", *STORED, "metric=mse", "data.victims=1")
    run(tmp_path / "part", *STORED, "metric=mse", "data.victims=1", "report.reconstructions=none", "seed=1")
    (lost,) = (tmp_path / "part" / "cells").iterdir()
    lost.rename(whole.folder.parent / lost.name)
    words = argparse.Namespace(words=[str(tmp_path / "whole"), "metric=psnr", "trainer=cpu"], config_dir=None)
    code, document = answer(words)
    by_name = {Path(one["folder"]).name: one for one in document["cells"]}
    assert code == 1
    assert by_name[whole.folder.name]["reason"] == "" and by_name[whole.folder.name]["added"] == {"psnr": 1}
    assert "are not stored" in by_name[lost.name]["reason"] and by_name[lost.name]["added"] == {}
