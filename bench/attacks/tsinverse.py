"""TS-Inverse: time series by gradient matching (Meijer et al. 2025, SaTML, arXiv 2503.20952)."""

from bench.attacks.gradient_matching import GradientMatching


class TSInverse(GradientMatching):
    """Minimises the absolute differences between gradients, plus terms for what time series are like.

    min over x' of sum_l ||g_l(x') - g*_l||_1 + a mean|x'_t - x'_{t + period}| + b mean|x'_t - line(x')_t|, by Adam on
    the sign of the gradient (`bench.objectives.absolute_error`, `bench.priors.periodicity`, `bench.priors.trend`).

    The paper was not at hand. This follows the authors' code (github.com/Capsar/ts-inverse), which was read and not
    copied.

    Departs: the code attacks forecasters under a mean squared error, and infers or optimises the values to forecast
    too. The data sets here have classes, which a rule infers for batches of one (in place of its exact inference of
    the target there), and which have to be known for larger ones. The third part of its loss is left out: a network,
    trained on the gradients of public series, that predicts quantiles between which the dummies are kept; the threat
    models of series grant no public series. It optimises dropout masks, and none of the models here has dropout. It
    clips to the range of its data, which are scaled to [0, 1]; standardised series have no bounds. Its learning rate
    falls when the objective no longer does; here it falls at fixed shares of the budget. `tsinverse_published` has
    these departures and those of its terms alone. `tsinverse` gives Adam the gradient instead of its sign, weighs the
    terms less, starts from the mean, and returns the best iterate.
    """

    of_vectors = True

    @property
    def needs(self) -> frozenset[str]:
        """The needs of `GradientMatching`, and time series."""
        return super().needs | {"series"}
