"""Names, reasons and sentences of others are shown, and obeyed by nothing: terminal, markdown, LaTeX, spreadsheet."""

import csv
import io
import re
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.cli import output
from bench.cli.main import main
from bench.results import plans, query
from bench.results.store import Store
from bench.results.stored_leak import StoredLeak
from bench.results.stored_training import StoredTraining
from bench.results.summary import summary
from bench.terminal.overview import overview
from bench.terminal.overview import summary as shown_summary
from bench.terminal.printable import csv_cell, visible, visible_lines

TERMINAL = "\x1b[2J\x1b[1;1H \x1b]0;owned\x07 \x9b31mred x\u202egnp.exe all is well\rno \ud800"
MARKUP = "[bold red]loud[/bold red][/nothing] <script>alert(1)</script>|a|b [a](javascript:1) ![b](c) `d` *e* # f "
MARKUP += r"\input{/etc/passwd}$x_1^2$ & 50% #1 ~ { $\frac{"
HOSTILE = {"terminal": TERMINAL, "markup": MARKUP, "formula": '\t=HYPERLINK("http://x";"y")'}
FORMULAS = ["=1+1", "+1+1", "-2+3", "@SUM(A1)", "\t=1+1", "\r=1+1", "\n-1+1", "\x1b=1", " =1"]
ALLOWED = set("\n")


def folder_of(root: Path, text: str) -> Path:
    """Two cells, a failure, a price and a plan in which every word is `text`."""
    labels = {"attack": text, "data": text, "model": text, "defense": text, "threat": text}
    grants = {text: True, "labels": False}
    words = text.encode(errors="replace").decode()  # parquet has no halves of pairs
    for number, std in enumerate((0.1, 0.2)):
        config = {"seed": 0, "data": {"batch_size": 1, "victims": 2}, "defense": {"std": std, "note": text}}
        facts = {"labels": {**labels, "defense": f"{text} (std={std})"}, "config": config}
        facts |= {"threat": {"letter": text, "grants": grants}, "defense": {"epsilon": None, "notes": [text]}}
        facts |= {"paper": {"value": text, "source": text, "known": text}, "reasons": {"psnr": text}}
        cell = Store(root).cell(StoredLeak, text, f"{number:016x}", {**facts, "metrics": {"mse": {"net": text}}})
        victims = [
            {"victim": i, "status": "converged", "batch_size": 1, "device": words, "commit": words} for i in (0, 1)
        ]
        samples = [{"victim": i, "position": 0, "sample": i, "label": 0, "label_guess": 0, "mse": 0.1} for i in (0, 1)]
        image = np.full((2, 1, 1, 4, 4), 0.5)
        cell.append(victims, samples, {"ids": np.arange(2), "truth": image, "guess": image})
        priced = {"labels": {"data": text, "model": text, "defense": text, "training": text}, "schedule": text}
        price = Store(root).cell(
            StoredTraining, text, f"{number + 4:016x}", {**priced, "config": {**config, "model": {}, "training": {}}}
        )
        row = {"run": 0, "status": "trained", "correct": 9, "tested": 10, "steps": 1, "seconds": 1.0}
        price.append({**row, "bytes_per_step": 4, "sampling": "shuffle"})
    Store(root).cell(StoredLeak, text, f"{2:016x}", {"labels": labels}).fail("error", text)
    facts = {"labels": labels, "data": {"modality": "sentences", "remark": text}, "config": {"data": {"batch_size": 1}}}
    spoken = Store(root).cell(StoredLeak, text, f"{3:016x}", facts)
    row = {"victim": 0, "position": 0, "sample": 0, "label": 0, "label_guess": 0, "exact_match": 0.0, "rouge_1": 0.1}
    said = {"text": words, "text_guess": words, "text_trace": '[[0, "a"], [1, "b"]]'}
    spoken.append([{"victim": 0, "status": "budget", "batch_size": 1, "reason": words}], [{**row, **said}])
    config = {"names": labels, "data": {"victims": 2}}
    plans.write(root, "mine", [(StoredLeak, config)])
    return root


def hidden_signs(text: str) -> set[str]:
    kinds = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    return {sign for sign in text if unicodedata.category(sign) in kinds} - ALLOWED


@pytest.mark.slow
@pytest.mark.parametrize("kind", HOSTILE)
def test_every_renderer_shows_and_obeys_nothing(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    root = folder_of(tmp_path / "r", HOSTILE[kind])
    assert main(["status", str(root)]) == 0
    assert main(["report", str(root)]) == 0
    out, err = capsys.readouterr()
    assert "skipped" not in err
    cells = query.cells(root).cells
    pages = {path.name: path.read_bytes().decode() for path in root.iterdir() if path.suffix in (".md", ".csv", ".tex")}
    assert {"leaderboard.md", "leaderboard.tex", "leaderboard.csv", "defenses.md", "sentences.md"} <= set(pages)
    for name, text in {"stdout": out, "stderr": err, **pages}.items():
        assert not hidden_signs(text), name
    for name, text in pages.items():
        if name.endswith(".md"):
            assert not re.search(r"<(?!br>|sub>|/sub>|a id=\"[0-9a-f]+\">|/a>)", text), name
            assert not re.search(r"(?<!\\)\[a]", text), name
        if name.endswith(".tex"):
            assert r"\input" not in text and "$x_1" not in text, name
        if name.endswith(".csv"):
            lines = list(csv.reader(io.StringIO(text)))
            assert len({len(line) for line in lines}) == 1
            assert not [cell for line in lines for cell in line if cell.strip()[:1] in ("=", "+", "@")], name
    for one in cells:
        for shown in (shown_summary(summary(one)), overview({HOSTILE[kind]: HOSTILE[kind]})):
            output.show(shown)
    told = capsys.readouterr().out
    assert not hidden_signs(told)
    if kind == "markup":
        assert "[bold red]" in told and "[bold red]" in out


@given(st.text(st.characters(categories=["Cc", "Cf", "Cs", "L", "Zs", "Zl"])))
def test_what_is_visible_has_one_line_and_no_hidden_sign(text: str) -> None:
    found = visible(text)
    assert not hidden_signs(found.replace("\u200c", "").replace("\u200d", "")) and "\n" not in found
    assert visible(found) == found
    found.encode()


def test_printable_text_is_left_alone() -> None:
    text = "défense σ=0.1 「迷惑」 می‌خواهم 👩‍🔬"
    assert visible(text) == text
    assert visible_lines("a\nb\x1b") == "a\nb\\x1b"


@pytest.mark.parametrize("number", [-0.5, -1, 1e-7, 0, True, None])
def test_numbers_stay_numbers_in_csv(number: float) -> None:
    assert csv_cell(number) is number


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_becomes_text_in_csv(text: str) -> None:
    assert not csv_cell(text).lstrip().startswith(tuple("=+-@"))


@given(st.text(min_size=1))
def test_no_text_in_csv_begins_a_formula(text: str) -> None:
    found = csv_cell(text)
    if found.lstrip()[:1] in tuple("=+-@"):
        float(found)  # a number that came as text
