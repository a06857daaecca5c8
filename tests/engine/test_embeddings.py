"""How dummy sentences are laid out in a vector: embeddings first, then the label logits, scaled."""

import pytest
import torch

from bench.engine.embeddings import Embedded

B, T, D, K = 2, 3, 4, 5


def test_known_labels_leave_embeddings_only() -> None:
    layout = Embedded(B, T, D, 0)
    z = torch.arange(2.0 * layout.n).view(2, -1)
    embedded, logits = layout.split(z)
    assert layout.n == layout.inputs == B * T * D and logits is None
    assert torch.equal(embedded, z.view(2, B, T, D))


@pytest.mark.parametrize(("places", "shape"), [(1, (B, K)), (T, (B, T, K))])
def test_logits_of_classes_or_of_tokens_stand_behind_them_and_are_scaled(places: int, shape: tuple) -> None:
    layout = Embedded(B, T, D, K, places, scale=0.5)
    z = torch.arange(2.0 * layout.n).view(2, -1)
    embedded, logits = layout.split(z)
    assert layout.n == B * T * D + B * places * K
    assert embedded.flatten(1).tolist() == z[:, : B * T * D].tolist()
    assert logits is not None and logits.shape == (2, *shape)
    assert (2 * logits).flatten(1).tolist() == z[:, B * T * D :].tolist()
