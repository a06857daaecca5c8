r"""The fragment is what it says: LaTeX that needs booktabs only, and that fits a two-column article."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from paper_cells import add_cell

from bench.report import bibliography, fragment
from bench.report.paper_table import PaperTable, paper_table
from bench.report.table_options import options
from bench.report.table_rows import table_rows
from bench.results import query

GOOD, WORSE = [1e-4 * (1 + i / 3) for i in range(8)], [1e-2 * (1 + i / 2) for i in range(8)]
HARD = "a_b % & $x^2$ \\end{table*} # ~ {"
ARTICLE = r"""\documentclass[twocolumn]{article}
\usepackage{booktabs}
\begin{document}
Tables \ref{tab:leakbench} and \ref{tab:wide}.
\input{one.tex}
\input{wide.tex}
\bibliographystyle{plain}
\bibliography{used}
\end{document}
"""


@pytest.fixture
def results(tmp_path: Path) -> Path:
    root = tmp_path / "results"
    for seed in (0, 1, 2):
        add_cell(root, "dlg", [(1 + seed / 10) * one for one in GOOD], seed=seed)
        add_cell(root, "idlg", [(1 + seed / 10) * one for one in WORSE], seed=seed)
    add_cell(root, "mean", [0.1] * 8, control=True)
    add_cell(root, "dlg", GOOD, data="samples-cifar10", threat="surrogate", batch=2)
    add_cell(root, "idlg", WORSE, data="samples-cifar10", threat="surrogate", batch=2, failed=[0])
    return root


def built(root: Path, preset: str = "default", **given: object) -> PaperTable:
    cells, chosen = query.cells(root), options(preset, given)
    return paper_table(cells, chosen, bibliography.cited(table_rows(cells.cells, chosen)))


def rows_of(text: str) -> list[str]:
    return [line for line in text.splitlines() if "&" in line]


def test_a_fragment_has_no_preamble_and_asks_for_booktabs_only(results: Path) -> None:
    text = fragment.text(built(results))
    assert text.startswith("% A table of leakbench: \\usepackage{booktabs}")
    assert not re.search(r"\\(documentclass|includegraphics|resizebox|multirow)|\\begin\{document\}", text)
    assert text.count(r"\toprule") == text.count(r"\bottomrule") == 1
    assert r"\begin{table}[t]" in text and r"\label{tab:leakbench}" in text
    assert r"\begin{table*}[t]" in fragment.text(built(results, "wide"))


def test_bold_intervals_and_cites(results: Path) -> None:
    small = fragment.text(built(results, cite=True, columns=["attack", "psnr"], seeds="each"))
    assert r"dlg~\cite{zhu2019deep}" in small
    assert r"\fontsize{6}{7}\selectfont [3" in small
    pm = fragment.text(built(results, columns=["attack", "psnr", "success_1e-2"], intervals="pm"))
    assert re.search(r"\\textbf\{\\boldmath 3\d\.\d\}\\,\$\\pm\$\\,\d", pm)
    assert r"$^{+" in pm  # a rate's interval is not symmetric
    none = fragment.text(built(results, columns=["attack", "psnr"], intervals="none"))
    assert "fontsize{6}" not in none and r"\pm" not in none


def test_every_row_has_every_column(results: Path) -> None:
    for text in (fragment.text(built(results)), fragment.text(built(results, "wide"))):
        wide = len(re.search(r"\\begin\{tabular\}\{@\{\}(\w+)@", text)[1])  # type: ignore[index]
        assert {len(re.split(r"(?<!\\)&", line)) for line in rows_of(text)} == {wide}


def test_words_of_others_stay_words(tmp_path: Path) -> None:
    add_cell(tmp_path, HARD, GOOD)
    text = fragment.text(built(tmp_path, caption=HARD, label="tab:a b}%"))
    assert text.count(r"\end{table") == 1
    assert r"\label{tab:a-b}" in text
    assert r"a\_b \% \& \$x\textasciicircum{}2\$" in text


def compiled(folder: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    return done.stdout


@pytest.mark.latex
def test_it_compiles_in_a_two_column_article_and_fits(results: Path, tmp_path: Path) -> None:
    assert (shutil.which("pdflatex") and shutil.which("bibtex")) or not os.environ.get("CI"), "pdflatex is missing"
    if not shutil.which("pdflatex"):
        pytest.skip("needs pdflatex, which CI always has")
    wide = built(results, "wide")
    (tmp_path / "one.tex").write_text(fragment.text(built(results, cite=True)))
    (tmp_path / "wide.tex").write_text(fragment.text(wide))
    (tmp_path / "used.bib").write_text(bibliography.text(bibliography.used(wide.used, wide.options.columns)[0]))
    (tmp_path / "article.tex").write_text(ARTICLE)
    tex = ("pdflatex", "-interaction=nonstopmode", "-halt-on-error", "article.tex")
    compiled(tmp_path, *tex)
    assert "Warning" not in compiled(tmp_path, "bibtex", "article")
    compiled(tmp_path, *tex)
    log = compiled(tmp_path, *tex)
    assert "Overfull" not in log and "undefined" not in log


@pytest.mark.latex
def test_the_hard_words_compile(tmp_path: Path) -> None:
    if not shutil.which("pdflatex"):
        assert not os.environ.get("CI"), "pdflatex is missing"
        pytest.skip("needs pdflatex, which CI always has")
    add_cell(tmp_path / "results", HARD, GOOD)
    (tmp_path / "one.tex").write_text(fragment.text(built(tmp_path / "results", caption=HARD)))
    source = "\\documentclass{article}\\usepackage{booktabs}\\begin{document}\\input{one.tex}\\end{document}"
    (tmp_path / "article.tex").write_text(source)
    compiled(tmp_path, "pdflatex", "-interaction=nonstopmode", "-halt-on-error", "article.tex")
