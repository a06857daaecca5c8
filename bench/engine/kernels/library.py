"""The C files of this folder as shared libraries, compiled on first use by the system's compiler.

A library lies in the cache folder, under a name that has a hash of everything that decides what is in it: the source,
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
# A compiler without OpenMP gets a second chance: the code then runs in one thread. GCC's OpenMP is that of torch, which
# is loaded already, so both share one set of threads.
_THREADS = (("-fopenmp",), ())
_COMPILERS = ("cc", "gcc", "clang")
_LONGEST = 120  # seconds of a compilation
_CPUINFO = Path("/proc/cpuinfo")


class Unavailable(Exception):
    """There is no library; the text says why, in a few words."""


def load(name: str) -> ctypes.CDLL:
    """A library, compiled if this machine's cache has none; the same one at each call.

    Args:
        name: that of its C file, which may include a header of the name with `_lanes`.

    Raises:
        Unavailable: there is no compiler, it fails, or the cache cannot be written.
    """
    found = _load(name, cache_folder(), os.environ.get("CC"), os.environ.get("PATH"))
    if isinstance(found, str):
        raise Unavailable(found)
    return found


def is_available(name: str) -> bool:
    """Whether `load` has a library to return."""
    try:
        load(name)
    except Unavailable:
        return False
    return True


@functools.cache
def _load(name: str, cache: str, compiler: str | None, path: str | None) -> ctypes.CDLL | str:
    """The library, or why there is none. The last three are what may change within a process, as it does in tests."""
    command = next((found for one in (compiler, *_COMPILERS) if one and (found := shutil.which(one, path=path))), None)
    if command is None:
        return "no C compiler is here"
    try:
        file = Path(cache) / "kernels" / f"{name}-{_key(command, name)}.so"
        if not _is_whole(file):
            _compile(command, name, file)
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


def sources(name: str) -> list[Path]:
    """The files that a library is made of; the C file comes first."""
    folder = Path(__file__).parent
    return [folder / f"{name}.c", folder / f"{name}_lanes.h"]


def _compile(command: str, name: str, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with aside(file, "LEAKBENCH_CACHE") as temporary:
        for threads in _THREADS:
            arguments = [command, *FLAGS, *threads, str(sources(name)[0]), "-o", str(temporary)]
            done = subprocess.run(arguments, capture_output=True, text=True, timeout=_LONGEST)
            if not done.returncode:
                return
        done.check_returncode()


def _key(command: str, name: str) -> str:
    """A hash of the source, the flags, the compiler and the processor."""
    version = subprocess.run(
        [command, "--version"], check=True, capture_output=True, text=True, timeout=_LONGEST
    ).stdout
    parts = [*(source.read_text() for source in sources(name)), " ".join(FLAGS), version, _processor()]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _processor() -> str:
    """What `-march=native` goes by: the name and the instruction sets of the processor."""
    words = [platform.machine(), platform.processor()]
    if _CPUINFO.exists():
        wanted = ("model name", "flags", "Features", "CPU part")
        lines = _CPUINFO.read_text().split("\n\n")[0].splitlines()
        words += [line for line in lines if line.startswith(wanted)]
    return "\n".join(words)
