"""`leakbench table`: what it prints, what it writes, and that a mistake leaves nothing behind."""

import json
from pathlib import Path

import pytest
from paper_cells import add_cell

from bench.cli.main import main


@pytest.fixture
def root(tmp_path: Path) -> Path:
    add_cell(tmp_path / "r", "dlg", [1e-4] * 8)
    add_cell(tmp_path / "r", "mine", [1e-2] * 8)
    return tmp_path / "r"


def test_it_prints_what_is_asked_for(root: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["table", str(root), "--format", "md", "--columns", "attack,psnr", "--rows", "attack=dlg"]) == 0
    out = capsys.readouterr().out
    assert "| dlg | 40.0" in out and "mine" not in out


def test_the_ending_says_the_format_and_bib_names_what_it_lacks(root: Path, tmp_path: Path, capsys) -> None:
    files = {kind: tmp_path / "out" / f"t.{kind}" for kind in ("tex", "md", "csv", "html")}
    for path in files.values():
        assert main(["table", str(root), "-o", str(path), "--bib", str(tmp_path / "t.bib"), "--cite"]) == 0
    starts = {kind: path.read_text().lstrip()[:6] for kind, path in files.items()}
    assert starts == {"tex": "% A ta", "md": "What a", "csv": "attack", "html": "<style"}
    assert "@inproceedings{zhu2019deep," in (tmp_path / "t.bib").read_text()
    assert "no paper is known of attack mine" in capsys.readouterr().err


def test_json(root: Path, capfd: pytest.CaptureFixture) -> None:
    assert main(["table", str(root), "--format", "csv", "--json"]) == 0
    document = json.loads(capfd.readouterr().out)
    assert document["format"] == "csv" and document["table"].startswith("attack,")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--columns", "atack"], "no column 'atack'; did you mean 'attack'"),
        (["--rows", "attack"], "--rows attack: want KEY=A,B"),
        (["--preset", "wid"], "did you mean 'wide'"),
        (["--precision", "99"], "want 0 to 12 digits"),
        (["-o", "t.pdf"], "the ending says no format"),
        (["--sort", "psrn"], "no column 'psrn'"),
    ],
)
def test_a_mistake_is_one_line_and_writes_nothing(words: list[str], sentence: str, root: Path, tmp_path, monkeypatch,
                                                  capsys) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    assert main(["table", str(root), "--bib", "new.bib", *words]) == 2
    error = capsys.readouterr().err
    assert sentence in error and error.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before
