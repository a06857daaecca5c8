"""A cell is found by what a person would type, and an ambiguous word is answered with what it can be."""

from pathlib import Path

import pytest
from paper_cells import add_cell

from bench.errors import UserError
from bench.results.find_cell import find


def test_by_identity_folder_and_part_of_its_name(tmp_path: Path) -> None:
    dlg, idlg = add_cell(tmp_path, "dlg", [0.1], data="mnist"), add_cell(tmp_path, "idlg", [0.1], data="mnist")
    for word in (idlg.identity, idlg.folder.name, str(idlg.folder), "idlg", "IDLG mnist", idlg.identity[-4:]):
        assert find(word, tmp_path).folder == idlg.folder
    assert find("dlg", tmp_path).folder == dlg.folder  # a whole word comes before a part of a longer one
    assert find(str(dlg.folder), tmp_path / "elsewhere").folder == dlg.folder


def test_what_is_not_one_cell_is_one_sentence(tmp_path: Path) -> None:
    add_cell(tmp_path, "dlg", [0.1], data="mnist")
    add_cell(tmp_path, "dlg", [0.1], data="lfw")
    with pytest.raises(UserError, match=r"'dlg' can be leak-dlg-lfw-\w+, leak-dlg-mnist-\w+; say more"):
        find("dlg", tmp_path)
    with pytest.raises(UserError, match=r"no cell 'dlg-mnst' in .*; did you mean 'dlg-mnist'\?"):
        find("dlg-mnst", tmp_path)
    with pytest.raises(UserError, match="no results folder at"):
        find("dlg", tmp_path / "nowhere")
