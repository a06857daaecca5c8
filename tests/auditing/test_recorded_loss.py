"""Which of torch's losses a step computes."""

import torch
from torch import nn
from torch.nn import functional

from bench.auditing.recorded_loss import LossRecorder


def test_a_loss_is_seen_with_its_output_and_its_targets() -> None:
    z, y = torch.zeros(2, 3), torch.tensor([0, 1])
    with LossRecorder() as seen:
        value = nn.CrossEntropyLoss(label_smoothing=0.1)(z, y)
        functional.mse_loss(input=z[:, 0], target=y.float())
    first, second = seen.calls
    assert first.output is z and first.target is y and first.value is value and first.kind == "classes"
    assert first.options["label_smoothing"] == 0.1 and second.kind == "real"
