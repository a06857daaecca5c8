"""The table of sentences over the iterations, whatever signs a reconstruction is made of."""

import csv
import html
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import markdown as reader
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from oracle_attack import run
from rich.cells import cell_len

from bench.cli.main import main
from bench.modalities import lookup
from bench.report import sentences
from bench.report.leaderboard import leaderboard
from bench.report.page import write
from bench.report.sentences import Example, SentenceSection, plain
from bench.results import query
from bench.results.store import Store
from bench.results.stored_leak import StoredLeak

HARD = (
    "it's \\ { } $a$ & # _b_ % ^ ~~c~~ <b> | [x](y) \" -- ``d`` … é Ü 中 \t \x1b[2J \u202e \r\n ![z](w) \\end{document}"
)


@pytest.fixture(scope="module")
def root(tmp_path_factory, reported) -> Path:
    """Images and sentences in one folder: batches of one and two, a control, and all of the images' cells."""
    folder = Path(shutil.copytree(reported[0], tmp_path_factory.mktemp("both") / "results"))
    run(folder, "data.victims=3")
    run(folder, "data.victims=2", "data.batch_size=2", "threat=surrogate")
    run(folder, "data.victims=3", "attack=noise")
    return folder


@pytest.fixture(scope="module")
def made(root):
    return write(root)


def hard(signs: str) -> list[SentenceSection]:
    """A cell whose every sentence is made of these signs."""
    text = plain(signs)
    example = Example("victim 0", [(0, text), (1000, "")], None, text)
    return [SentenceSection(Path("a"), "0" * 16, text, text, False, [example])]


