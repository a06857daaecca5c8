"""Networks with torch's attention are differentiated twice, without a word from the user."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

import bench
from bench.models.differentiable_norms import replace_norms
from bench.models.introspect import gradient_of, introspect


class Patches(nn.Module):
    """Four patches, one attention layer in one of torch's ways, a linear head."""

    def __init__(self, kind: str, width: int = 8) -> None:
        super().__init__()
        self.patch = nn.Conv2d(1, width, 4, 4)
        self.place = nn.Parameter(torch.randn(1, 4, width))
        self.mix = {
            "sdpa": lambda: nn.Linear(width, 3 * width),
            "multihead": lambda: nn.MultiheadAttention(width, 2, batch_first=True),
            "encoder": lambda: nn.TransformerEncoderLayer(
                width, 2, 16, dropout=0.0, activation="gelu", batch_first=True
            ),
        }[kind]()
        self.kind, self.head = kind, nn.Linear(width, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        t = self.patch(x).flatten(2).transpose(1, 2) + self.place
        if self.kind == "sdpa":
            t = t + F.scaled_dot_product_attention(*self.mix(t).chunk(3, -1))
        elif self.kind == "multihead":
            t = t + self.mix(t, t, t, need_weights=False)[0]
        else:
            t = self.mix(t)
        return self.head(t.mean(1))


@pytest.mark.parametrize("kind", ["sdpa", "multihead", "encoder"])
def test_attention_has_a_second_derivative(kind: str) -> None:
    torch.manual_seed(0)
    model = Patches(kind).double().eval()
    x, y = torch.rand(1, 1, 8, 8, dtype=torch.float64, requires_grad=True), torch.tensor([1])
    parameters = {name: value.detach() for name, value in model.named_parameters()}
    gradient = gradient_of(model, F.cross_entropy)

    def size(x: torch.Tensor) -> torch.Tensor:
        return sum(g.square().sum() for g in gradient(parameters, {}, x, y).values())

    assert torch.autograd.gradcheck(size, x, fast_mode=True)
    wanted = torch.autograd.grad(F.cross_entropy(model(x), y), list(model.parameters()))  # torch's own kernel
    for ours, theirs in zip(gradient(parameters, {}, x, y).values(), wanted, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_an_audit_needs_no_setting_of_the_callers() -> None:
    torch.manual_seed(0)
    model, batch = Patches("multihead").eval(), (torch.rand(1, 1, 8, 8), torch.tensor([1]))
    few = ("metric=mse", "attack.evaluations=40")
    found = bench.audit(model, F.cross_entropy, batch, overrides=few)
    with sdpa_kernel(SDPBackend.MATH):
        wanted = bench.audit(model, F.cross_entropy, batch, overrides=few)
    assert torch.equal(found.inputs, wanted.inputs) and found.objective == wanted.objective < 1e-2


@pytest.mark.parametrize("kind", ["sdpa", "multihead", "encoder"])
def test_attention_passes_the_probe_and_leaves_torchs_settings_alone(kind: str) -> None:
    model = Patches(kind).eval()
    replace_norms(model)
    facts = introspect(model, F.cross_entropy, (1, 8, 8), 3, 2)
    assert facts.last_bias == "head.bias" and facts.mappable
    assert torch.backends.mha.get_fastpath_enabled() and torch.backends.cuda.flash_sdp_enabled()
