"""Recognises the errors that torch raises if a device is out of memory."""

import torch


def lacks_memory(error: RuntimeError | MemoryError) -> bool:
    """Whether an error says that the device is out of memory; torch has no type for it on a processor."""
    named = isinstance(error, torch.OutOfMemoryError | MemoryError)
    return named or "DefaultCPUAllocator: can't allocate memory" in str(error)
