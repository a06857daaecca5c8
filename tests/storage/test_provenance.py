"""Each row names the commit and the libraries that made it: a real repository and the installed packages say which."""

import importlib.metadata
import importlib.util
import json
import platform
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType

import pytest

from bench.storage import provenance


def placed(root: Path) -> ModuleType:
    """The module as it runs from the source tree `root`."""
    path = root / "bench" / "storage" / "provenance.py"
    path.parent.mkdir(parents=True)
    shutil.copy(provenance.__file__, path)
    spec = importlib.util.spec_from_file_location("placed_provenance", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def git(root: Path, *words: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", "-C", root, *who, *words], capture_output=True, text=True, check=True).stdout.strip()


def test_the_commit_is_that_of_the_checkout_and_says_if_files_differ(tmp_path: Path) -> None:
    module = placed(tmp_path)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    (tmp_path / "untracked").write_text("a result")
    head = git(tmp_path, "rev-parse", "HEAD")[:12]
    assert module.commit() == head
    with (tmp_path / "bench" / "storage" / "provenance.py").open("a") as file:
        file.write("# changed\n")
    module.commit.cache_clear()
    assert module.commit() == f"{head}+dirty"


def test_outside_a_checkout_the_commit_is_unknown(tmp_path: Path) -> None:
    """An installed package has no commit; a repository around it, such as a user's own, is not its source."""
    git(tmp_path, "init", "-q")
    (tmp_path / "lib").mkdir()
    assert placed(tmp_path / "lib").commit() == "unknown"


def test_an_empty_repository_has_no_commit(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    assert placed(tmp_path).commit() == "unknown"


def test_the_versions_are_those_that_are_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "PACKAGES", ("torch", "numpy", "no-such-package"))
    found = json.loads(provenance.versions.__wrapped__())
    installed = {name: importlib.metadata.version(name) for name in ("torch", "numpy")}
    assert found == {"python": platform.python_version(), **installed, "no-such-package": "unknown"}


def test_a_stamp_says_where_when_and_by_which_version() -> None:
    found = provenance.stamp()
    assert (found["host"], found["commit"]) == (platform.node(), provenance.commit())
    assert found["versions"] == provenance.versions()
    begun = datetime.fromisoformat(found["started"])
    assert begun.tzinfo == UTC and timedelta(0) <= datetime.now(UTC) - begun < timedelta(minutes=1)
