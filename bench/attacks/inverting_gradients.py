"""Inverting Gradients (Geiping, Bauermeister, Dröge, Moeller 2020, arXiv 2003.14053)."""

from bench.attacks.gradient_matching import GradientMatching


class InvertingGradients(GradientMatching):
    """The angle between gradients is made small instead of their distance, and the image smooth (equation 4).

    min over x' of 1 - <g(x'), g*> / (||g(x')|| ||g*||) + alpha TV(x'), x' in the range of inputs. As published: Adam on
    the sign of the image's gradient, projected onto the range after each step, the rate times 0.1 after 3/8, 5/8 and
    7/8 of the steps. For a batch of one the label is read off the last layer; for larger ones labels have to be known.

    Departs: the best restart is that with the lowest objective, total variation included (the code: without it). The
    label of a single example comes from the gradient of the last bias where there is one (`bench.labels.last_layer`).
    `inverting_gradients_published` departs in nothing else but that a rate falls a step earlier or later;
    `inverting_gradients` minimises the same objective by L-BFGS, and `inverting_gradients_adam` takes the best iterate.
    """
