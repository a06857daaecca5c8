"""Deep Leakage from Gradients, on sentences (Zhu, Liu, Han 2019, arXiv 1906.08935)."""

from bench.attacks.text.text_matching import TextMatching


class DLGText(TextMatching):
    """Optimises word embeddings and labels together until their gradient equals the shared one.

    min over e', y' of ||grad L(f(e'), softmax y') - g*||^2 / ||g*||^2, by L-BFGS; then the nearest word embedding is
    taken at each place. This is exact if the gradient distinguishes words, as it does for weights with a standard
    deviation of 0.1. At BERT's own 0.02, attention is almost uniform, and the gradients of two different sentences
    differ by 1e-4 of their squared norm.

    Departs: the distance is divided by the size of the shared gradient, which changes no minimiser. Embeddings start
    near zero and label logits at zero (the paper: normal noise). The line search is strong Wolfe, and the best iterate
    is returned. We know of no published code for the paper's experiments on text, so there is no preset with its
    settings; `dlg_text_adam` has the settings with which LAMP's authors ran DLG for their tables (dlg.sh of
    eth-sri/lamp).
    """