def cells_of(page: str) -> list[list[str]]:
    """The cells of every line of every table, as two other programs read it; both have to agree."""
    tables = MarkdownIt("commonmark").enable("table").render(page)
    other = reader.markdown(page, extensions=["tables"])
    found = []
    for text in (tables, other):
        lines = re.findall(r"<tr>(.*?)</tr>", text, re.DOTALL)
        found.append([re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", line, re.DOTALL) for line in lines])
    assert [[html.unescape(cell) for cell in line] for line in found[0]] == [
        [html.unescape(cell) for cell in line] for line in found[1]
    ]
    return found[0]


@pytest.mark.slow
def test_each_example_goes_from_the_first_iteration_to_the_truth(made, root):
    page = (root / "sentences.md").read_text(encoding="utf-8")
    (cell,) = [
        c for c in query.cells(root).cells if c.slug.startswith("oracle") and c.facts["labels"]["threat"] == "basic"
    ]
    own = page.split(f'<a id="{cell.identity}"></a>')[1].split("<a id=")[0]
    lines = cells_of(own)
    assert lines[0] == ["victim 0", "sentence"]
    stored = query.sentences(cell)[0]
    assert [at for at, _ in stored.trace] == [0, 10, 20, 30] and stored.trace[2][1] == stored.trace[3][1]  # said once
    assert [line[0] for line in lines[1:6]] == ["0", "10", "20", "reconstruction", "<strong>truth</strong>"]
    assert html.unescape(lines[3][1]) == stored.truth and html.unescape(lines[1][1]) == stored.trace[0][1]
    assert "victim 1, 2 of 2" in page  # of the batches of two


def test_the_terminal_has_one_example_of_each_attack_with_a_trace(made):
    told = made.text.split("oracle on sentences, model bert_tiny")[1:]
    assert len(told) == 2 and "batches of 2: victim 0, 1 of 2" in "".join(told)
    for text in told:
        begin = [line.split()[0] for line in text.strip().splitlines()[1:6]]
        assert begin == ["0", "10", "20", "reconstruction", "truth"]
    assert "noise (control) on sentences" not in made.text


def test_a_long_run_is_thinned_for_the_terminal_only():
    moments = [(at, f"told {at}") for at in range(0, 160, 10)]
    told = [SentenceSection(Path("a"), "0" * 16, "dlg_text", "model", False, [Example("victim 0", moments, "a", "b")])]
    lines = sentences.text(told).splitlines()
    assert len(lines) == 1 + 8 + 2 and lines[1].split()[0] == "0" and lines[8].split()[0] == "150"
    assert sentences.markdown(told).count("told") == sentences.sentences_tex(told).count("told") == 16


@pytest.mark.parametrize(
    ("kinds", "title", "tokens"),
    [
        (["sentences"], "# Sentences", True),
        (["series"], "# Series", False),
        (["rows", "sentences"], "# Rows, sentences", True),
    ],
)
def test_the_page_is_called_after_its_examples_and_speaks_of_tokens_only_if_they_have_some(kinds, title, tokens):
    cells = [replace(hard("a")[0], modality=lookup.modality(kind)) for kind in kinds]
    page = sentences.markdown(cells)
    assert page.splitlines()[0] == title and ("tokeniser" in page) == tokens
    assert ("tokeniser" in sentences.sentences_tex(cells)) == tokens


def test_boards_of_images_and_of_sentences_are_apart(made, root):
    found = leaderboard(query.cells(root))
    assert [(board.modality.name, board.threat) for board in found.boards] == [
        ("images", "B"),
        ("images", "C"),
        ("sentences", "basic"),
        ("sentences", "surrogate"),
    ]
    basic, surrogate = found.boards[2:]
    assert [row.summary["attack"] for row in basic.rows] == ["oracle", "noise"]
    assert [(row.summary["attack"], row.batch) for row in surrogate.rows] == [("noise", 1), ("oracle", 2)]
    for board in found.boards:
        shown = [[measure.value(row.summary) for row in board.rows if not row.empty] for measure in board.measures]
        lpips = sum("lpips" in measure.key for measure in board.measures)  # no backbones here
        # nobody claims one of a sentence; where batches are larger its overlap is a column too
        label = board.modality.by_batch * (1 + any((row.batch or 1) > 1 for row in board.rows))
        assert sum(not any(column) for column in shown) == lpips + label


def test_a_board_of_sentences_says_what_was_granted_and_how_it_was_scored(root):
    found = leaderboard(query.cells(root))
    images, basic, surrogate = ("\n".join(found.boards[at].foot) for at in (0, 2, 3))
    assert "lengths, word embedding; it does not grant labels" in basic and "input range" not in basic
    assert "lengths, surrogate; it does not grant labels, defense known, local training, word embedding." in surrogate
    assert "surrogate" not in images
    assert "rouge_1: " in basic and "as rouge-score: F-measure, no stemming" in basic
    assert "signature nrefs:1|case:mixed|eff:yes|tok:13a|smooth:exp|version:" in basic


def test_grants_that_mean_nothing_for_images_are_not_told(tmp_path):
    labels = {"attack": "idlg", "data": "mnist", "model": "lenet", "defense": "none", "threat": "B"}
    grants = {"input_range": True, "labels": False, "lengths": True, "word_embedding": True, "surrogate": False}
    Store(tmp_path).cell(StoredLeak, "a", "0" * 16, {"labels": labels, "threat": {"letter": "B", "grants": grants}})
    (board,) = leaderboard(query.cells(tmp_path)).boards
    assert "Threat model B grants input range; it does not grant labels." in board.foot


def test_every_form_has_the_columns_of_sentences(made, root):
    page = (root / "leaderboard.md").read_text(encoding="utf-8")
    own = cells_of(page.split("## Sentences, threat model: basic")[1].split("### Notes")[0])
    header = own[0]
    for words in (
        "B",
        "ROUGE-1, mean ↑",
        "ROUGE-2, mean ↑",
        "ROUGE-L, mean ↑",
        "exact match, rate ↑",
        "token acc., mean ↑",
        "bag of words, mean ↑",
        "token set, mean ↑",
        "BLEU, mean ↑ (0 to 100)",
        "label acc., rate ↑",
        "evaluations, mean (per victim)",
        "time, mean (s per victim)",
    ):
        assert words in header
    assert not any("MSE" in words for words in header)
    links = re.findall(r"\[sentences\]\(sentences\.md#(\w+)\)", page)
    anchors = re.findall(r'<a id="(\w+)"></a>', (root / "sentences.md").read_text(encoding="utf-8"))
    assert set(links) == set(anchors) and len(set(anchors)) == 3
    with open(root / "leaderboard.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    told = next(row for row in rows if row["attack"] == "oracle" and row["batch_size"] == "1")
    assert float(told["exact_match"]) == pytest.approx(2 / 3) and told["mse"] == "" and told["exact_match_n"] == "3"
    image = next(row for row in rows if row["attack"] == "idlg")
    assert image["rouge_1"] == "" and float(image["success_1e-2"]) == 1.0
    terminal = made.text.split("Sentences, threat model: basic")[1].splitlines()
    assert terminal[1].split()[:6] == ["attack", "data", "B", "n", "failed", "ROUGE-1↑"]
    assert all(cell_len(line) <= 120 for line in terminal[1:6])
    tex = (root / "leaderboard.tex").read_text(encoding="utf-8")
    assert r"\section*{Sentences, threat model: basic}" in tex and "ROUGE-1, mean $\\uparrow$" in tex


@pytest.mark.slow
def test_sentences_alone_have_a_report_without_a_word_of_pixels(tmp_path, capsys):
    run(tmp_path / "r", "data.victims=2")
    assert main(["report", str(tmp_path / "r")]) == 0
    out = capsys.readouterr().out
    assert "sentences.md" in out and "pictures in" not in out and "MSE" not in out
    names = {path.name for path in (tmp_path / "r").iterdir()}
    assert {"leaderboard.md", "sentences.md", "sentences.tex"} <= names
    assert "mse" not in (tmp_path / "r" / "leaderboard.csv").read_text()


def test_a_claim_of_nothing_and_no_claim_are_told_apart():
    page = cells_of(sentences.markdown(hard("a")))
    assert page[2] == ["1,000", "<em>nothing</em>"] and page[3] == ["reconstruction", "<em>no reconstruction</em>"]
    text = sentences.text(hard("a")).splitlines()
    assert text[2].endswith("(nothing)") and text[3].endswith("(no reconstruction)")
    assert r"\emph{no reconstruction}" in sentences.sentences_tex(hard("a"))


SIGNS = st.text(st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from(HARD)), max_size=40)


@settings(max_examples=150, deadline=None)
@given(SIGNS)
def test_a_sentence_of_any_signs_reads_as_it_is_in_markdown(signs: str) -> None:
    """To two readers of markdown the cell holds the sentence, and nothing of it is markup."""
    lines = cells_of(sentences.markdown(hard(signs)))
    expected = plain(signs)
    assert all(len(line) == 2 for line in lines) and len(lines) == 5
    if expected:
        assert html.unescape(lines[1][1]) == expected
        assert html.unescape(lines[4][1]) == expected


@settings(max_examples=150, deadline=None)
@given(SIGNS)
def test_a_sentence_of_any_signs_keeps_the_latex_whole(signs: str) -> None:
    text = sentences.sentences_tex(hard(signs))
    assert text.count(r"\end{document}") == 1 and text.count(r"\begin{tabular}") == 1
    body = text.split(r"\toprule")[1].split(r"\bottomrule")[0]
    lines = [line for line in body.splitlines() if line.endswith(r" \\")]
    assert len(lines) == 5 and all(len(re.split(r"(?<!\\)&", line)) == 2 for line in lines)
    bare = re.sub(r"\\[{}\\]", "", text)
    assert bare.count("{") == bare.count("}") and "\x00" not in text


@given(SIGNS)
def test_nothing_moves_a_terminals_cursor(signs: str) -> None:
    found = plain(signs)
    assert found.isprintable() and found == plain(found) and sentences.text(hard(signs)).count("\n") == 4


def test_it_compiles(made, root, tmp_path):
    if not (latex := shutil.which("pdflatex")):
        pytest.skip("pdflatex is not installed")
    (tmp_path / "hard.tex").write_text(sentences.sentences_tex(hard(HARD)), encoding="utf-8")
    for path in (root / "sentences.tex", tmp_path / "hard.tex"):
        command = [latex, "-draftmode", "-interaction=nonstopmode", "-halt-on-error", path]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False)
        assert done.returncode == 0, done.stdout[-2000:]
