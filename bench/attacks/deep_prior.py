"""Deep image prior (Ulyanov, Vedaldi, Lempitsky 2017, arXiv 1711.10925), as in CI-Net (Zhang et al., ICCV 2023)."""

from bench.attacks.gradient_matching import GradientMatching


class DeepPrior(GradientMatching):
    """Matches gradients by images that an untrained network draws, whose weights are optimised in place of pixels.

    min over w of 1 - <g(G(z; w)), g*> / (||g(G(z; w))|| ||g*||), where G is a convolutional generator with random
    weights w and z a random code that stays as it is (`bench.engine.generator`). No weight is trained beforehand, so
    the attacker needs no data. As published, Adam takes the sign of the gradient of w, with a rate of 1e-3, for 2,000
    steps, without total variation.

    Departs: the iterate with the lowest objective is returned. The published code returns, of 100 iterates, the one
    that is most similar to the private image, which no attacker knows. It is also given the labels, and it replaces the
    ReLUs of the victim's network by sigmoids; here the label of a batch of one is inferred, and the network is as it
    is. What departs in the generator is said there.
    """
