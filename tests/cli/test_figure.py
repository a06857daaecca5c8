"""`leakbench figure`: both files or none, and one line for each mistake."""

from pathlib import Path

import pytest
from paper_cells import add_cell

from bench.cli.main import main


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    add_cell(tmp_path / "r", "dlg", [1e-3] * 4, images=True)
    add_cell(tmp_path / "r", "idlg", [1e-3] * 4, images=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_writes_pdf_and_png(root: Path) -> None:
    assert main(["figure", "success", "r", "-o", "out/a.pdf"]) == 0
    assert main(["figure", "grid", "r", "--rows", "attack=idlg", "--victims", "3,1"]) == 0
    assert sorted(str(path.relative_to(root)) for path in root.rglob("*.p[dn][fg]")) == [
        "grid.pdf",
        "grid.png",
        "out/a.pdf",
        "out/a.png",
    ]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["sucess"], "no KIND 'sucess'; did you mean 'success'"),
        (["success", "--width", "0"], "--width 0: want 1 to 30"),
        (["success", "--thresholds", "a"], "want two numbers"),
        (["grid", "--victims", "a"], "want ids"),
        (["grid", "--rows", "attack=x"], "no row of r is chosen"),
        (["utility"], "no two defences"),
        (["utility", "--width", "3.3"], "--width 3.3: want 5.5 to 30"),
        (["batches"], "no attack ran with two batch sizes"),
    ],
)
def test_a_mistake_is_one_line_and_writes_nothing(words: list[str], sentence: str, root: Path, capsys) -> None:
    assert main(["figure", words[0], "r", *words[1:]]) == 2
    error = capsys.readouterr().err
    assert sentence in error and error.count("\n") == 1
    assert not list(root.rglob("*.p[dn][fg]"))
