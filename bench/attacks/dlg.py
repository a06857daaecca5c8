"""Deep Leakage from Gradients (Zhu, Liu, Han 2019, arXiv 1906.08935)."""

from bench.attacks.gradient_matching import GradientMatching


class DLG(GradientMatching):
    """Optimises images and labels together until their gradient equals the shared one (algorithm 1).

    min over x', y' of ||grad L(f(x'), softmax y') - g*||^2, by L-BFGS.

    Departs: `dlg` starts from gray images (the paper: normal noise), optimises the weighted cosine spectrum of the
    images instead of their pixels (`bench.engine.parametrisation`), accepts a step only if the objective decreases
    enough, and returns the best iterate. `dlg_published` does none of this.
    """

    of_vectors = True
