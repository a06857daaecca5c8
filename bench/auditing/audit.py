"""`bench.audit`: tests if a training step leaks its batch, for a module and a batch at hand, without config files."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from bench.attacks.base import Attack
from bench.auditing.batch import checked
from bench.client import Client
from bench.config.compose import compose
from bench.config.instantiate import instantiate
from bench.engine.settings import EngineSettings
from bench.errors import UserError
from bench.leakage import claims
from bench.messages.data_facts import DataFacts
from bench.messages.status import Status
from bench.messages.victims import Victims
from bench.metrics.scorer import Scorer
from bench.models.introspect import ONE_OUTPUT
from bench.models.losses import fitted
from bench.models.math_attention import math_attention
from bench.models.shared import choose
from bench.models.unwrap import unwrapped_copy
from bench.running.components import defense_of
from bench.threat import Threat

_SUCCESS, _MARGIN = 1e-2, 0.25  # the two thresholds that `Audit.leaks` explains


@dataclass(frozen=True, eq=False)
class Audit:
    """What an attacker gets who sees the gradient of one training step.

    Args:
        scores: `{metric: [B]}` for the metrics of the config; NaN marks an undefined score (see `reasons`).
        inputs: `[B, C, H, W]` in [0, 1], the reconstruction, in the order of the batch.
        labels: `[B]`, the labels that the attack claims (-1: none).
        status: how the attack ended.
        objective: the attacker's own objective at its result.
        evaluations: the number of evaluations of the objective and its gradient.
        mse: `[B]`, the mean squared error of each image, whatever the metrics are; NaN if there is no image.
        blank: `[B]`, the lower mean squared error of two pictures of one colour: middle gray, and the image's own mean
            colour. An attacker who knows an image's colour and nothing else gets this error.
        reasons: `{metric: sentence}` for metrics that cannot be computed here.
    """

    scores: dict[str, Tensor]
    inputs: Tensor
    labels: Tensor
    status: Status
    objective: float
    evaluations: int
    mse: Tensor
    blank: Tensor
    reasons: dict[str, str] = field(default_factory=dict)

    @property
    def leaks(self) -> bool:
        """Whether any image was recovered.

        An image counts as recovered if its mean squared error is at most 1e-2 (the threshold of success in iDLG,
        figure 1) and less than a quarter of `blank`. The second condition is needed because a picture of low contrast
        is close to any gray picture.
        """
        back = (self.mse <= _SUCCESS) & (self.mse < _MARGIN * self.blank)
        return not self.status.failed and bool(back.any())


def audit(
    module: nn.Module,
    loss: Callable[[Tensor, Tensor], Tensor],
    batch: tuple[Tensor, Tensor],
    attack: str = "idlg",
    *,
    overrides: Sequence[str] = (),
    seed: int = 0,
) -> Audit:
    """Attacks one training step of `module` and scores the reconstruction.

    Args:
        module: a classifier that takes images `[B, C, H, W]` in [0, 1] and returns logits `[B, classes]`. Put a
            normalisation inside it (`bench.models.normalise.Normalise`). Its weights and its train or eval mode are
            used as they are, and only the gradients of its trained parameters (`requires_grad`) are shared. The attack
            is on its step in `engine.dtype` (float32), without wrappers (`bench.models.unwrap`). The module is not
            changed.
        loss: `(logits, targets) -> scalar` for targets `[B]`, class indices. If it refuses one-hot probabilities, or
            has another value for them, attacks that optimise labels are refused (`bench.models.soft_labels`).
        batch: inputs `[B, C, H, W]` in [0, 1] and labels `[B]`, integers.
        attack: a name from `leakbench list attacks`; `idlg` takes a batch of one, `dlg` any. The control `mean` is not
            applicable, because the mean of a private batch is private.
        overrides: further settings as on the command line: `("attack.evaluations=5000", "threat=labels_known")`.
        seed: the seed of the attacker's dummy inputs.

    Raises:
        UserError: the batch or the module cannot be attacked, or no attack has this name.
        NotApplicable: the attack cannot serve this module, loss or batch.

    Example:
        >>> import torch, bench
        >>> net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 4))
        >>> image, label = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(0)), torch.tensor([2])
        >>> found = bench.audit(net, torch.nn.functional.cross_entropy, (image, label))
        >>> found.leaks, found.labels.tolist()
        (True, [2])
    """
    cfg = compose([f"attack={attack}", f"seed={seed}", *overrides])
    inputs, labels = checked(batch)
    module = unwrapped_copy(module)
    choose(module, cfg.model.get("shared"))
    engine = EngineSettings(chunk=1, threads=torch.get_num_threads(), compile=False, precision=cfg.engine.dtype)
    attacker: Attack = instantiate(cfg.attack, "attack", engine=engine)
    scorer = Scorer({name: instantiate(node, f"metric.{name}") for name, node in cfg.metric.items()})
    client = Client(
        lambda: copy.deepcopy(module),
        fitted(loss),
        per_victim=False,
        mode="train" if module.training else "eval",
        defense=defense_of(cfg.defense),
        threat=_threat(cfg),
        data=DataFacts(tuple(inputs.shape[1:]), _classes(module, inputs), None),
        batch_size=len(inputs),
        seed=cfg.seed,
        grant_mean=False,
        dtype=engine.dtype,
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
        mse=_errors(scores.guess.inputs[0], inputs).where(scores.scored, torch.nan),
        blank=_blank(inputs),
        reasons=dict(scorer.reasons),
    )


def _threat(cfg: object) -> Threat:
    threat: Threat = instantiate(cfg.threat, "threat")  # type: ignore[attr-defined]
    return threat


def _errors(guess: Tensor, truth: Tensor) -> Tensor:
    """The mean squared error of each image, `[B]`."""
    return (guess - truth).double().square().flatten(1).mean(1)


def _blank(truth: Tensor) -> Tensor:
    """The lower mean squared error of two pictures of one colour, `[B]` (`Audit.blank`)."""
    gray, colour = torch.full_like(truth, 0.5), truth.mean((2, 3), keepdim=True).expand_as(truth)
    return torch.minimum(_errors(gray, truth), _errors(colour, truth))


def _classes(module: nn.Module, inputs: Tensor) -> int:
    try:
        with torch.no_grad(), math_attention():
            logits = copy.deepcopy(module).eval()(inputs)
    except Exception as error:  # a user's module may raise anything
        raise UserError(f"the module does not take images of {list(inputs.shape[1:])}: {error}") from error
    if not isinstance(logits, Tensor) or logits.shape[:1] != inputs.shape[:1] or logits.dim() > 2:
        found = list(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise UserError(f"the module does not return logits [B, classes], but {found}")
    if logits.dim() == 1 or logits.shape[1] == 1:
        raise UserError(f"the module returns {list(logits.shape)}: {ONE_OUTPUT}")
    return logits.shape[1]


def _victims(inputs: Tensor, labels: Tensor) -> Victims:
    device = inputs.device
    zero = torch.zeros(1, dtype=torch.long, device=device)
    return Victims(inputs[None], labels[None], zero, torch.arange(len(inputs), device=device)[None], zero)
