"""Settings of the C library's allocator for the loop of an attack, which frees and takes the same large blocks."""

import ctypes
import functools
import os
import sys

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3  # malloc.h of glibc
_KEPT, _MORE = 2**31 - 1, 2**26  # bytes of free memory that a process keeps, and what it takes at a time beyond need
_VARIABLES = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_TOP_PAD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")


@functools.cache
def keep_freed_memory() -> bool:
    """Lets this process keep the memory that it frees, up to 2 GB, because taking it anew costs more than using it.

    By default glibc gives large blocks back to the kernel, which fills each page with zeros when it is taken again. An
    attack on a wide linear layer spends more than half of its time so. Nothing is done on systems without glibc, and if
    the user has set the allocator by a variable of the environment.

    Returns:
        Whether the allocator took the settings.
    """
    if not sys.platform.startswith("linux") or any(name in os.environ for name in _VARIABLES):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is None:
        return False
    settings = {_MMAP_THRESHOLD: 2**30, _TRIM_THRESHOLD: _KEPT, _TOP_PAD: _MORE}
    taken = [mallopt(*setting) == 1 for setting in settings.items()]
    return all(taken)
