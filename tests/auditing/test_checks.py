"""What cannot be audited is one line in the words of the call, with what to do."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import bench
from bench.errors import UserError
from tests.auditing.networks import FEW, Around, X, Y, classifier

KEYS = ("model.mode", "model.loss", "data.batch_size", "model.shared", "model.checkpoint", "training.")


class Keyword(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = classifier()

    def forward(self, x: Tensor, *, scale: float) -> Tensor:
        return self.net(x) * scale


def broken() -> nn.Module:
    net = classifier()
    net[0].weight.data[0] = float("nan")
    return net


def frozen() -> nn.Module:
    return classifier().requires_grad_(False)


DEVICE = torch.device("meta")


@pytest.mark.parametrize(
    ("module", "batch", "says"),
    [
        (broken(), (X, Y), r"0\.weight hold NaN"),
        (classifier(), (X / 0, Y), "NaN or infinity"),
        (Around(lambda self, x: self.net(x) * (1 + np.random.rand())), (X, Y), r"not deterministic.*module\.eval\(\)"),
        (Around(lambda self, x: (self.net(x), x)), (X, Y), "returns a tuple.*the logits alone"),
        (Around(lambda self, x: {"logits": self.net(x)}), (X, Y), "the logits alone"),
        (Keyword(), (X, Y), "missing 1 required keyword-only argument: 'scale'; wrap the module"),
        (classifier(), (X.to(DEVICE), Y.to(DEVICE)), r"is on meta and the module on cpu: batch\.to\('cpu'\)"),
        (frozen(), (X, Y), "no trainable parameter"),
        (nn.Flatten(), (X, Y), "no trainable parameter"),
        (nn.Sequential(nn.Flatten(), nn.Linear(64, 4), nn.BatchNorm1d(4)), (X, Y), r"a larger batch, or module\.eval"),
        (Around(lambda self, x: self.net(0 * x)), (X, Y), "does not depend on the inputs"),
        (Around(lambda self, x: self.net(x).detach()), (X, Y), "depends on no trained parameter"),
        (classifier(), (X, torch.tensor([0.3])), r"class indices \[B\].*not real targets"),
        (classifier(), (X, Y + 20), "Target 22 is out of bounds"),
        (classifier(), (X[:0], Y[:0]), "no example"),
        (classifier(), ((255 * X).byte(), Y), "uint8.*divide images by 255"),
        (classifier(), (X[..., :4], Y), "cannot be multiplied"),
        (classifier(), {"image": X, "mask": X, "label": Y}, r"'image', 'mask', 'label'.*inputs=\.\.\., targets="),
        (classifier(), [], "a list without tensors"),
        (nn.Sequential(nn.Embedding(9, 4), nn.Flatten(), nn.Linear(20, 4)), (torch.zeros(1, 5).long(), Y), "token ids"),
        (nn.Sequential(nn.Flatten(), nn.Linear(64, 4)), (X[:, :, None], Y), "no kind that is served"),
        (functional.cross_entropy, (X, Y), r"want a torch\.nn\.Module"),
    ],
)
def test_a_step_that_cannot_be_audited_is_one_line(module, batch, says: str) -> None:
    with pytest.raises(UserError, match=says) as caught:
        bench.audit(module, batch, loss=functional.cross_entropy, **FEW)
    words = str(caught.value)
    assert "\n" not in words and not any(key in words for key in KEYS)
