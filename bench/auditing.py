"""`bench.audit`: does this training step leak its batch? For a module and a batch at hand, without configs or files."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from bench.attacks.base import Attack
from bench.build import instantiate
from bench.client import Client, DataFacts
from bench.config import compose
from bench.defenses.stack import defense_of
from bench.engine.settings import Engine
from bench.errors import UserError
from bench.leakage import claims
from bench.messages import Status, Victims
from bench.metrics.scorer import Scorer
from bench.threat import Threat


@dataclass(frozen=True, eq=False)
class Audit:
    """What an attacker who sees the gradient of this step gets.

    Args:
        scores: `{metric: [B]}`; NaN where undefined (see `reasons`).
        inputs: `[B, C, H, W]` in [0, 1], the reconstruction, in the order of the batch.
        labels: `[B]`, the labels that the attack claims (-1: none).
        status: how the attack ended.
        objective: the attacker's own objective at its result.
        evaluations: of the objective and its gradient.
        reasons: `{metric: sentence}` for metrics that cannot be computed here.
    """

    scores: dict[str, Tensor]
    inputs: Tensor
    labels: Tensor
    status: Status
    objective: float
    evaluations: int
    reasons: dict[str, str] = field(default_factory=dict)

    @property
    def leaks(self) -> bool:
        """Whether any image came back below a mean squared error of 1e-2 (the success of iDLG's figure 1)."""
        return not self.status.failed and bool((self.scores["mse"] <= 1e-2).any())


def audit(
    module: nn.Module,
    loss: Callable[[Tensor, Tensor], Tensor],
    batch: tuple[Tensor, Tensor],
    attack: str = "idlg",
    *,
    overrides: Sequence[str] = (),
    seed: int = 0,
) -> Audit:
    """Attacks one training step of `module` and scores what comes back.

    Args:
        module: as it stands, weights, train or eval mode, and which parameters are trained (`requires_grad`): only
            their gradients are shared. It takes images `[B, C, H, W]` in [0, 1] (put a
            normalisation inside it: `bench.models.normalise.Normalise`) and returns logits `[B, classes]`. Not changed.
        loss: `(logits, targets) -> scalar`; for an attack that optimises labels the targets are probabilities.
        batch: inputs `[B, C, H, W]` in [0, 1] and labels `[B]`.
        attack: a name of `leakbench list attacks`; `idlg` takes a batch of one, `dlg` any.
        overrides: further settings in the command line's grammar, `("attack.evaluations=5000", "threat=labels_known")`.
        seed: of the attacker's dummies.

    Raises:
        UserError: the batch or the module cannot be attacked, or no attack has this name.

    Example:
        >>> import torch, bench
        >>> net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 4))
        >>> image, label = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(0)), torch.tensor([2])
        >>> found = bench.audit(net, torch.nn.functional.cross_entropy, (image, label))
        >>> found.leaks, found.labels.tolist()
        (True, [2])
    """
    cfg = compose([f"attack={attack}", f"seed={seed}", *overrides])
    inputs, labels = _checked(batch)
    engine = Engine(chunk=1, threads=torch.get_num_threads(), compile=False, precision=cfg.engine.dtype)
    attacker: Attack = instantiate(cfg.attack, "attack", engine=engine)
    scorer = Scorer({name: instantiate(node, f"metric.{name}") for name, node in cfg.metric.items()})
    client = Client(
        lambda: copy.deepcopy(module),
        loss,
        per_victim=False,
        mode="train" if module.training else "eval",
        shared=cfg.model.get("shared"),
        defense=defense_of(cfg.defense),
        threat=_threat(cfg),
        data=DataFacts(_shape(inputs), _classes(module, inputs), inputs.mean(0)),
        batch_size=len(inputs),
        seed=cfg.seed,
        grant_mean=bool(cfg.attack.control),
    )
    client = client.to(inputs.device)
    if int(labels.max()) >= client.data.classes or int(labels.min()) < 0:
        raise UserError(f"labels: want class indices 0..{client.data.classes - 1}, got {labels.tolist()}")
    victims = _victims(inputs, labels)
    (guess,) = list(claims(attacker, client.share(victims), cfg.seed))
    scores = scorer(guess, victims)
    return Audit(
        scores={name: value[0] for name, value in scores.values.items()},
        inputs=scores.guess.inputs[0],
        labels=scores.guess.labels[0],
        status=guess.status[0],
        objective=float(guess.objective[0]),
        evaluations=int(guess.evaluations[0]),
        reasons=dict(scorer.reasons),
    )


def _threat(cfg: object) -> Threat:
    threat: Threat = instantiate(cfg.threat, "threat")  # type: ignore[attr-defined]
    return threat


def _checked(batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    inputs, labels = batch
    if inputs.dim() != 4 or labels.shape != inputs.shape[:1]:
        raise UserError(
            f"batch: want images [B, C, H, W] and labels [B], got {list(inputs.shape)} and {list(labels.shape)}"
        )
    low, high = float(inputs.min()), float(inputs.max())
    if not (low >= 0 and high <= 1):
        raise UserError(
            f"batch: want images in [0, 1], got [{low:.3g}, {high:.3g}]; put the normalisation in the module"
        )
    return inputs.detach().float(), labels.detach().long()


def _shape(inputs: Tensor) -> tuple[int, int, int]:
    channels, height, width = inputs.shape[1:]
    return channels, height, width


def _classes(module: nn.Module, inputs: Tensor) -> int:
    try:
        with torch.no_grad():
            logits = copy.deepcopy(module).eval()(inputs)
    except Exception as error:  # a user's module may raise anything
        raise UserError(f"the module does not take images of {list(inputs.shape[1:])}: {error}") from error
    if not isinstance(logits, Tensor) or logits.dim() != 2:
        raise UserError("the module does not return logits [B, classes]")
    return logits.shape[1]


def _victims(inputs: Tensor, labels: Tensor) -> Victims:
    device = inputs.device
    zero = torch.zeros(1, dtype=torch.long, device=device)
    return Victims(inputs[None], labels[None], zero, torch.arange(len(inputs), device=device)[None], zero)
