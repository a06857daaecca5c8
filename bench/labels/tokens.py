"""The tokens that a causal language model was trained to predict, from the rows of its untied output layer."""

import torch
from torch import Tensor

from bench.errors import NotApplicable
from bench.labels.base import LabelRule, last_weight
from bench.messages.observation import Observation


def predicted_tokens(gradient: Tensor) -> Tensor:
    """Which tokens a batch predicts, from the output layer's gradient: `[V, N, D]` -> `[V, N]`, bool.

    The row of token c is sum_t (p_tc - 1[y_t = c]) h_t. The rows of tokens that are not predicted are all nearly
    parallel to the mean hidden state, so the median over rows has its direction as long as less than half of the
    vocabulary is predicted. A row on its other side belongs to a predicted token.
    """
    direction = gradient.median(1).values.unsqueeze(-1)
    return (gradient @ direction).squeeze(-1) < 0


class TokenRule(LabelRule):
    """LLG's sign rule (arXiv 2105.09369) on the output layer of a causal language model: the set of predicted tokens.

    It is exact for an untrained model. It needs an output layer of its own, because the gradient of a tied one includes
    the input embedding's.

    Departs: LLG knows that features are positive. Hidden states are not, so the direction of the mean hidden state is
    taken from the gradient itself. The rule returns each token once, because rows do not count.
    """

    needs = frozenset({"last_linear"})

    def check(self, seen: Observation) -> None:
        """See `LabelRule.check`."""
        language = seen.task.language
        if language is None or language.head != "causal" or language.tied:
            raise NotApplicable(
                "label inference on tokens needs a causal language model whose output layer is not tied to its word "
                "embedding; for other models, take another rule (leakbench list labels)"
            )
        last_weight(seen)

    def __call__(self, seen: Observation, seed: int = 0) -> Tensor:
        """Returns the tokens of each batch in the order of the vocabulary, `[V, M]`; -1 fills up short rows."""
        self.check(seen)
        found = [row.nonzero().squeeze(1) for row in predicted_tokens(last_weight(seen))]
        return torch.nn.utils.rnn.pad_sequence(found, batch_first=True, padding_value=-1)
