"""A row of the page in a browser: open, slide, compare; the figures are those of bench.results."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import page_cells
import page_sentences
import pytest
from page_browser import Tab, write_page
from page_cells import Kind

from bench.report.html import render
from bench.report.html.data import _test
from bench.results import query
from bench.results.intervals import mean
from bench.results.paired import sign_flip

pytestmark = pytest.mark.browser
Open = Callable[..., Any]
# idlg and dlg on CIFAR-10, see `page_cells.everything`
BEST, SECOND = f"{1:016x}", f"{2:016x}"


def test_a_row_opens_by_keyboard_and_its_slider_moves_the_picture(tab: Open) -> None:
    page = tab()
    link = page.locator(f"section.board:not([hidden]) tr[data-cell='{BEST}'] a.open")
    link.focus()
    page.keyboard.press("Enter")
    assert page.inner_text("#cell h2") == "idlg on samples-cifar10" and f"row={BEST}" in page.url
    assert page.inner_text("output.moment") == "reconstruction"
    image, slider = page.locator("#cell .tile img").nth(1), page.locator("#cell input[type=range]")
    before = image.evaluate("image => image.style.transform")
    slider.focus()
    page.keyboard.press("Home")
    assert page.inner_text("output.moment") == "iteration 0" and image.evaluate("i => i.style.transform") != before
    page.keyboard.press("ArrowRight")
    assert page.inner_text("output.moment") == "iteration 1"
    assert slider.get_attribute("aria-valuetext") == "iteration 1"
    box = page.locator("#cell .window").nth(0).bounding_box()
    assert box and abs(box["width"] - box["height"]) < 2  # one frame of the strip, and no more
    page.select_option("#cell select[aria-label=Victim]", "3")
    assert "victim=3" in page.url
    page.keyboard.press("Escape")
    assert page.is_hidden("#cell") and "row=" not in page.url
    assert link.evaluate("link => link === document.activeElement")


def test_the_picture_is_the_stored_one(tab: Open, written: Path) -> None:
    page = tab(f"#row={BEST}")
    (cell,) = [cell for cell in query.cells(written.parent / "results").cells if cell.identity == BEST]
    stored = query.images(cell)[0]
    pixels = """async place => {
        const image = document.querySelectorAll('#cell .tile img')[place];
        await image.decode();
        const canvas = document.createElement('canvas');
        canvas.width = image.naturalWidth;
        canvas.height = image.naturalHeight;
        const context = canvas.getContext('2d'); context.drawImage(image, 0, 0);
        return [canvas.width, canvas.height, [...context.getImageData(0, 0, canvas.width, canvas.height).data]]; }"""
    for at, images in ((0, [stored.truth[0]]), (1, [*stored.images[:, 0], stored.guess[0]])):
        width, height, values = page.evaluate(pixels, at)
        found = np.array(values, float).reshape(height, width, 4)[..., :3]
        wanted = np.moveaxis(np.concatenate([image.astype(float) for image in images], 1), 0, -1)
        assert np.abs(found - np.round(wanted * 255)).max() <= 1


@pytest.mark.parametrize("width", [390, 1280])
def test_the_difference_is_black_exactly_where_both_are_the_same(tab: Open, written: Path, width: int) -> None:
    page = tab(f"#row={BEST}", viewport={"width": width, "height": 900}, device_scale_factor=1.5)
    (cell,) = [cell for cell in query.cells(written.parent / "results").cells if cell.identity == BEST]
    stored = query.images(cell)[0]
    shown = """async frame => {
        const canvas = document.querySelector('#cell .tile canvas');
        while (canvas.dataset.frame !== String(frame)) await new Promise(requestAnimationFrame);
        const copy = Object.assign(document.createElement('canvas'), {width: canvas.width, height: canvas.height});
        const context = copy.getContext('2d'); context.drawImage(canvas, 0, 0);
        return [...context.getImageData(0, 0, copy.width, copy.height).data]; }"""
    frames = [*stored.images[:, 0], stored.guess[0]]
    for frame, key in ((len(frames) - 1, "End"), (0, "Home")):
        page.locator("#cell input[type=range]").focus()
        page.keyboard.press(key)
        found = np.array(page.evaluate(shown, frame), float).reshape(32, 32, 4)[..., :3]
        eight_bits = [
            np.round(np.moveaxis(image.astype(float), 0, -1) * 255) for image in (stored.truth[0], frames[frame])
        ]
        assert np.abs(found - np.abs(eight_bits[0] - eight_bits[1])).max() <= 1


def test_what_a_cell_says(tab: Open) -> None:
    page = tab(f"#row={SECOND}")
    text = page.inner_text("#cell")
    for words in (
        "2 victims ended with the status “diverged”: the objective ended above its start",
        "leakbench run data=samples attack=dlg",
        "label 3 (cat)",
        "seed: 0",
        "Victim by victim",
    ):
        page.locator("#cell summary").last.click() if words == "seed: 0" else None
        assert words in (page.inner_text("#cell") if words == "seed: 0" else text)
    assert page.locator("#cell table.victims tbody tr").count() == 8
    page.locator("#cell .victims thead th", has_text="PSNR").locator("[role=button]").click()
    page.wait_for_selector("#cell .victims th[aria-sort]")  # DataTables sorts in a task of its own
    found = page.eval_on_selector_all(
        "#cell .victims tbody tr", "rows => rows.map(row => Number(row.children[0].innerText))"
    )
    assert found != sorted(found) and sorted(found) == list(range(8))


def test_sentences_word_by_word(tab: Open) -> None:
    page = tab(f"#row={101:016x}")
    assert page.inner_text("#cell .spoken tr.truth td") == page_sentences.SENTENCES[0]
    assert page.locator("#cell .spoken > table b.same").count() >= 9
    page.locator("#cell input[type=range]").focus()
    page.keyboard.press("Home")
    assert page.inner_text("output.moment") == "iteration 0"
    assert page.locator("#cell .spoken > table .other").count() >= 4
    assert page.locator("#cell .spoken > table .elsewhere").count() >= 1
    page.click("text=All iterations")
    assert page.locator("#cell details table tr").count() == 6


def values(root: Path, identity: str, column: str) -> np.ndarray:
    (cell,) = [cell for cell in query.cells(root).cells if cell.identity == identity]
    return query.samples(cell)[column].to_numpy()


def test_two_cells_compared_as_bench_results_compares_them(tab: Open, written: Path) -> None:
    page = tab(f"#row={BEST}")
    options = page.locator("#cell .compare option").all_inner_texts()
    assert options == ["nothing", "dlg", "inverting_gradients", "mean (control)", "noise (control)"]
    page.select_option("#cell .compare select", SECOND)
    assert f"with={SECOND}" in page.url
    assert page.locator("#cell .pair").first.locator(".tile").count() == 3
    root = written.parent / "results"
    differences = values(root, BEST, "psnr") - values(root, SECOND, "psnr")
    found = mean(differences, np.arange(len(differences)))
    cells = page.locator("#cell tr[data-key=psnr] td").all_inner_texts()
    assert cells[2].split("\n") == [f"{found.mean:#.3g}", f"{found.low:#.3g} to {found.high:#.3g}"]
    p = sign_flip(differences)
    assert cells[3] == ("< 0.001" if p < 0.001 else f"{p:.3f}") and cells[4] == "8"
    ratio = 10 ** np.mean(np.log10(values(root, BEST, "mse") / values(root, SECOND, "mse")))
    assert page.locator("#cell tr[data-key=mse] td").nth(2).inner_text().startswith(f"×{ratio:.3}"[:4])
    page.go_back()
    assert page.locator("#cell .paired").count() == 0 and page.is_visible("#cell")


def test_test_and_interval_are_those_of_bench_results_to_the_last_digit(chromium: Any, tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    cases = [rng.normal(0.2, 1, size).tolist() for size in (2, 5, 12, 13, 29, 30, 64)]
    cases += [[0.0] * 40, [1.0] * 35, [0.0] * 34 + [1.0]]
    folder = Path(render.__file__).parent / "page"
    source = "".join((folder / name).read_text() for name in ("random.js", "paired.js"))
    constants = json.dumps(_test([{"values": {"victim": list(range(64))}}]))
    script = f"(cases) => {{ const index = {{test: {constants}}};\n{source}\n"
    script += "return cases.map(each => [signFlip(each), meanWithInterval(each)]); }"
    page = chromium.new_page()
    for case, (p, found) in zip(cases, page.evaluate(script, cases)):
        wanted = mean(case, np.arange(len(case)))
        assert p == pytest.approx(sign_flip(case), abs=1e-12)
        assert [found["mean"], found["low"], found["high"]] == pytest.approx(
            [wanted.mean, wanted.low, wanted.high], rel=1e-9
        )
    page.close()


def test_the_page_says_what_it_leaves_out_of_the_stored_examples(chromium: Any, tmp_path: Path) -> None:
    page_cells.add(tmp_path / "results", Kind("dlg", "mnist", batch=18), 1, 1)
    file = write_page(tmp_path / "results", tmp_path / "index.html")
    tab = Tab(chromium)
    page = tab.open(file, f"#row={1:016x}")
    assert page.locator("#cell .pair").count() == 16
    assert "Of each batch of 18 it has the first 16." in page.inner_text("#cell")
    page.locator("#cell summary", has_text="The whole config").click()
    page.keyboard.press("Escape")
    tab.close(file)
