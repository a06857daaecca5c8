"""An entry has everything that a cell has, its hashes, and no private picture if that is asked for."""

import hashlib
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from label_rows import label_row
from shared_cells import LABELS, cell_with, scores_in, tree

from bench.errors import UserError
from bench.results import query
from bench.results.store import Store
from bench.results.stored_labels import StoredLabels
from bench.sharing.archive import unpack
from bench.sharing.export import cells_of, export, holds_pictures

A, ENTRY = Path("a"), Path("entry.zip")


def test_what_is_exported_comes_back_byte_for_byte(tmp_path: Path) -> None:
    cell_with(A, {0: 0.1, 1: 0.2})
    count = export(cells_of([A]), ENTRY, pictures=True)
    unpack(ENTRY, tmp_path / "new")
    assert {name: content for name, content in tree(tmp_path / "new").items() if name != "manifest.json"} == tree(A)
    assert count == len(tree(A))


def test_the_manifest_has_the_hash_and_size_of_each_file_and_the_versions() -> None:
    cell_with(A, {0: 0.1})
    export(cells_of([A]), ENTRY, pictures=True)
    with zipfile.ZipFile(ENTRY) as file:
        manifest = json.loads(file.read("manifest.json"))
        for name, facts in manifest["files"].items():
            content = file.read(name)
            assert facts == {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
    assert {"python", "torch", "leakbench"} <= set(manifest["versions"]) and manifest["pictures"] is True


def test_without_pictures_no_pixel_and_no_sentence_is_in_the_entry_but_every_score(tmp_path: Path) -> None:
    cell = cell_with(A, {0: 0.1})
    secret = np.full((1, 1, 1, 4, 4), 0.25, np.float32)
    cell.append(
        [{"victim": 1, "status": "budget", "batch_size": 1}],
        [
            {"victim": 1, "position": 0, "sample": 3, "label": 1, "label_guess": 1, "mse": 0.2}
            | {"text": "my secret sentence", "text_guess": "my secret guess", "text_trace": "[]"}
        ],
        {"ids": np.array([1]), "truth": secret, "guess": secret, "curve_at": np.array([[1]]), "curve": np.ones((1, 1))},
    )
    assert holds_pictures([cell])
    export(cells_of([A]), ENTRY, pictures=False)
    unpack(ENTRY, tmp_path / "new")
    content = b"".join(tree(tmp_path / "new").values())
    assert b"secret" not in content and secret.astype(np.float16).tobytes() not in content
    (arrived,) = query.cells(tmp_path / "new").cells
    assert scores_in(tmp_path / "new") == {0: 0.1, 1: 0.2}
    assert not holds_pictures([arrived]) and [curve.victim for curve in query.curves(arrived)] == [1]


def test_cells_are_named_by_folder_or_all_at_once() -> None:
    cell = cell_with(A, {0: 0.1})
    assert [one.folder for one in cells_of([A])] == [one.folder for one in cells_of([cell.folder])]
    assert len(cells_of([A, cell.folder])) == 1
    Path("empty").mkdir()
    with pytest.raises(UserError, match="empty holds no cell"):
        cells_of([Path("empty")])
    cell_with(Path("b"), {0: 0.1})
    with pytest.raises(UserError, match="is named twice; merge the two folders first"):
        cells_of([A, Path("b")])


def test_a_foreign_file_in_a_cell_is_not_sent_and_nothing_is_written() -> None:
    cell = cell_with(A, {0: 0.1})
    (cell.parts / "passwords.txt").write_text("secret")
    with pytest.raises(UserError, match=r"passwords\.txt: it is not a file of leakbench"):
        export(cells_of([A]), ENTRY, pictures=True)
    assert sorted(path.name for path in Path().iterdir()) == ["a"]


def test_a_corrupt_part_is_not_sent() -> None:
    cell = cell_with(A, {0: 0.1})
    (part,) = cell.parts.glob("samples-*")
    part.write_bytes(part.read_bytes()[:-9])
    for pictures in (True, False):
        with pytest.raises(UserError, match="corrupt") as caught:
            export(cells_of([A]), ENTRY, pictures=pictures)
        assert "\n" not in str(caught.value) and not ENTRY.exists()


def test_label_inference_is_exported_whole_and_a_damaged_part_is_refused(tmp_path: Path) -> None:
    facts = {"labels": LABELS, "config": {"attack": {"labels": {}}, "data": {"victims": 2}, "model": {}, "seed": 0}}
    cell = Store(A).cell(StoredLabels, "yin-mnist-lenet", "0" * 16, facts)
    cell.append([label_row(0, 3), label_row(1, 4)])
    export(cells_of([A]), ENTRY, pictures=False)
    unpack(ENTRY, tmp_path / "new")
    assert {name: content for name, content in tree(tmp_path / "new").items() if name != "manifest.json"} == tree(A)
    (part,) = cell.parts.iterdir()
    part.write_bytes(part.read_bytes()[:-9])
    with pytest.raises(UserError, match=r"is corrupt|was not written by leakbench"):
        export(cells_of([A]), ENTRY, pictures=False)
