"""The boards of the page in a browser: sort, filter, search, choose columns, take rows away."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import page_cells
import pytest
from page_browser import Tab, write_page
from page_cells import Kind

from bench.report.leaderboard import leaderboard
from bench.results import query, verification

pytestmark = pytest.mark.browser
Open = Callable[..., Any]


def shown(page: Any, column: int = 0) -> list[str]:
    """The first words of a column of the board that is shown, from top to bottom."""
    return page.eval_on_selector_all(
        "section.board:not([hidden]) table.rows:first-of-type tbody tr",
        f"rows => rows.map(row => row.children[{column}].innerText.split('\\n')[0].trim())",
    )


def place(page: Any, key: str) -> int:
    """Where a column stands among those that are shown."""
    keys = page.eval_on_selector_all(
        "section.board:not([hidden]) thead th", "heads => heads.map(head => head.dataset.key)"
    )
    return keys.index(key)


def numbers(page: Any, key: str) -> list[float]:
    """A column's numbers; those that are missing are left out."""
    at = place(page, key)
    found = page.eval_on_selector_all(
        "section.board:not([hidden]) tbody tr", f"rows => rows.map(row => row.children[{at}].dataset.order)"
    )
    assert "" not in found[: len([one for one in found if one])], "a missing value stands before one that is there"
    return [float(one) for one in found if one]


def head(page: Any, key: str) -> Any:
    return page.locator(f"section.board:not([hidden]) thead th[data-key='{key}'] [role=button]")


def test_sorting_by_mouse_and_by_keyboard(tab: Open) -> None:
    page = tab()
    before = shown(page)
    head(page, "psnr").click()
    page.wait_for_selector("th[data-key=psnr][aria-sort=descending]")  # DataTables sorts in a task of its own
    found = numbers(page, "psnr")
    assert "sort=-psnr" in page.url
    assert found == sorted(found, reverse=True) and len(found) > 5
    head(page, "psnr").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("th[data-key=psnr][aria-sort=ascending]")
    found = numbers(page, "psnr")
    assert "sort=%2Bpsnr" in page.url
    assert found == sorted(found)
    page.keyboard.press("Enter")
    page.wait_for_selector("section.board:not([hidden]) th[data-key=psnr]:not([aria-sort])")
    assert shown(page) == before and "sort=" not in page.url


def test_filters_and_search_live_in_the_address(tab: Open) -> None:
    page = tab()
    everything = len(shown(page))
    page.click("[data-filter=attack] summary")
    page.check("[data-filter=attack] label:has-text('idlg') input")
    assert set(shown(page)) == {"idlg"} and "attack=idlg" in page.url
    page.click("[data-filter=data] summary")
    page.check("[data-filter=data] label:has-text('samples-mnist') input")
    page.keyboard.press("Escape")
    assert len(shown(page)) == 1 and page.inner_text(".shown") == f"1 of {everything} rows"
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert len(shown(page)) == 1 and page.is_checked("[data-filter=attack] label:has-text('idlg') input")
    page.click("button:has-text('Clear')")
    page.fill("input[type=search]", "inverting")
    assert shown(page) == ["inverting_gradients"] and "q=inverting" in page.url
    page.fill("input[type=search]", "no such attack")
    assert page.is_visible("text=No row of this board passes the filters.")


@pytest.mark.parametrize("label", ["attack", "data", "defense", "threat", "batch", "seed"])
def test_every_label_that_differs_has_a_filter(tab: Open, label: str) -> None:
    page = tab()
    assert page.locator(f"[data-filter={label}] input").count() >= 2


def test_columns_on_and_off(tab: Open) -> None:
    page = tab()
    assert page.locator("section.board:not([hidden]) th[data-key='success_1e-4']").count() == 0
    page.click("summary:has-text('Columns')")
    page.check("label[data-key='success_1e-4'] input")
    page.uncheck("label[data-key='ssim'] input")
    assert place(page, "success_1e-4") > 0
    assert page.locator("section.board:not([hidden]) th[data-key=ssim]").count() == 0
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert place(page, "success_1e-4") > 0


def test_help_on_hovering_and_on_focus(tab: Open) -> None:
    page = tab()
    page.hover("section.board:not([hidden]) th[data-key=psnr]")
    assert page.inner_text("#tip").startswith("PSNR in dB, a comparison of each reconstruction with the truth.")
    page.mouse.move(0, 0)
    head(page, "label_accuracy").focus()
    assert "label the attack claims correctly" in page.inner_text("#tip")
    page.keyboard.press("Escape")
    assert page.is_hidden("#tip")


