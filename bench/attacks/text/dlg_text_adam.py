"""Deep Leakage from Gradients on sentences as LAMP's authors ran it (Zhu, Liu, Han 2019, arXiv 1906.08935)."""

from bench.attacks.text.fixed_special_tokens import FixedSpecialTokens


class DLGTextAdam(FixedSpecialTokens):
    """DLG of `dlg.sh` in eth-sri/lamp: squared error, Adam from normal noise, start, end and padding held.

    Departs: labels are known there, and optimised here unless granted.
    """
