"""The vision transformer: its formulas in torch's own layers, its second derivatives, and what APRIL solves."""

import pytest
import torch
from second_derivatives import check_mapped
from torch import Tensor, nn
from torch.nn import functional

from bench.models.introspect import introspect
from bench.models.vit import Attention, ViT

SIZES = {"patch": 4, "width": 24, "layers": 2, "heads": 2, "feed_forward": 20, "first_norm": True, "first_skip": True}
DEFAULTS = {**SIZES, "init_range": None, "mean": None, "std": None}
APRIL = {"first_norm": False, "first_skip": False}


def build(**changes) -> ViT:
    torch.manual_seed(0)
    return ViT(**{**DEFAULTS, "shape": (1, 12, 8), "classes": 5, **changes})


def images(count: int, *shape: int) -> Tensor:
    return torch.rand(count, *shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def test_attention_is_torchs() -> None:
    ours, theirs = Attention(12, 3).double(), nn.MultiheadAttention(12, 3, batch_first=True).double()
    with torch.no_grad():
        for ending in ("weight", "bias"):
            parts = [getattr(layer, ending) for layer in (ours.query, ours.key, ours.value)]
            getattr(theirs, f"in_proj_{ending}").copy_(torch.cat(parts))
            getattr(theirs.out_proj, ending).copy_(getattr(ours.output, ending))
    z = images(2, 5, 12)
    torch.testing.assert_close(ours(z), theirs(z, z, z)[0], rtol=1e-12, atol=1e-12)


def test_a_layer_is_torchs_encoder_layer_with_the_norm_first() -> None:
    ours = build().layers[1].double()
    theirs = nn.TransformerEncoderLayer(24, 2, 20, 0.0, "gelu", batch_first=True, norm_first=True).double().eval()
    pairs = [(ours.attention.output, theirs.self_attn.out_proj), (ours.attention_norm, theirs.norm1)]
    pairs += [(ours.norm, theirs.norm2), (ours.feed_forward[0], theirs.linear1), (ours.feed_forward[2], theirs.linear2)]
    with torch.no_grad():
        for mine, other in pairs:
            other.load_state_dict(mine.state_dict())
        inputs = [ours.attention.query, ours.attention.key, ours.attention.value]
        theirs.self_attn.in_proj_weight.copy_(torch.cat([layer.weight for layer in inputs]))
        theirs.self_attn.in_proj_bias.copy_(torch.cat([layer.bias for layer in inputs]))
    z = images(2, 7, 24)
    torch.testing.assert_close(ours(z), theirs(z), rtol=1e-12, atol=1e-12)


def test_patches_are_embedded_as_by_the_papers_convolution() -> None:
    """A convolution with a stride as wide as its kernel; the class token comes first, and positions are added."""
    model = build(shape=(3, 12, 8)).double()
    convolution = nn.Conv2d(3, 24, 4, stride=4).double()
    with torch.no_grad():
        convolution.weight.copy_(model.embedding.weight.view(24, 3, 4, 4))
        convolution.bias.copy_(model.embedding.bias)
    x = images(2, 3, 12, 8)
    found = model.tokens(x) - model.positions
    assert found.shape == (2, 7, 24)
    torch.testing.assert_close(found[:, 1:], convolution(x).flatten(2).transpose(1, 2), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(found[:, 0], model.class_token.expand(2, -1))


@pytest.mark.parametrize("changes", [{}, APRIL, {"mean": 0.5, "std": 0.25}], ids=["plain", "april", "normalised"])
def test_second_derivatives_mapped_over_victims_are_those_one_by_one(changes: dict) -> None:
    """With torch's own LayerNorm they would not be (tests/models/test_differentiable_norms.py)."""
    check_mapped(build(**changes), (1, 12, 8))


def test_it_can_be_attacked_many_victims_at_once_and_says_which_layer_is_last() -> None:
    facts = introspect(build(), functional.cross_entropy, (1, 12, 8), 5, 2)
    assert facts.mappable and (facts.last_linear, facts.last_bias) == ("fc.weight", "fc.bias")


@pytest.mark.parametrize(("changes", "holds"), [(APRIL, True), ({"first_norm": False}, False), ({}, False)])
def test_the_gradient_of_the_positions_holds_the_tokens_if_only_attention_follows(changes: dict, holds: bool) -> None:
    """APRIL, theorem 1: A^T z is the sum of W^T (grad W) over query, key and value, A the gradient of the positions."""
    model, x = build(**changes).double(), images(1, 1, 12, 8)
    gradients = torch.autograd.grad(functional.cross_entropy(model(x), torch.tensor([3])), list(model.parameters()))
    found = dict(zip(dict(model.named_parameters()), gradients, strict=True))
    names = [f"layers.0.attention.{name}.weight" for name in ("query", "key", "value")]
    right = sum(model.get_parameter(name).T @ found[name] for name in names)
    left = found["positions"].T @ model.tokens(x)[0]
    assert torch.allclose(left, right, rtol=1e-9, atol=1e-12) == holds


def test_one_layer_gives_a_gradient_of_the_positions_of_low_rank_and_two_do_not() -> None:
    """Of one layer only the class token's output is read: a query's row, and keys and values of rank 1 per head."""
    ranks = []
    for layers in (1, 2):
        model, x = build(**APRIL, layers=layers, heads=1).double(), images(1, 1, 12, 8)
        loss = functional.cross_entropy(model(x), torch.tensor([3]))
        (gradient,) = torch.autograd.grad(loss, model.positions)
        ranks.append(int(torch.linalg.matrix_rank(gradient, rtol=1e-10)))
    assert ranks == [3, 7]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"patch": 5}, "patch=5: must be a divisor of 12 and 8"),
        ({"patch": 0}, "patch=0: must be a divisor"),
        ({"heads": 5}, "heads=5, .*heads a divisor of width"),
        ({"layers": 0}, "layers=0, .*must all be >= 1"),
        ({"mean": 0.5}, "mean and std: want 1 numbers each"),
    ],
)
def test_bad_arguments_are_named(changes: dict, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        build(**changes)
