"""The example of docs/submitting.md runs as it is printed: an attack of another laboratory reaches the board here."""

import glob
import re
import shlex
import sys
from pathlib import Path

import pytest

from bench.cli.main import main

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "submitting.md").read_text()
(CLASS,), (OPTION,) = (re.findall(rf"```{kind}\n(.*?)```", PAGE, re.S) for kind in ("python", "yaml"))
COMMANDS = [line for line in PAGE.splitlines() if line.startswith("leakbench ")]
QUICK = ["logger=none", "metric=mse", "engine.threads=1", "trainer=cpu"]


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the attack of the page; the module is forgotten afterwards."""
    (tmp_path / "their_configs" / "attack").mkdir(parents=True)
    (tmp_path / "their_configs" / "attack" / "stronger.yaml").write_text(OPTION)
    (tmp_path / "their_lab.py").write_text(CLASS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "their_lab", raising=False)
    return tmp_path


def words_of(line: str) -> list[str]:
    words = [found for word in shlex.split(line)[1:] for found in (sorted(glob.glob(word)) if "*" in word else [word])]
    return words + {"run": QUICK, "verify": ["trainer=cpu"]}.get(words[0], [])


@pytest.mark.slow
def test_an_attack_of_another_laboratory_from_its_run_to_its_verification(lab: Path, capfd) -> None:
    before_verify = ""
    for line in COMMANDS:
        if line.startswith("leakbench verify"):
            before_verify = (lab / "results" / "leaderboard.md").read_text()
            of_defences = (lab / "results" / "defenses.md").read_text()
        assert main(words_of(line)) == 0, line
    assert "Rows claimed: stronger on samples-mnist." in before_verify
    assert "| stronger (claimed) |" in of_defences and "Leaks claimed: stronger on gaussian std 0.001." in of_defences
    said = "stronger: iDLG from two starts per victim (Doe 2026, arXiv 2601.00001). Class: their\\_lab.Stronger"
    assert said in before_verify and said in of_defences
    assert "Division open: attack is their\\_lab.Stronger, which is no class of leakbench" in before_verify
    assert "Rows verified here: stronger on samples-mnist." in (lab / "results" / "leaderboard.md").read_text()
    out = capfd.readouterr().out
    whole, _, closed = out.partition("What attacks")[2].partition("What attacks")
    assert "| stronger | open | verified here | " in whole and "| idlg (evaluations=20) | open |  | " in whole
    assert "| noise<sup>" in closed and "stronger" not in closed and "idlg" not in closed
    page = (lab / "results" / "index.html").read_text()
    assert '"their_lab.Stronger' not in page and "iDLG from two starts per victim (Doe 2026" in page


@pytest.mark.slow
def test_without_the_code_the_row_stays_claimed_and_one_line_says_why(lab: Path, capfd) -> None:
    for line in COMMANDS[:2]:
        assert main(words_of(line)) == 0, line
    assert main(["import", "entry.zip", "results"]) == 0
    capfd.readouterr()
    assert main(["verify", "results", "trainer=cpu"]) == 2
    err = capfd.readouterr().err
    assert err.count("\n") == 1 and "no attack 'stronger'" in err
