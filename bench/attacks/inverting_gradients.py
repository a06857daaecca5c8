"""Inverting Gradients (Geiping, Bauermeister, Dröge, Moeller 2020, arXiv 2003.14053)."""

from bench.attacks.gradient_matching import GradientMatching


class InvertingGradients(GradientMatching):
    """Minimises the angle between gradients instead of their distance, plus total variation (equation 4).

    min over x' of 1 - <g(x'), g*> / (||g(x')|| ||g*||) + alpha TV(x'), with x' in the range of inputs. As published,
    Adam takes the sign of the image's gradient, each step is projected onto the range, and the learning rate is
    multiplied by 0.1 after 3/8, 5/8 and 7/8 of the steps. For a batch of one, the label is inferred from the last
    layer; for larger batches the labels must be known.

    Departs: the best restart is the one with the lowest objective, total variation included (the published code leaves
    it out). The label of a single example is inferred from the gradient of the last bias if there is one
    (`bench.labels.last_layer`). `inverting_gradients_published` differs in nothing else, except that the learning rate
    may fall one step earlier or later. `inverting_gradients` minimises the same objective by L-BFGS, and
    `inverting_gradients_adam` returns the best iterate.
    """

    of_vectors = True
