"""The C file is compiled once per machine, by whoever comes first, and changes nothing for the rest of the process."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from bench.engine.kernels import convolution, library
from bench.engine.kernels.library import Unavailable, load

BUILD = "from bench.engine.kernels.library import load; print(load('history')._name)"


def test_denormal_numbers_still_exist() -> None:
    """-ffast-math would switch them off for this thread when the library is loaded. Ours reads and writes them."""
    load("convolution")
    tiny = torch.full((8, 1, 1, 1, 1), 1e-39)
    found = convolution.output(tiny, torch.ones(8, 1, 1, 1, 1), (1, 1), (0, 0))
    assert ((tiny * 1).double() - 1e-39).abs().max() < 1e-45 and torch.equal(found, tiny)


@pytest.mark.parametrize("hidden", ["PATH", "all compilers fail"])
def test_without_a_compiler_it_says_why(hidden: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("LEAKBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    if hidden != "PATH":
        broken = tmp_path / "cc"
        broken.write_text('#!/bin/sh\n[ "$1" = --version ] && exit 0\necho "cc: no such header" >&2\nexit 1\n')
        broken.chmod(0o755)
    with pytest.raises(Unavailable, match="no C compiler is here" if hidden == "PATH" else "cc: no such header"):
        load("history")
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_the_name_depends_on_source_flags_compiler_and_processor(tmp_path: Path, monkeypatch) -> None:
    compiler = tmp_path / "cc"

    def named(version: str) -> str:
        compiler.write_text(f"#!/bin/sh\necho {version}\n")
        compiler.chmod(0o755)
        return library._key(str(compiler), "history")

    other = tmp_path / "other.c"
    other.write_text("int x;")
    names = {named("1"), named("2")}
    changes = (("sources", lambda name: [other]), ("FLAGS", ("-O1",)), ("_processor", lambda: "another"))
    for name, value in changes:
        with monkeypatch.context() as changed:
            changed.setattr(library, name, value)
            names.add(named("1"))
    assert len(names) == 5 and named("1") in names


def test_a_compiler_without_openmp_serves_with_one_thread(tmp_path: Path, monkeypatch) -> None:
    real = shutil.which("cc")
    compiler = tmp_path / "cc"
    compiler.write_text(f'#!/bin/sh\ncase "$*" in *-fopenmp*) exit 1;; esac\nexec {real} "$@"\n')
    compiler.chmod(0o755)
    monkeypatch.setenv("CC", str(compiler))
    monkeypatch.setenv("LEAKBENCH_CACHE", str(tmp_path / "cache"))
    assert b"GOMP_parallel" not in Path(load("history")._name).read_bytes()


@pytest.mark.slow
def test_processes_that_build_at_once_leave_one_whole_file(tmp_path: Path) -> None:
    environment = os.environ | {"LEAKBENCH_CACHE": str(tmp_path)}
    command = [sys.executable, "-c", BUILD]
    children = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    names = {child.communicate()[0].strip() for child in children}
    assert [child.returncode for child in children] == [0, 0]
    (name,) = names
    files = {str(path) for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {name, name.replace(".so", ".sha256")}


def test_a_damaged_file_is_built_again(tmp_path: Path, monkeypatch) -> None:
    whole = Path(load("history")._name)
    monkeypatch.setenv("LEAKBENCH_CACHE", str(tmp_path))
    monkeypatch.setattr(library, "_compile", lambda command, name, file: shutil.copy(whole, file))
    file = tmp_path / "kernels" / whole.name
    file.parent.mkdir()
    file.write_bytes(whole.read_bytes()[:1000])
    file.with_suffix(".sha256").write_text("another")
    assert (
        load("history")._name == str(file)
        and load("history") is load("history")
        and file.read_bytes() == whole.read_bytes()
    )
