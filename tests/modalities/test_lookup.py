"""Kinds of data are found by their names, ours and those of installed packages, and foreign names run nothing."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.datamodules.images import ImageDataModule
from bench.datamodules.text_base import TextDataModule
from bench.errors import UserError
from bench.modalities.lookup import modality, modality_of

OURS = sorted(path.stem for path in Path(modality.__wrapped__.__code__.co_filename).parent.glob("*s.py"))


def test_each_file_is_found_under_its_name():
    assert OURS == ["images", "rows", "sentences", "series"]
    assert [modality(name).name for name in OURS] == OURS
    assert modality("images") is modality("images")


def test_a_datamodule_names_a_kind_that_there_is():
    assert [modality(kind.modality).noun for kind in (ImageDataModule, TextDataModule)] == ["image", "sentence"]


def test_facts_that_do_not_say_are_of_images():
    assert modality_of({}) is modality_of({"data": {"classes": 3}}) is modality("images")
    assert modality_of({"data": {"modality": "sentences"}}) is modality("sentences")


@pytest.mark.parametrize(
    "name", ["base", "lookup", "scale", "graphs", "__init__", "images.py", "../images", "os.path", "\0"]
)
def test_what_is_no_kind_of_data_is_refused_in_one_line(name):
    with pytest.raises(UserError, match="no kind of data here is called") as caught:
        modality(name)
    assert str(caught.value).isprintable()


@pytest.mark.slow
@settings(max_examples=10)
@given(st.text())
def test_a_name_from_a_foreign_cell_can_be_anything(name):
    if name not in OURS:
        with pytest.raises(UserError):
            modality(name)


@pytest.mark.parametrize(
    ("value", "reason"), [("gone:MODALITY", "No module named 'gone'"), ("json:MODALITY", "no attribute 'MODALITY'")]
)
def test_a_package_that_cannot_be_imported_is_named(value, reason, tmp_path, monkeypatch):
    (tmp_path / "gone-1.dist-info").mkdir()
    (tmp_path / "gone-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: gone\nVersion: 1\n")
    (tmp_path / "gone-1.dist-info" / "entry_points.txt").write_text(f"[leakbench.modalities]\nwaves = {value}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(UserError, match=f"data of the kind 'waves' cannot be read: {value}: .*{reason}"):
        modality("waves")


def test_no_kind_of_data_needs_torch_to_be_reported():
    code = f"import sys; from bench.modalities.lookup import modality; [modality(n) for n in {OURS}]"
    subprocess.run([sys.executable, "-c", f"{code}; assert 'torch' not in sys.modules"], check=True, timeout=60)
