"""The allocator of a process keeps what is freed: a large block that is taken again costs no page faults."""

import os
import subprocess
import sys

FAULTS = """
import ctypes, resource, sys
from bench.host.allocator import keep_freed_memory
assert keep_freed_memory() is (sys.argv[1] == "kept")
libc, size = ctypes.CDLL(None), 40_000_000
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.memset.argtypes, libc.free.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t], [ctypes.c_void_p]
def use():
    block = libc.malloc(size)
    libc.memset(block, 1, size)
    libc.free(block)
use()  # the first block is new in any case
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    use()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(word: str, **variables: str) -> int:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("MALLOC_", "GLIBC_"))}
    done = subprocess.run(
        [sys.executable, "-c", FAULTS, word], capture_output=True, text=True, check=True, env=environment | variables
    )
    return int(done.stdout)


def test_a_freed_block_is_taken_again_without_the_kernel_unless_the_user_has_said_how() -> None:
    """Five blocks of 40 MB are 50,000 pages of 4 KiB; with huge pages, which some machines have, still 100."""
    assert faults("kept") < 20
    assert faults("left", MALLOC_TRIM_THRESHOLD_="100000") >= 100
