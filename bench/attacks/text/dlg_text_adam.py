"""Deep Leakage from Gradients on sentences as LAMP's authors ran it (Zhu, Liu, Han 2019, arXiv 1906.08935)."""

from bench.attacks.text.fixed_special_tokens import FixedSpecialTokens


class DLGTextAdam(FixedSpecialTokens):
    """DLG as in `dlg.sh` of eth-sri/lamp: squared error, Adam from normal noise, fixed start, end and padding.

    Departs: labels are known there; here they are optimised unless the threat model grants them.
    """
