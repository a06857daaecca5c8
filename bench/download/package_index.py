"""Fetches a known distribution from the package index that pip is set up for, and reads files from it."""

from __future__ import annotations

import io
import pickle
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.download.hub import UnreachableError
from bench.storage.hashing import sha256

SECONDS = 600  # the limit for a whole download, which is 64 MB on a slow line


def download(
    name: str,
    version: str,
    digest: str,
    folder: Path,
    seconds: float = SECONDS,
    *,
    wheel: bool = False,
    target: Sequence[str] = (),
) -> Path:
    """Fetches the source distribution or the wheel of a package with pip.

    pip runs the setup script of a source distribution to build its metadata. With `--require-hashes` it checks the
    archive first, so only the archive that `digest` names is ever opened or run. No code in a wheel is run.

    Args:
        name: the package.
        version: its version.
        digest: the SHA-256 of the archive, in hexadecimal.
        folder: an empty folder for the archive.
        seconds: the most seconds that pip may take.
        wheel: whether to fetch the wheel; otherwise the source distribution is fetched.
        target: options of pip that name the machine that the wheel is for (`--platform`, ...). So a wheel with compiled
            code is the same file, with the same hash, wherever it is only read; empty for this machine.

    Returns:
        The path of the archive.

    Raises:
        UnreachableError: pip is missing, no index answers, the index has no such file, or the file has another hash.
    """
    requirement = folder / "requirement.txt"
    requirement.write_text(f"{name}=={version} --hash=sha256:{digest}\n", encoding="utf-8")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"]
    command += ["--timeout", "5", "--retries", "1", "--no-deps", "--require-hashes"]
    command += ["--only-binary" if wheel else "--no-binary", name, *target]
    command += ["--dest", str(folder), "--requirement", str(requirement)]
    try:
        # pip runs in `folder`, because `-m` would otherwise import modules from the caller's working folder.
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
    """The first error that pip reports, in one line."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")] or lines[-1:]
    return f"pip says: {errors[0].rstrip('.')}" if errors else "pip left no archive and no message"


class _Arrays(pickle.Unpickler):
    """Admits the names that a pickled numpy array needs, and no others."""

    def find_class(self, module: str, name: str) -> Any:
        if (module.replace("numpy._core", "numpy.core"), name) == ("numpy.core.multiarray", "_reconstruct"):
            return np.empty(0).__reduce__()[0]  # numpy 1 and 2 keep it in different places
        if (module, name) in (("numpy", "ndarray"), ("numpy", "dtype")):
            return getattr(np, name)
        raise pickle.UnpicklingError(f"{module}.{name} is not part of an array")


def load_arrays(data: bytes) -> Any:
    """Reads nested dicts of numpy arrays from a pickle, without running any other code that the pickle names.

    Raises:
        pickle.UnpicklingError: the pickle names something other than numpy's array reconstruction.

    Example:
        >>> load_arrays(pickle.dumps({"a": np.arange(3)}))
        {'a': array([0, 1, 2])}
    """
    return _Arrays(io.BytesIO(data)).load()


def read_member(archive: Path, ending: str) -> bytes:
    """Reads the one file in a tar archive or wheel whose path ends in `ending`, without writing to disk.

    Raises:
        UnreachableError: there is no such file, or there is more than one.
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
