"""The C file of this folder as a shared library, compiled on first use by the system's compiler.

The library lies in the cache folder, under a name that is a hash of everything that decides what is in it: the source,
the flags, the compiler and the processor. Several processes may build it at once; each writes aside and renames.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import platform
import shutil
import subprocess
from pathlib import Path

from bench.config.composing import cache_folder
from bench.errors import UserError
from bench.storage.atomic import aside, write_text
from bench.storage.hashing import sha256

# Never -ffast-math: with it, GCC links code that switches denormal numbers off for the whole process when the library
# is loaded. What is fused to be rounded once is written out in the source. -O3 gains nothing.
FLAGS = ("-O2", "-march=native", "-ffp-contract=off", "-shared", "-fPIC")
SOURCES = tuple(Path(__file__).with_name(name) for name in ("convolution.c", "convolution_lanes.h"))
_COMPILERS = ("cc", "gcc", "clang")
_LONGEST = 120  # seconds of a compilation
_CPUINFO = Path("/proc/cpuinfo")


class Unavailable(Exception):
    """There is no library; the text says why, in a few words."""


def load() -> ctypes.CDLL:
    """The library, compiled if this machine's cache has none; the same one at each call.

    Raises:
        Unavailable: there is no compiler, it fails, or the cache cannot be written.
    """
    found = _load(cache_folder(), os.environ.get("CC"), os.environ.get("PATH"))
    if isinstance(found, str):
        raise Unavailable(found)
    return found


@functools.cache
def _load(cache: str, compiler: str | None, path: str | None) -> ctypes.CDLL | str:
    """The library, or why there is none. The arguments are what may change within a process, as it does in tests."""
    command = next(
        (found for name in (compiler, *_COMPILERS) if name and (found := shutil.which(name, path=path))), None
    )
    if command is None:
        return "no C compiler is here"
    try:
        file = Path(cache) / "kernels" / f"convolution-{_key(command)}.so"
        if not _is_whole(file):
            _compile(command, file)
            write_text(_digest(file), sha256(file))
        return ctypes.CDLL(str(file))
    except subprocess.CalledProcessError as error:
        first = (error.stderr.strip().splitlines() or [""])[0]
        return f"the C compiler failed: {first[:120]}"
    except (OSError, subprocess.SubprocessError, UserError) as error:
        return f"{type(error).__name__}: {str(error)[:120]}"


def _digest(file: Path) -> Path:
    """The file with the hash of a library."""
    return file.with_suffix(".sha256")


def _is_whole(file: Path) -> bool:
    """Whether the library has the contents that were written; loading half a file would end this process."""
    return file.exists() and _digest(file).exists() and _digest(file).read_text() == sha256(file)


def _compile(command: str, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with aside(file, "LEAKBENCH_CACHE") as temporary:
        arguments = [command, *FLAGS, str(SOURCES[0]), "-o", str(temporary)]
        subprocess.run(arguments, check=True, capture_output=True, text=True, timeout=_LONGEST)


def _key(command: str) -> str:
    """A hash of the source, the flags, the compiler and the processor."""
    version = subprocess.run(
        [command, "--version"], check=True, capture_output=True, text=True, timeout=_LONGEST
    ).stdout
    parts = [*(source.read_text() for source in SOURCES), " ".join(FLAGS), version, _processor()]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _processor() -> str:
    """What `-march=native` goes by: the name and the instruction sets of the processor."""
    words = [platform.machine(), platform.processor()]
    if _CPUINFO.exists():
        wanted = ("model name", "flags", "Features", "CPU part")
        lines = _CPUINFO.read_text().split("\n\n")[0].splitlines()
        words += [line for line in lines if line.startswith(wanted)]
    return "\n".join(words)