def test_rows_of_others_are_marked_and_can_be_filtered(chromium: Any, tmp_path: Path) -> None:
    for number, attack in enumerate(("idlg", "dlg", "tag")):
        cell = page_cells.add(tmp_path, Kind(attack, "cifar10", steps=25), number + 1, 3)
        if attack == "dlg":
            origin = {"at": "2026-01-01T00:00:00+00:00", "file": "entry.zip", "sha256": "0"}
            verification.write(cell.folder, verification.arrived(verification.read(cell.folder), origin))
        if attack == "tag":
            cell.append([{"victim": 3, "status": "budget", "batch_size": 1, "versions": '{"leakbench": "9.0"}'}], [])
    tab = Tab(chromium)
    file = write_page(tmp_path, tmp_path / "index.html")
    page = tab.open(file)
    assert "several versions of leakbench" in page.inner_text("section.board:not([hidden]) .mixed")
    assert sorted(shown(page, place(page, "origin"))) == ["claimed", "–", "–"]
    assert "The division of no row is known." in page.inner_text("section.board:not([hidden]) .about")
    page.hover("section.board:not([hidden]) th[data-key=origin]")
    assert "Claimed: it came with an entry" in page.inner_text("#tip")
    page.click("[data-filter=origin] summary")
    page.check("[data-filter=origin] label:has-text('claimed') input")
    assert shown(page) == ["dlg claimed"] and "origin=claimed" in page.url
    page.check("[data-filter=origin] label:has-text('computed here') input")
    page.uncheck("[data-filter=origin] label:has-text('claimed') input")
    assert sorted(shown(page)) == ["idlg", "tag"]
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert sorted(shown(page)) == ["idlg", "tag"]
    tab.close(file)


def test_the_switch_shows_means_over_seeds_and_a_row_leads_to_its_seeds(tab: Open) -> None:
    page = tab()
    assert page.locator(".tabs a").count() == 4  # the means have no tab of their own
    page.check("label:has-text('Means over seeds') input")
    assert shown(page) == ["dlg"] and shown(page, place(page, "seed")) == ["0, 1"] and "-means" in page.url
    assert page.get_attribute(".tabs a:first-child", "aria-current") == "true"
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert page.is_checked("label:has-text('Means over seeds') input") and page.inner_text(".shown") == "1 rows"
    page.click("section.board:not([hidden]) tbody tr a.open")
    assert "row=" not in page.url and not page.is_checked("label:has-text('Means over seeds') input")
    assert set(shown(page)) == {"dlg"} and set(shown(page, place(page, "seed"))) == {"0", "1", "2"}
    page.go_back()
    assert page.is_checked("label:has-text('Means over seeds') input")


@pytest.mark.parametrize("name", ["CSV", "LaTeX", "JSON"])
def test_rows_are_downloaded_as_they_are_shown(tab: Open, written: Path, name: str) -> None:
    page = tab("#sort=-psnr&attack=dlg&attack=idlg")
    page.click("summary:has-text('Copy or download')")
    with page.expect_download() as waiting:
        page.click(f"button[aria-label='Download the rows as {name}']")
    text = Path(waiting.value.path()).read_text(encoding="utf-8")
    names, board = shown(page), leaderboard(query.cells(written.parent / "results"))
    by = {row.cell.identity: row.summary for row in board.rows}
    if name == "CSV":
        rows = list(csv.DictReader(io.StringIO(text)))
        assert [row["attack"] for row in rows] == names
        for row in rows:
            entry = by[row["identity"]].get("psnr")
            assert (float(row["psnr"]) == entry["mean"]) if entry else row["psnr"] == ""
        assert any("can't allocate" in row["reason"] for row in rows)
    elif name == "JSON":
        rows = json.loads(text)
        assert [row["attack"] for row in rows] == names and rows[0]["figures"]["psnr"]["low"] == by[
            rows[0]["identity"]
        ]["psnr"]["low"]
    else:
        assert text.count(r" \\") == len(names) + 1 and r"\toprule" in text and r"PSNR $\uparrow$ (dB)" in text


def test_rows_are_copied(tab: Open) -> None:
    page = tab("#attack=idlg", permissions=["clipboard-read", "clipboard-write"])
    page.click("summary:has-text('Copy or download')")
    page.click("button[aria-label='Copy the rows as CSV']")
    page.wait_for_selector("button:has-text('Copied')")
    assert page.evaluate("navigator.clipboard.readText()").splitlines()[1].startswith("idlg,")


def test_points_of_leakage_against_utility_lead_to_their_rows(tab: Open) -> None:
    page = tab()
    page.click(".tabs a:has-text('Defences')")
    point = page.locator("figure.plot a.family").first
    assert page.locator("figure.plot a.family").count() == len(page_cells.DEFENSES) + 1
    point.focus()
    assert "accuracy" in page.inner_text("#tip") and "under dlg" in page.inner_text("#tip")
    page.keyboard.press("Enter")
    assert page.inner_text("#cell h2") == "dlg on samples-cifar100"


def test_rows_without_a_result_say_why(tab: Open) -> None:
    page = tab()
    row = page.locator(f"section.board:not([hidden]) tr[data-cell='{201:016x}']")
    assert "can't allocate memory" in row.inner_text()
    row.locator("a.open").click()
    assert page.locator("#cell .failure").inner_text().startswith("This cell stopped: raised an error: RuntimeError")


def test_a_page_with_one_kind_of_row_has_no_filter_for_it(chromium: Any, tmp_path: Path) -> None:
    page_cells.add(tmp_path / "results", Kind("dlg", "cifar10"), 1, 2)
    file = write_page(tmp_path / "results", tmp_path / "index.html", pictures=False)
    tab = Tab(chromium)
    page = tab.open(file, f"#row={1:016x}")
    assert page.locator("[data-filter]").count() == 0 and "No private example" in page.inner_text("#cell")
    tab.close(file)
