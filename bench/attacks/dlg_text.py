"""Deep Leakage from Gradients on sentences (Zhu, Liu, Han 2019, arXiv 1906.08935, section 4.3)."""

from bench.attacks.text_matching import TextMatching


class DLGText(TextMatching):
    """Word embeddings and labels are optimised together until their gradient equals the shared one.

    min over e', y' of ||grad L(f(e'), softmax y') - g*||^2 / ||g*||^2; then the nearest word embedding at each place.
    """
