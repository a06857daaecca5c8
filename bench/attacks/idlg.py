"""Improved Deep Leakage from Gradients (Zhao, Mopuri, Bilen 2020, arXiv 2001.02610)."""

from bench.attacks.gradient_matching import GradientMatching


class IDLG(GradientMatching):
    """The label is read off the gradient of the last layer; then only the image is optimised (algorithm 1).

    Exact label for a batch of one under a cross entropy with hard labels and a linear last layer.

    Departs: `idlg` starts from gray images (the code: normal noise), moves their weighted cosine spectrum
    rather than their pixels (`bench.engine.parametrisation`), accepts a step only where the objective goes down
    enough, and returns the best iterate. `idlg_published` does none of this.
    """
