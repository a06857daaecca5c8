"""TAG: Gradient Attack on Transformer-based Language Models (Deng et al. 2021, arXiv 2103.06819)."""

from bench.attacks.text_matching import TextMatching


class TAG(TextMatching):
    """DLG on word embeddings, with an absolute error beside the squared one."""
