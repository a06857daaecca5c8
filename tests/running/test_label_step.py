"""One victim of label inference becomes a row: of what is right, and of why nothing is."""

import pytest
import torch
from label_batches import SHAPE, shared

from bench.labels.base import LabelRule
from bench.labels.ilrg import ILRGRule
from bench.messages.victims import Victims
from bench.results.stored_labels import StoredLabels
from bench.running.label_step import row

LABELS = torch.tensor([[3, 3, 1, 7], [0, 5, 0, 2]])


def victims() -> Victims:
    count, size = LABELS.shape
    images, numbers = torch.zeros(count, size, *SHAPE), torch.arange(count)
    return Victims(images, LABELS, numbers + 10, torch.zeros(count, size, dtype=torch.long), numbers)


def failing(error: BaseException) -> LabelRule:
    """iLRG on a machine on which its linear algebra fails."""

    class Failing(ILRGRule):
        def counts(self, seen, seed):
            raise error

    return Failing()


def test_a_row_counts_what_is_right_for_its_own_victim() -> None:
    seen = shared(LABELS, 10, scale=0.01).take(torch.tensor([1]))
    found = row(ILRGRule(), seen, victims(), 1, 0)
    assert set(found) >= set(StoredLabels.required)
    assert (found["victim"], found["status"], found["repeats"]) == (11, "converged", 1)
    assert (found["labels"], found["right"], found["classes_right"], found["classes_true"]) == (4, 4, 3, 3)
    assert (found["batch_size"], found["inferred_batch_size"], found["largest_batch_size"]) == (4, 4, 36)


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (torch.linalg.LinAlgError("svd did not converge"), "nonfinite", "svd did not converge"),
        (MemoryError(), "out_of_memory", "the device ran out of memory"),
    ],
)
def test_a_rule_that_fails_claims_nothing_and_the_row_says_why(error: Exception, status: str, words: str) -> None:
    found = row(failing(error), shared(LABELS, 10).take(torch.tensor([0])), victims(), 0, 0)
    assert found["status"] == status and words in found["reason"]
    assert (found["right"], found["classes_claimed"], found["classes_true"]) == (0, 0, 3)


def test_a_fault_of_the_rule_itself_is_raised() -> None:
    with pytest.raises(RuntimeError, match="shapes"):
        row(failing(RuntimeError("shapes do not fit")), shared(LABELS, 10).take(torch.tensor([0])), victims(), 0, 0)


def test_without_a_linear_layers_gradient_no_batch_size_is_claimed() -> None:
    seen = shared(LABELS, 10).take(torch.tensor([0]))
    seen.gradients = {name: value for name, value in seen.gradients.items() if value.dim() == 2}

    class Nothing(ILRGRule):
        def counts(self, seen, seed):
            return torch.tensor([[4, 0, 0, 0, 0, 0, 0, 0, 0, 0]])

    found = row(Nothing(), seen, victims(), 0, 0)
    assert found["inferred_batch_size"] is found["largest_batch_size"] is None and found["right"] == 0
