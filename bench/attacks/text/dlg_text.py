"""Deep Leakage from Gradients, on sentences (Zhu, Liu, Han 2019, arXiv 1906.08935)."""

from bench.attacks.text.text_matching import TextMatching


class DLGText(TextMatching):
    """Word embeddings and labels are optimised together until their gradient equals the shared one.

    min over e', y' of ||grad L(f(e'), softmax y') - g*||^2 / ||g*||^2, with L-BFGS; then the nearest word embedding at
    each place. Exact where the gradient tells words apart: weights of a deviation of 0.1. At BERT's own 0.02 attention
    is next to uniform, and the gradients of two different sentences differ by 1e-4 of their squared norm.

    Departs: the distance is over the shared gradient's size, which changes no minimiser; embeddings start near zero and
    label logits at zero (the paper: normal noise); the line search is strong Wolfe; the best iterate is returned. We
    know of no published code for the paper's experiments on text, so there is no preset with its settings;
    `dlg_text_adam` has those with which LAMP's authors ran DLG for their tables (dlg.sh of eth-sri/lamp).
    """
