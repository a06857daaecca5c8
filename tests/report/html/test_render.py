"""The page as a file: no name in it is markup, it allows nothing but itself, and it is small."""

import base64
import hashlib
import html.parser
import json
import re
from pathlib import Path
from typing import Any

import page_cells
import pytest
from hypothesis import given
from hypothesis import strategies as st
from page_cells import HOSTILE, Kind, hostile

from bench.report.html.data import PageData, collect
from bench.report.html.render import block, render
from bench.report.html.tradeoff import tradeoffs
from bench.report.leaderboard import leaderboard
from bench.report.page import write
from bench.results import plans, query
from bench.results.store import Store
from bench.results.stored_leak import StoredLeak


class Reader(html.parser.HTMLParser):
    """The elements of a page, and the text of each script and data block."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.words: list[str] = []
        self.inside = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        self.inside = tag
        if tag == "script":
            self.scripts.append((dict(attributes), ""))

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside == "script":
            attributes, before = self.scripts[-1]
            self.scripts[-1] = attributes, before + data
        elif self.inside != "style":
            self.words.append(data)


def blocks(reader: Reader) -> dict[str, Any]:
    return {str(at["id"]): json.loads(text) for at, text in reader.scripts if at.get("type") == "application/json"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root: Path = tmp_path_factory.mktemp("results")
    page_cells.add(root, Kind("dlg", "cifar10", steps=60, diverged=(1,)), 1, 3)
    page_cells.add(root, Kind("noise", "cifar10", steps=0, control=True), 2, 3)
    page_cells.add_sentences(root, "tag", 3, (0, 4, 12))
    return root


def data_of(root: Path, pictures: bool = True) -> PageData:
    return collect(leaderboard(query.cells(root)), root, pictures)


def test_hostile_words_stay_text(tmp_path: Path) -> None:
    plain = Reader(render(PageData([], {}, {}, [], False, {}), []))
    for number, words in enumerate(HOSTILE):
        hostile(tmp_path, number, words)
    data = data_of(tmp_path)
    reader = Reader(render(data, []))
    allowed = {
        "a",
        "span",
        "table",
        "tr",
        "th",
        "td",
        "details",
        "dl",
        "svg",
        "rect",
        "strong",
        "code",
        "section",
        "noscript",
    }
    assert {tag for tag, _ in reader.tags} <= allowed | {tag for tag, _ in plain.tags} | {
        *("h2", "p", "div", "thead", "tbody", "summary", "dt", "dd", "ul", "li")
    }
    assert not [name for _, found in reader.tags for name in found if name.startswith("on")]
    assert len(reader.scripts) == len(plain.scripts) + len(HOSTILE)
    found = blocks(reader)
    assert {cell["attack"] for cell in found["index"]["cells"].values()} >= set(HOSTILE[:5])
    assert all(words in "".join(reader.words) for words in HOSTILE[:5])
    assert "\u202e" not in render(data, []) and "\x1b" not in render(data, [])


@given(st.text())
def test_no_text_ends_a_block(words: str) -> None:
    text = str(block({words: [words]}))
    reader = Reader(f'<script type="application/json" id="x">{text}</script><b>')
    assert [tag for tag, _ in reader.tags] == ["script", "b"]
    ((key, value),) = blocks(reader)["x"].items()
    assert value == [key] and (key == words or not words.isprintable())


def page_of(words: str) -> str:
    """A page on which every word that a results folder can set is `words`."""
    column = {"key": "attack", "title": words, "help": words, "shown": True, "number": False, "kind": "label"}
    column |= {"estimand": "", "unit": words, "direction": "", "rate": False}
    cell: dict[str, Any] = dict.fromkeys(
        ("attack", "data", "model", "defense", "threat", "stopped", "unfinished"), words
    )
    cell |= {
        "batch": 1,
        "seed": 0,
        "victims": 1,
        "failed": 1,
        "control": True,
        "empty": True,
        "figures": {},
        "reported": {},
        "origin": words,
        "same": "",
    }
    board = dict.fromkeys(("title", "threat", "shared"), words)
    leader = {"setting": words, "cell": "0" * 16, "attack": words, "control": False, "origin": words, "others": [words]}
    board |= {
        "id": "x",
        "of": "",
        "means": "",
        "columns": [column],
        "rows": ["0" * 16],
        "leaders": [leader],
        "notes": [words],
        "marks": [words],
        "mixed": [words],
    }
    return render(PageData([board], {"0" * 16: cell}, {"0" * 16: {"config": words}}, [], True, {}), [])


@given(st.text(min_size=1))
def test_no_name_is_markup(words: str) -> None:
    text = page_of(words)
    assert [tag for tag, _ in Reader(text).tags] == [tag for tag, _ in Reader(page_of("a")).tags]
    text.encode()


def test_the_policy_allows_the_pages_own_scripts_and_styles_and_nothing_else(folder: Path) -> None:
    text = render(data_of(folder), [])
    reader = Reader(text)
    (policy,) = [found["content"] for tag, found in reader.tags if found.get("http-equiv") == "Content-Security-Policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in str(policy).split(";"))
    assert rules["default-src"] == "'none'" and rules["img-src"] == "data:" and rules["base-uri"] == "'none'"
    assert set(rules) == {"default-src", "script-src", "style-src", "img-src", "base-uri", "form-action"}
    scripts = [script for found, script in reader.scripts if "type" not in found]
    styles = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    for kind, texts in (("script-src", scripts), ("style-src", styles)):
        hashes = [base64.b64encode(hashlib.sha256(each.encode()).digest()).decode() for each in texts]
        assert rules[kind].split() == [f"'sha256-{each}'" for each in hashes]
    assert not [found for _, found in reader.tags if "style" in found]


def test_nothing_is_loaded(folder: Path) -> None:
    for tag, found in Reader(render(data_of(folder), [])).tags:
        for name in ("src", "href", "srcset", "data", "action", "poster"):
            value = found.get(name) or ""
            paper = tag == "a" and value.startswith("https://arxiv.org/abs/")  # a link, which loads nothing by itself
            assert not value or paper or value.startswith(("#", "data:")), (tag, value)


def test_private_pages_say_so_and_others_hold_no_private_example(folder: Path) -> None:
    shown, hidden = render(data_of(folder), []), render(data_of(folder, pictures=False), [])
    assert "This page contains private data" in shown and "data:image/png" in shown and "river ran quietly" in shown
    assert "This page contains private data" not in hidden and "data:image/png" not in hidden
    assert "river ran quietly" not in hidden and "automobile" not in hidden


def test_every_cell_can_be_opened_and_every_figure_is_the_summarys(folder: Path) -> None:
    found = blocks(Reader(render(data_of(folder), [])))
    board = leaderboard(query.cells(folder))
    for row in board.rows:
        identity = row.cell.identity
        detail, cell = found[f"cell-{identity}"], found["index"]["cells"][identity]
        assert detail["endings"] and detail["provenance"]["identity"] == identity
        assert len(detail["values"]["victim"]) == cell["victims"] == row.summary["victims"]
        for key, figure in cell["figures"].items():
            entry = row.summary.get(key)
            if isinstance(entry, dict):
                assert (figure["mean"], figure["low"], figure["high"]) == (entry["mean"], entry["low"], entry["high"])


def test_papers_are_links(tmp_path: Path) -> None:
    cell = page_cells.add(tmp_path, Kind("dlg", "cifar10"), 1, 2)
    paper = {"value": "label acc. 1.00", "source": "2001.02610 <table> 1", "known": "READ"}
    Store(tmp_path).cell(StoredLeak, cell.slug, cell.identity, {**cell.facts, "paper": paper})
    reader = Reader(render(data_of(tmp_path), []))
    assert "https://arxiv.org/abs/2001.02610" in [found.get("href") for tag, found in reader.tags if tag == "a"]
    assert " <table> 1, READ)" in "".join(reader.words)


def test_a_private_image_is_on_the_page_once(folder: Path) -> None:
    found = blocks(Reader(render(data_of(folder), [])))
    assert len(found["truths"]) == 3
    places = [item["truth"] for item in found[f"cell-{1:016x}"]["examples"]["items"]]
    assert places == [item["truth"] for item in found[f"cell-{2:016x}"]["examples"]["items"]] == [0, 1, 2]


def test_defences_have_points_that_lead_to_rows(tmp_path: Path) -> None:
    from bench.results.join import boards
    from bench.results.store import cells
    from bench.results.stored_training import StoredTraining

    for number, (name, node, steps, accuracy) in enumerate(page_cells.DEFENSES[:3]):
        kind = Kind("dlg", "cifar10", name, steps=steps, node=node)
        page_cells.add(tmp_path, kind, number, 3)
        page_cells.add_training(tmp_path, kind, number, accuracy)
    listing = query.cells(tmp_path)
    (found,) = tradeoffs(boards(listing.cells, cells(tmp_path, StoredTraining)[0]))
    assert len(found["plot"]["points"]) == 3 and all(
        point["cell"] in found["links"] for point in found["plot"]["points"]
    )
    reader = Reader(render(data_of(tmp_path), [found]))
    targets = {attributes.get("href") for tag, attributes in reader.tags if tag == "a"}
    assert {f"#row={identity}" for identity in found["links"]} <= targets


def test_planned_and_unfinished_cells_are_shown_as_such(tmp_path: Path) -> None:
    kind = Kind("dlg", "cifar10")
    done = page_cells.facts(kind, 3)["config"]
    page_cells.add(tmp_path, kind, 1, 2)  # of three
    stored = Store(tmp_path).cell(StoredLeak, "dlg-cifar10", f"{1:016x}", page_cells.facts(kind, 3))
    other = page_cells.facts(Kind("idlg<b>", "mnist"), 3)["config"]
    plans.write(tmp_path, "mine", [(StoredLeak, done), (StoredLeak, other)])
    data = data_of(tmp_path)
    assert [(one["suite"], one["attack"]) for one in data.missing] == [("mine", "idlg<b>")]
    assert data.cells[stored.identity]["unfinished"].startswith("2 of 3 victims are stored")
    words = "".join(Reader(render(data, [])).words)
    assert "Planned, and not begun" in words and "idlg<b>" in words and "2 of 3 victims" in words


def test_a_report_without_pictures_writes_none(folder: Path, tmp_path: Path) -> None:
    made = write(folder, tmp_path, pictures=False)
    assert not made.private and not list(tmp_path.rglob("*.png")) and not (tmp_path / "sentences.md").exists()
    assert made.page == tmp_path / "index.html" == made.paths[-1]
    assert "river ran quietly" not in "".join(path.read_text() for path in made.paths) + made.text
