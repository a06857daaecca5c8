"""TAG: Gradient Attack on Transformer-based Language Models (Deng et al. 2021, arXiv 2103.06819)."""

from bench.attacks.text.fixed_special_tokens import FixedSpecialTokens


class TAG(FixedSpecialTokens):
    """DLG on word embeddings with an absolute error in addition to the squared one (`bench.objectives.tag`), by Adam.

    min over e', y' of sum_l ||g_l - g*_l||^2 + a_l ||g_l - g*_l||_1; then the nearest word embedding by cosine is
    taken.

    Departs: the settings are those of the baseline in the code of LAMP's authors (Balunovic et al. 2022, arXiv
    2202.08827). There a is the same for all layers, the embeddings of start, end and padding are put back after each
    step (as here), and labels are known (here they are optimised unless granted). Their sum includes every gradient,
    even that of a key's bias, which is only rounding; ours does too.
    """
