"""iLRG against the published figures (Ma et al. 2023), on real images and networks; run as a script, it prints a table.

    python tests/ilrg_figures.py model=fcn3 data=mnist
    python tests/ilrg_figures.py model=lenet5 data=cifar100

The published figures are those in the logs of the authors' code: the means over 50 batches, all with one set of initial
weights. Here, each batch has initial weights of its own. A batch that is larger than the data set is drawn with
replacement.
"""

import sys
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from bench.client import Client
from bench.config.compose import compose
from bench.labels.ilrg import ILRGRule
from bench.messages.victims import Victims
from bench.running.components import build

PUBLISHED = {  # B -> LeAcc, LnAcc, IRec
    "model=lenet5": {24: (1.0, 1.0, 1.0), 128: (1.0, 1.0, 1.0), 256: (1.0, 0.997, 1.0), 1024: (1.0, 0.851, 0.992)},
    "model=fcn3": {
        24: (1.0, 0.994, 1.0), 32: (0.982, 0.804, 0.975), 64: (0.998, 0.598, 0.957), 128: (1.0, 0.386, 0.963)
    },
}  # fmt: skip
_INPUTS = {  # how the authors normalise CIFAR-100; model=fcn3 has their numbers for MNIST
    "model=lenet5": ["model.mean=[0.5072,0.4867,0.4412]", "model.std=[0.2673,0.2564,0.2762]"],
    "model=fcn3": [],
}
_AT_ONCE = 4_096  # images whose gradients are computed together


@dataclass
class Figures:
    """Three measures of the authors, each `[V]`, of counts that are rounded but do not sum to B yet.

    Args:
        classes: LeAcc, the share of the K classes of which it is known whether the batch has them.
        counts: LnAcc, the share of the K classes whose count is right.
        labels: IRec, the share of the B labels that are right.
    """

    classes: Tensor
    counts: Tensor
    labels: Tensor

    def means(self) -> tuple[float, float, float]:
        """The mean over the batches of each measure."""
        return float(self.classes.mean()), float(self.counts.mean()), float(self.labels.mean())

    def errors(self) -> tuple[float, float, float]:
        """The standard error of each mean."""
        each = (self.classes, self.counts, self.labels)
        first, second, third = (float(x.std() / len(x) ** 0.5) for x in each)
        return first, second, third


def scored(estimates: Tensor, truth: Tensor) -> Figures:
    """The measures of estimates `[V, K]` against the true counts `[V, K]`."""
    total = truth.sum(1, keepdim=True)
    found = estimates.clamp(min=0).round()
    found = found.where(found <= total, 0.0)
    right = torch.minimum(found, truth).sum(1) / total.squeeze(1)
    return Figures(((found > 0) == (truth > 0)).double().mean(1), (found == truth).double().mean(1), right)


def figures(model: str, data: list[str], size: int, batches: int) -> Figures:
    """The measures of iLRG on batches of real images, each with an untrained network of its own.

    Args:
        model: `model=lenet5` or `model=fcn3`.
        data: overrides that choose the data set.
        size: B.
        batches: V.
    """
    cfg = compose(["attack=noise", "logger=none", "metric=mse", "engine.threads=1", model, *_INPUTS[model], *data])
    parties = build(cfg)
    count = parties.data.size_of_pool
    everything = parties.data.deal(range(count))  # batches of one
    truth, estimates = [], []
    for begin in range(0, batches, max(_AT_ONCE // size, 1)):
        numbers = range(begin, min(begin + max(_AT_ONCE // size, 1), batches))
        victims = _drawn(everything, size, numbers)
        estimates.append(_estimates(parties.client, victims))
        classes = estimates[-1].shape[1]
        truth.append(torch.stack([torch.bincount(row, minlength=classes) for row in victims.labels]).double())
    return scored(torch.cat(estimates), torch.cat(truth))


def _drawn(everything: Victims, size: int, numbers: range) -> Victims:
    """Batches of `size` images at random, with replacement only if there are too few."""
    count, rows = len(everything.labels), []
    for number in numbers:
        random = torch.Generator().manual_seed(number)
        enough = size <= count
        order = torch.randperm(count, generator=random) if enough else torch.randint(count, (size,), generator=random)
        rows.append(order[:size])
    chosen, ids = torch.stack(rows), torch.tensor(numbers)
    return Victims(
        everything.inputs[chosen, 0], everything.labels[chosen, 0], ids, everything.samples[chosen, 0], ids * 0
    )


def _estimates(client: Client, victims: Victims) -> Tensor:
    seen = replace(client.share(victims), batch_size=victims.labels.shape[1])
    rule = ILRGRule()
    rule.check(seen)
    return rule.estimates(seen)


def main(arguments: list[str]) -> None:
    """Prints published and measured figures beside each other, for one model and data set."""
    (model,) = [word for word in arguments if word.startswith("model=")]
    data = [word for word in arguments if word != model]
    print("| B | LeAcc | here | LnAcc | here | IRec | here |\n| --: | --: | --: | --: | --: | --: | --: |")
    for size, published in PUBLISHED[model].items():
        found = figures(model, data, size, batches=20 if size > 500 else 200)
        pairs = zip(published, found.means(), found.errors(), strict=True)
        print(
            "| " + " | ".join([f"{size:,}", *(f"{p:.3f} | {m:.3f} ± {e:.3f}" for p, m, e in pairs)]) + " |", flush=True
        )


if __name__ == "__main__":
    main(sys.argv[1:])
