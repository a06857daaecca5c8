"""`bench.audit`: tests if a training step leaks its batch, for a module and a batch at hand, without config files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, nn

from bench.auditing.comparison import compared
from bench.auditing.earlier import checked_call
from bench.auditing.kinds.base import Knowledge, Numbers
from bench.auditing.report import Audit
from bench.auditing.sent import Sent
from bench.auditing.verdict import Thresholds
from bench.auditing.work import AuditRequest
from bench.errors import UserError


def audit(
    module: nn.Module,
    batch: Any,
    *earlier: Any,
    loss: Callable[[Tensor, Tensor], Tensor] | None = None,
    attack: str | None = None,
    inputs: object = None,
    targets: object = None,
    kind: str | None = None,
    range: tuple[float, float] | None = None,
    mean: Numbers = None,
    std: Numbers = None,
    public: Tensor | None = None,
    categories: Sequence[Sequence[int]] = (),
    target_mean: float = 0.0,
    target_std: float = 1.0,
    randomness: str = "known",
    defense: str | None = None,
    defenses: Sequence[str] = (),
    budget: float | None = 60.0,
    recovered: float = 0.02,
    partly: float = 0.30,
    overrides: Sequence[str] = (),
    seed: int = 0,
    sent: Sent | None = None,
) -> Audit:
    """Attacks one training step of `module`, and says what came back, beside what a guess without a gradient gives.

    The module is not changed: the attack is on the step of a copy in float32, without wrappers
    (`bench.models.unwrap`), in its own train or eval mode. Only the gradients of its trained parameters
    (`requires_grad`) are shared. Nothing that an attacker uses is read from the private batch: no range, no mean, no
    number of classes.

    Args:
        module: an `nn.Module`, with a `loss`; or a LightningModule, whose own `training_step` is what computes the
            gradient. Its logging, its trainer, its optimisers and its metrics do nothing meanwhile.
        batch: what the data loader gives: a tensor, or a tuple, list, dict or dataclass with tensors.
        earlier: the form `audit(module, loss, batch, attack)` is known by its second argument, which can be called. It
            takes a classifier of images in [0, 1] and class indices only, attacks by `idlg` if no attack is named, and
            has no budget.
        loss: `(output, targets) -> scalar`; None for a LightningModule.
        attack: a name from `leakbench list attacks`; None for `strongest`, an ensemble.
        inputs: the name of the private inputs in the batch, such as `image` or 0; None to find them.
        targets: the name of the targets; None to find them.
        kind: `images`, `signals`, `tables` or `sequences`; None to go by the dimensions of inputs: `[B, C, H, W]` are
            images, `[B, C, T]` signals, `[B, F]` rows of a table.
        range: the interval of pixels; None for [0, 1].
        mean: of images, what the loader subtracts from the pixels, one number or one per channel; of other inputs, the
            mean that the attacker knows, 0 if None.
        std: of images, what the loader divides pixels by; of other inputs, the deviation that the attacker knows, 1 if
            None.
        public: `[P, ...]`, public inputs of the same kind, from which the attacker knows their mean (and for what is no
            image, their deviation).
        categories: of rows of a table, the columns of each category, of which one is 1 and the others 0: `[[3, 4, 5],
            [6, 7]]`. The attacker knows which they are; `mean` and `std` say nothing of them.
        target_mean: the mean of real targets that the attacker knows.
        target_std: their deviation.
        randomness: `known` or `unknown`: whether the attacker knows the random numbers of the step, such as the masks
            of dropout. If they are known, the result is the worst case.
        defense: what the client does before it shares, as `defense=` on the command line; its parameters are overrides
            (`"defense.std=0.1"`). The attacker knows it (`threat=adaptive`) unless an override names a threat model.
        defenses: further audits of the same step, each behind one of these defences, with the same budget each; a
            defence may bring settings: `"gaussian defense.std=0.1"`. The report tables them (`defended`).
        budget: of the attack and of the Jacobian, in seconds; None for no end. Members of the ensemble that
            do not fit are left out and named. An attack that has begun ends within one of its steps.
        recovered: an input is recovered if its mean squared error is at most this share of the best control's.
        partly: an input is found in part up to this share.
        overrides: further settings as on the command line: `("threat=labels_known", "metric=psnr")`.
        seed: the seed of the attacker's and the defence's random numbers.
        sent: an update that is attacked in place of the gradient; see `bench.audit_update`.

    Raises:
        UserError: the step cannot be audited; one line says why, and what to do.
        NotApplicable: the attack cannot serve this step.

    Example:
        >>> import torch, bench
        >>> net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 4))
        >>> image, label = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(0)), torch.tensor([2])
        >>> report = bench.audit(net, (image, label), loss=torch.nn.functional.cross_entropy)
        >>> report.verdict.value, report.leaks, report.labels.tolist()
        ('LEAKS', True, [2])
    """
    is_earlier = callable(batch)
    if is_earlier:
        loss, batch, attack = _earlier(batch, loss, attack, *earlier)
        inputs, targets = 0, 1
        budget = None
        batch = checked_call(module, loss, batch)
    elif earlier:
        raise UserError(
            "audit(module, batch, ...): pass everything behind the batch by its name (loss=..., attack=...)"
        )
    if randomness not in ("known", "unknown"):
        raise UserError(f"randomness={randomness!r}: want 'known' or 'unknown'")
    try:
        thresholds = Thresholds(recovered, partly)
    except ValueError as error:
        raise UserError(str(error)) from None
    request = AuditRequest(
        module=module,
        loss=loss,
        batch=batch,
        inputs=inputs,
        targets=targets,
        attack=attack or "strongest",
        kind=kind,
        knowledge=Knowledge(range, mean, std, public, categories),
        target_mean=target_mean,
        target_std=target_std,
        randomness=randomness,
        defense=defense,
        budget=budget,
        thresholds=thresholds,
        overrides=tuple(overrides),
        seed=seed,
        sent=sent,
    )
    return compared(request, defenses)


def _earlier(loss: Any, given: object, attack: str | None, *rest: Any) -> tuple[Any, Any, str]:
    """Loss, batch and attack of the earlier form of the call.

    Raises:
        UserError: the batch is missing, or there is an argument too many.
    """
    if given is not None or not 1 <= len(rest) <= 2:
        raise UserError("audit(module, loss, batch, attack=...): want a batch behind the loss")
    return loss, rest[0], attack or (rest[1] if len(rest) == 2 else "idlg")
