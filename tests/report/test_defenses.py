"""The tables and pictures of defences, from real reconstructions and prices: every format says the same."""

import csv
import io
import re
import shutil
import subprocess

import numpy as np
import pytest

from bench.report import csv_file, defenses, defenses_csv, markdown, page
from bench.report.hypotheses import judged
from bench.results import store, verification
from bench.results.join import boards
from bench.results.query import cells
from bench.results.store import Store
from bench.results.stored_leak import StoredLeak
from bench.results.stored_training import StoredTraining

TRAINED = {"lr": 0.1, "runs": 2}
DEFENSES = [
    ("none", {"version": 1}, 0.95, True),
    ("gaussian (std=0.0001)", {"_target_": "g", "std": 1e-4}, 0.95, True),
    ("gaussian (std=0.1)", {"_target_": "g", "std": 1e-1}, 0.41, False),
    ("pruning (fraction=0.7)", {"_target_": "p", "fraction": 0.7}, 0.94, False),
]


@pytest.fixture(scope="module")
def root(tmp_path_factory, add_cell):
    """`dlg` finds the images under weak defences and gets no further than a blur under the others."""
    folder = tmp_path_factory.mktemp("results")
    for number, (name, node, accuracy, found) in enumerate(DEFENSES):
        labels = {"attack": "dlg", "data": "mnist", "model": "lenet_a", "defense": name, "threat": "basic"}
        config = {"seed": 0, "data": {"batch_size": 1}, "defense": node}
        add_cell(folder, f"{number:016x}", "dlg", "mnist", "mnist_", 4, trace=found, labels=labels, config=config)
        priced = {**labels, "model": "lenet (tanh)", "training": "held_out"}
        facts = {"labels": priced, "config": {**config, "model": {}, "training": TRAINED}, "schedule": "SGD, lr 0.1"}
        cell = Store(folder).cell(StoredTraining, "price", f"{number:016x}", facts)
        for run in range(2):
            row = {"run": run, "status": "trained", "correct": int(2000 * accuracy) + run, "tested": 2000, "steps": 100}
            sent = 54_000 if number < 3 else 17_000
            cell.append({**row, "seconds": 0.5, "bytes_per_step": sent, "sampling": "shuffle", "lr": 0.1})
    return folder


@pytest.fixture(scope="module")
def made(root):
    return page.write(root)


def test_files_and_pictures_are_written_and_named(made, root):
    names = [path.name for path in made.paths]
    assert names[:6] == [f"{table}.{form}" for table in ("leaderboard", "defenses") for form in ("md", "csv", "tex")]
    for name in ("pareto-mnist.png", "strengths-dlg-mnist.png"):
        assert name in names and (root / name).read_bytes().startswith(b"\x89PNG")
        assert f"({name})" in (root / "defenses.md").read_text()


def test_every_row_of_the_page_has_its_cells_and_the_csv_the_raw_numbers(made, root):
    text = (root / "defenses.md").read_text()
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len({len(re.split(r"(?<!\\)\|", line)) for line in table[: 2 + len(DEFENSES)]}) == 1
    rows = list(csv.DictReader(io.StringIO((root / "defenses.csv").read_text())))
    assert len(rows) == len(DEFENSES) and None not in rows[0] and None not in rows[0].values()
    by = {row["defense"]: row for row in rows}
    assert float(by["none"]["accuracy"]) == pytest.approx(0.95025) and by["none"]["worst"] == "1"
    assert by["gaussian (std=0.1)"]["bytes_per_step"] == "54000" and by["none"]["lr"] == "0.1"
    assert float(by["none"]["leak_db"]) > float(by["gaussian (std=0.1)"]["leak_db"])
    assert "gaussian std 0.1" in text and "17,000 (×0.31)" in text


def test_the_terminal_has_the_same_lines(made):
    table = made.text.split("Defences on ")[1]
    assert table.startswith("mnist, model lenet_a") and "0.950" in table and "17,000" in table


def test_claims_are_judged_by_what_is_there(root):
    (board,) = boards(cells(root).cells, store.cells(root, StoredTraining)[0])
    found = {one.claim: one.verdict for one in judged(board)}
    assert found["noise of standard deviation 1e-4 does not stop DLG"] == "holds"
    assert found["noise of standard deviation 1e-2 and more stops DLG"] == "holds"
    assert found["noise of standard deviation 1e-1 costs accuracy"] == "holds"
    assert found["the accuracy stays under pruning of 20 % and more"] == "holds"
    assert found["gradient pruning is the most effective defence that does not change the training"] == "holds"
    assert "half precision does not stop DLG" not in found  # nobody tried


def test_the_document_compiles(made, root, tmp_path):
    text = (root / "defenses.tex").read_text()
    assert (
        r"lenet\_a" in text and "±" not in text and text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 2
    )
    for line in re.findall(r"^\d.*\\\\$", text, re.M):
        assert len(re.split(r"(?<!\\)&", line)) == 11
    if latex := shutil.which("pdflatex"):
        done = subprocess.run([latex, "-interaction=nonstopmode", root / "defenses.tex"], cwd=tmp_path, check=False)
        assert done.returncode == 0


