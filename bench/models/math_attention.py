"""torch's attention in the form that can be differentiated twice.

The fused kernels of `scaled_dot_product_attention` have no second derivative on a processor, and the fast path of
`nn.MultiheadAttention` and `nn.TransformerEncoderLayer` in eval mode has not even a first one. The values are the same.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel


@contextmanager
def math_attention() -> Iterator[None]:
    """Inside this context, attention is computed by matrix products and a softmax, as the formula says."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
