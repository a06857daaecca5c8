"""What cannot be audited is one line in the words of the call, and what can be is audited."""

import numpy as np
import pytest
import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.nn import functional

import bench
from bench.errors import UserError
from tests.auditing.networks import classifier, image

X, Y = image(), torch.tensor([2])
FEW = {"attack": "idlg", "overrides": ("attack.evaluations=100",)}
KEYS = ("model.mode", "model.loss", "data.batch_size", "model.shared", "model.checkpoint", "training.")


class Around(nn.Module):
    """A network with something before or behind it."""

    def __init__(self, do) -> None:
        super().__init__()
        self.net, self.do, self.calls = classifier(), do, 0

    def forward(self, x: Tensor):
        self.calls += 1
        return self.do(self, x)


class Keyword(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = classifier()

    def forward(self, x: Tensor, *, scale: float) -> Tensor:
        return self.net(x) * scale


class Backward(LightningModule):
    def __init__(self, times: int) -> None:
        super().__init__()
        self.net, self.times = classifier(), times

    def training_step(self, batch, batch_idx):
        loss = functional.cross_entropy(self.net(batch[0]), batch[1])
        for _ in range(self.times):
            self.manual_backward(loss)
        if not self.times:
            loss.backward()
        return loss


class NoLoss(LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.net = classifier()

    def training_step(self, batch, batch_idx):
        return {"value": self.net(batch[0])}


def broken() -> nn.Module:
    net = classifier()
    net[0].weight.data[0] = float("nan")
    return net


def frozen() -> nn.Module:
    return classifier().requires_grad_(False)


def half_in_eval_mode() -> nn.Module:
    net = nn.Sequential(nn.BatchNorm2d(1), *classifier())
    net(10 * torch.rand(8, 1, 8, 8, generator=torch.Generator().manual_seed(0)))
    net[0].eval()
    return net


def scaled_by_calls(self: Around, x: Tensor) -> Tensor:
    return self.net(x) * self.calls


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
        (half_in_eval_mode(), (X.repeat(2, 1, 1, 1), Y.repeat(2)), "BatchNorm in eval mode inside a module in train"),
        (functional.cross_entropy, (X, Y), r"want a torch\.nn\.Module"),
    ],
)
def test_a_step_that_cannot_be_audited_is_one_line(module, batch, says: str) -> None:
    with pytest.raises(UserError, match=says) as caught:
        bench.audit(module, batch, loss=functional.cross_entropy, **FEW)
    words = str(caught.value)
    assert "\n" not in words and not any(key in words for key in KEYS)


@pytest.mark.parametrize(
    ("module", "says"),
    [
        (classifier(), "has no training_step: pass loss="),
        (LightningModule(), "has no training_step"),
        (Backward(0), "calls backward itself"),
        (Backward(2), "manual_backward 2 times"),
        (NoLoss(), "want the loss, or a dict with the key 'loss'"),
    ],
)
def test_a_training_step_that_cannot_be_audited_is_one_line(module, says: str) -> None:
    if not any(True for _ in module.parameters()):
        module.layer = nn.Linear(1, 1)
    with pytest.raises(UserError, match=says) as caught:
        bench.audit(module, (X, Y), **FEW)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (
            {"loss": lambda z, y: functional.cross_entropy(z.repeat(2, 1), y.repeat(2), reduction="none")},
            "want one number",
        ),
        ({"loss": lambda z, y: 1.0}, "the loss is a float"),
        ({"inputs": "picture"}, "inputs='picture': the batch has no tensor of this name"),
        ({"kind": "picture"}, "there are images, sequences, signals, tables"),
        ({"mean": [0.1, 0.2]}, "mean: want one number or 1, got 2"),
        ({"partly": 2}, "want 0 < recovered <= partly < 1"),
        ({"randomness": "guessed"}, "want 'known' or 'unknown'"),
        ({"attack": "idgl"}, "did you mean 'idlg'"),
        ({"defense": "gausian"}, "did you mean 'gaussian'"),
    ],
)
def test_arguments_that_mean_nothing_are_one_line(options, says: str) -> None:
    with pytest.raises(UserError, match=says) as caught:
        bench.audit(classifier(), (X, Y), **{"loss": functional.cross_entropy, **options})
    assert "\n" not in str(caught.value)


class Attention(nn.Module):
    def __init__(self, kind: str) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last, self.kind = nn.Linear(8, 8), nn.Linear(8, 4), kind
        self.heads = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x[:, 0])
        if self.kind == "fused":
            return self.last(functional.scaled_dot_product_attention(x, x, x).mean(1))
        return self.last(self.heads(x, x, x)[0].mean(1))


@pytest.mark.parametrize(
    ("module", "batch"),
    [
        (classifier().double(), (X.double(), Y)),
        (classifier().bfloat16(), (X.bfloat16(), Y)),
        (Attention("fused"), (X, Y)),
        (Attention("heads"), (X, Y)),
        (Attention("heads").eval(), (X, Y)),
        (Around(lambda self, x: self.net(x + 0.1 * torch.randn_like(x))), (X, Y)),
        (nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(inplace=True), *classifier()[2:]), (X, Y)),
    ],
    ids=["double", "bfloat16", "fused attention", "attention", "attention in eval mode", "random", "in place"],
)
def test_steps_that_look_difficult_are_audited(module, batch) -> None:
    report = bench.audit(module, batch, loss=functional.cross_entropy, **FEW)
    assert report.evaluations > 1 and report.room.rank > 0


def test_what_a_module_prints_is_held_back(capsys) -> None:
    def loud(self: Around, x: Tensor) -> Tensor:
        print("step")
        return self.net(x)

    report = bench.audit(Around(loud), (X, Y), loss=functional.cross_entropy, **FEW)
    assert not capsys.readouterr().out and any("prints" in note for note in report.notes)


def test_whether_it_leaks_needs_no_metric() -> None:
    report = bench.audit(classifier(), (X, Y), loss=functional.cross_entropy, overrides=("metric=psnr",))
    assert report.leaks and list(report.scores) == ["psnr"]
