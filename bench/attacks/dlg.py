"""Deep Leakage from Gradients (Zhu, Liu, Han 2019, arXiv 1906.08935)."""

from bench.attacks.gradient_matching import GradientMatching


class DLG(GradientMatching):
    """Images and labels are optimised together until their gradient equals the shared one (algorithm 1).

    min over x', y' of ||grad L(f(x'), softmax y') - g*||^2, with L-BFGS.

    Departs: `dlg` starts from gray images (the paper: normal noise), moves their weighted cosine spectrum
    rather than their pixels (`bench.engine.parametrisation`), accepts a step only where the objective goes down
    enough, and returns the best iterate. `dlg_published` does none of this.
    """
