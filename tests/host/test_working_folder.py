"""The working folder is searched last: an installed package is never hidden by a folder of the user's."""

import importlib
import sys
from pathlib import Path

import pytest

from bench.host.working_folder import importable


def test_it_is_added_once_and_behind_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = [place for place in sys.path if place not in ("", str(tmp_path))]
    monkeypatch.setattr(sys, "path", list(before))
    monkeypatch.chdir(tmp_path)
    importable()
    importable()
    assert sys.path == [*before, str(tmp_path)]
    (tmp_path / "only_here_of_all_places.py").write_text("found = True")
    (tmp_path / "wandb").mkdir()
    (tmp_path / "wandb" / "__init__.py").write_text("raise ImportError('the wrong one')")
    importlib.invalidate_caches()
    try:
        assert importlib.import_module("only_here_of_all_places").found
        assert str(tmp_path) not in str(importlib.util.find_spec("wandb").origin)
    finally:
        sys.modules.pop("only_here_of_all_places", None)
