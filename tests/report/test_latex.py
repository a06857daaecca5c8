"""The LaTeX page compiles as it is, whatever words stand in it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.report import latex
from bench.report.latex import escape
from bench.report.leaderboard import Leaderboard, leaderboard, page
from bench.report.table import Column, Line, Page, Section, Table
from bench.results import query
from bench.results.store import Store
from bench.results.stored_leak import StoredLeak

HARD = "\\ { } $ & # _ % ^ ~ < > | [x] \" ' ` – … ≤ σ é Ü ß Ð 中 \t \x00 \\end{document}"


@pytest.fixture(scope="module")
def board(results: Path) -> Leaderboard:
    return leaderboard(query.cells(results))


@pytest.fixture(scope="module")
def hard(tmp_path_factory: pytest.TempPathFactory) -> Leaderboard:
    root = tmp_path_factory.mktemp("hard")
    words = dict.fromkeys(("attack", "data", "model", "defense", "threat"), HARD)
    cell = Store(root).cell(StoredLeak, "a", "0" * 16, {"labels": words, "paper": {"value": HARD}})
    cell.append([{"victim": 0, "status": "budget", "batch_size": 1, "device": HARD, "commit": HARD}], [])
    Store(root).cell(StoredLeak, "b", "1" * 16, {"labels": {**words, "attack": "[2em]"}}).fail("error", HARD)
    return leaderboard(query.cells(root))


def tabulars(text: str) -> list[list[str]]:
    """The lines of each table, split at the signs that separate cells."""
    found = re.findall(r"\\begin\{tabular\}\{(\w+)\}(.*?)\\end\{tabular\}", text, re.DOTALL)
    assert found
    out = []
    for columns, body in found:
        lines = [line.removesuffix(r" \\") for line in body.splitlines() if line.endswith(r" \\")]
        for line in lines:
            wide = sum(int(n) - 1 for n in re.findall(r"\\multicolumn\{(\d+)\}", line))
            assert len(re.split(r"(?<!\\)&", line)) + wide == len(columns)
        out.append(lines)
    return out


def test_a_whole_document_with_balanced_groups(board: Leaderboard, hard: Leaderboard) -> None:
    for text in (latex.page(page(board, {})), latex.page(page(hard, {}))):
        assert text.startswith(r"\documentclass")
        assert text.endswith("\\end{document}\n")
        assert text.count(r"\end{document}") == 1
        assert r"\usepackage{booktabs}" in text
        stack = []
        for kind, name in re.findall(r"(?<!\\)\\(begin|end)\{(\w+)\}", text):
            if kind == "begin":
                stack.append(name)
            else:
                assert stack.pop() == name
        assert stack == []
        bare = re.sub(r"\\[{}]", "", text)
        assert bare.count("{") == bare.count("}")
        assert text.count(r"\toprule") == text.count(r"\midrule") == text.count(r"\bottomrule") > 0


def test_every_row_has_every_column(board: Leaderboard, hard: Leaderboard) -> None:
    scores, origin, *_ = tabulars(latex.page(page(board, {})))
    assert len(scores) == len(origin) == 5
    assert r"0.75 {\scriptsize [0.41, 0.93]}" in scores[2]
    assert r"random\_noise (control)" in scores[3]
    assert r"PSNR, mean $\uparrow$ (dB)" in scores[0]
    tabulars(latex.page(page(hard, {})))


def test_long_boards_are_broken_over_pages(tmp_path: Path) -> None:
    words = {"attack": "idlg", "data": "mnist", "model": "lenet", "defense": "none", "threat": "B"}
    for number in range(40):
        Store(tmp_path).cell(StoredLeak, "a", f"{number:016x}", {"labels": words})
    lengths = [len(lines) - 1 for lines in tabulars(latex.page(page(leaderboard(query.cells(tmp_path)), {})))]
    assert lengths == [18, 18, 18, 18, 4, 4]


@given(st.text())
def test_escaped_text_has_no_active_sign(text: str) -> None:
    out = escape(text)
    for known in (r"\textbackslash{}", r"\textasciicircum{}", r"\textasciitilde{}", r"\textless{}", r"\textgreater{}"):
        out = out.replace(known, "")
    out = out.replace(r"\textbar{}", "").replace(r"\dots{}", "").replace("{[}", "").replace("{}", "")
    out = re.sub(r"\$\\[a-z]+\$", "", out)
    out = re.sub(r"\\[{}$&#_%]", "", out)
    assert not set(out) & set("\\{}$&#_%^~<>|[\n\x00")


def test_signs_that_stand_together_stay_apart() -> None:
    assert escape("a--b ''c'' ``d`` ?` --- it's") == "a-{}-b '{}'c'{}' `{}`d`{}` ?{}` -{}-{}- it's"


def test_a_page_by_hand(by_hand: Page) -> None:
    """The table itself: links are left out, and the reason of an empty line is as wide as the figures."""
    text = latex.page(by_hand)
    (lines,) = tabulars(text)
    assert lines == [
        r"attack & MSE, mean $\downarrow$ (px) & PSNR $\uparrow$",
        r"a\textbar{}b\_c (control) & 0.0123$\dagger$ {\scriptsize [0.0100, 0.0200]} (2 diverged) & no net",
        r"long\_name & 0.250$\ddagger$ {\scriptsize [medians 0.00100 of 6, 0.200 of 2]} & 12.5",
        r"idlg & \multicolumn{2}{l}{\emph{not\_applicable: a\_b}}",
    ]
    assert r"\begin{tabular}{lrr}" in text and r"\section*{Alone}" in text and r"\item 50 \% of a\_b." in text


def test_a_symbol_is_set_as_mathematics() -> None:
    """Its words are escaped all the same, and the arrow stands behind it."""
    columns = [Column("B", symbol=True), Column("a_b", direction="up", unit="%"), Column(key="raw only")]
    (lines,) = tabulars(latex.page(Page("", [Section("x", [Table(columns, [Line([1, "50 %", 2])])])])))
    assert lines == [r"$B$ & a\_b $\uparrow$ (\%)", r"1 & 50 \%"]


@pytest.mark.parametrize("which", ["board", "hard"])
def test_it_compiles(which: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    if not shutil.which("pdflatex"):
        pytest.skip("pdflatex is not installed")
    (tmp_path / "leaderboard.tex").write_text(latex.page(page(request.getfixturevalue(which), {})), encoding="utf-8")
    command = ["pdflatex", "-draftmode", "-interaction=nonstopmode", "-halt-on-error", "leaderboard.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull \\hbox" not in done.stdout