def test_the_grid_shows_the_stored_images_in_the_order_of_strengths(made, root):
    from bench.report.strengths import ordered

    (board,) = boards(cells(root).cells, store.cells(root, StoredTraining)[0])
    titles = [line.title for line in ordered(board.lines)]
    assert titles == ["none", "gaussian std 0.0001", "gaussian std 0.1", "pruning"]
    pixels = decoded(root / "strengths-dlg-mnist.png")
    assert pixels.shape[1] > 5 * 84 and len(np.unique(pixels)) > 50  # truth and four columns of gray images


def decoded(path):
    from PIL import Image

    return np.asarray(Image.open(path).convert("L"))


def test_a_folder_with_one_defence_has_no_such_page(tmp_path, add_cell):
    add_cell(tmp_path, "0" * 16, "dlg", "mnist", "mnist_", 2)
    made = page.write(tmp_path)
    assert not any("defenses" in path.name for path in made.paths)
    assert "Defences" not in made.text


def test_a_leak_that_came_with_an_entry_is_marked(tmp_path, add_cell):
    own = {"class": "their_lab.Stronger", "about": "A stronger attack (Doe 2026)."}
    for number, (name, node, _, found) in enumerate(DEFENSES[:2]):
        labels = {"attack": "stronger", "data": "mnist", "model": "lenet", "defense": name, "threat": "basic"}
        config = {"seed": 0, "data": {"batch_size": 1}, "defense": node}
        cell = add_cell(
            tmp_path, f"{number:016x}", "x", "mnist", "mnist_", 2, trace=found, labels=labels, config=config
        )
        Store(tmp_path).cell(StoredLeak, "x", cell.identity, {**cell.facts, "attack": own})
        if name != "none":
            origin = {"at": "2026-01-01T00:00:00+00:00", "file": "entry.zip", "sha256": "0"}
            verification.write(cell.folder, verification.arrived(verification.read(cell.folder), origin))
    compared = boards(cells(tmp_path).cells, [])
    text = markdown.page(defenses.page(compared, {}))
    assert "| stronger (claimed) |" in text and "| stronger |" in text
    assert (
        "- Leaks claimed: stronger on gaussian std 0.0001." in text or "- Leaks claimed: stronger on gaussian." in text
    )
    assert (
        "- stronger: A stronger attack (Doe 2026). Class: their\\_lab.Stronger, which is no part of leakbench." in text
    )
    rows = list(csv.DictReader(io.StringIO(csv_file.text(defenses_csv.raw(compared)))))
    assert {row["defense"]: row["origin"] for row in rows} == {"none": "", DEFENSES[1][0]: "claimed"}


def test_sentences_have_the_same_table_with_words_in_place_of_decibels(tmp_path, made):
    """From the columns of a real cell's rows: no price is no reason to leave the table out."""
    for number, (name, node, rouge) in enumerate(
        [("none", {}, 1.0), ("pruning (fraction=0.9)", {"_target_": "p"}, 0.5)]
    ):
        labels = {"attack": "dlg_text", "data": "cola", "model": "bert_tiny", "defense": name, "threat": "basic"}
        config = {"seed": 0, "data": {"batch_size": 2}, "defense": node}
        facts = {"labels": labels, "config": config, "data": {"modality": "sentences"}}
        cell = Store(tmp_path).cell(StoredLeak, "told", f"{number:016x}", facts)
        samples = [
            {"victim": v, "position": b, "sample": 2 * v + b, "label": 0, "label_guess": 0, "rouge_1": rouge}
            for v in range(4)
            for b in range(2)
        ]
        victims = [{"victim": v, "status": "budget", "batch_size": 2} for v in range(4)]
        cell.append(victims, [{**row, "exact_match": float(rouge == 1)} for row in samples])
    found = page.write(tmp_path)
    text = (tmp_path / "defenses.md").read_text()
    assert "## cola, batches of 2, model bert\\_tiny" in text and "leak, mean ↓ (ROUGE-1)" in text and "dB" not in text
    assert "ROUGE-1 (F-measure of the words in common" in text and "came back token for token" in text
    assert "what `leakbench train` trains are classifiers of images" in text.replace("\\", "")
    table = [re.split(r"(?<!\\)\|", line) for line in text.splitlines() if line.startswith("|")]
    assert len({len(line) for line in table}) == 1 and table[2][4].strip().startswith("0.500")
    assert [line[6].strip() for line in table[2:]] == ["n/a", "n/a"] and table[2][7].strip() == ""
    rows = list(csv.DictReader((tmp_path / "defenses.csv").open()))
    assert [float(row["leak_rouge_1"]) for row in rows] == [0.5, 1.0] and "leak_db" not in rows[0]
    assert [float(row["exact_match"]) for row in rows] == [0.0, 1.0] and rows[0]["accuracy"] == ""
    assert "leak ROUGE-1↓" in found.text and "leak (ROUGE-1)" not in found.text
    assert r"leak, mean $\downarrow$ (ROUGE-1)" in (tmp_path / "defenses.tex").read_text()
    assert not list(tmp_path.glob("*.png"))


def test_the_columns_of_images_are_named_as_they_were(root, made):

    header = (root / "defenses.csv").read_text().splitlines()[0].split(",")
    assert header[10:17] == [
        "leak_db",
        "leak_db_low",
        "leak_db_high",
        "success_1e-2",
        "success_low",
        "success_high",
        "epsilon_step",
    ]
