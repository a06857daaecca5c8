"""Improved Deep Leakage from Gradients (Zhao, Mopuri, Bilen 2020, arXiv 2001.02610)."""

from bench.attacks.gradient_matching import GradientMatching


class IDLG(GradientMatching):
    """Infers the label from the gradient of the last layer, and then optimises only the image (algorithm 1).

    The label is exact for a batch of one, under a cross entropy with hard labels and a linear last layer.

    Departs: `idlg` starts from gray images (the published code: normal noise), optimises the weighted cosine spectrum
    of the images instead of their pixels (`bench.engine.parametrisation`), accepts a step only if the objective
    decreases enough, and returns the best iterate. `idlg_published` does none of this.
    """

    of_vectors = True
