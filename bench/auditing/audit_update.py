"""`bench.audit_update`: tests if an update that a client really sent leaks the batch behind it."""

from __future__ import annotations

from typing import Any

from torch import nn

from bench.auditing.audit import audit
from bench.auditing.report import Audit
from bench.auditing.sent import sent_of
from bench.errors import UserError


def audit_update(
    before: Any,
    update: Any,
    batch: Any,
    *,
    module: nn.Module | None = None,
    form: str | None = None,
    steps: int = 1,
    rate: float | None = None,
    batch_size: int | None = None,
    momentum: float = 0.0,
    **options: Any,
) -> Audit:
    """Attacks an update that was sent, and says what came back of the batch that it was computed on.

    Args:
        before: the weights that the client began with: a module, a checkpoint (path), `{name: tensor}`, or a list of
            arrays in the order of `state_dict()`, as Flower has them; None for those of `module`.
        update: what it sent, in one of these forms.
        batch: the private batch behind it, as in `bench.audit`.
        module: of the class that was trained, with which gradients are computed; None if `before` is a module.
        form: what `update` is: `gradients`, `difference` (weights after minus weights before) or `weights` (those
            after). None for `gradients` if it is a mapping, and for `weights` if it is a list, a path or a module.
        steps: how many local steps of SGD it is the result of, >= 1; not used for gradients.
        rate: of each step. None if the attacker does not know it: it then compares directions, as of one gradient.
        batch_size: examples of each step, in the order of the batch; None for all.
        momentum: of the steps, as in `torch.optim.SGD` without dampening, from a fresh optimiser.
        **options: those of `bench.audit`, but for `defense`.

    Raises:
        UserError: see `bench.audit`; or the update does not fit the module.

    Example:
        >>> import torch, bench
        >>> net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 4))
        >>> image, label = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(0)), torch.tensor([2])
        >>> loss = torch.nn.functional.cross_entropy
        >>> weights = dict(net.named_parameters())
        >>> gradients = dict(zip(weights, torch.autograd.grad(loss(net(image), label), list(weights.values()))))
        >>> bench.audit_update(net, gradients, (image, label), loss=loss).verdict.value
        'LEAKS'
    """
    if module is None and not isinstance(before, nn.Module):
        raise UserError(
            "audit_update: pass module=, an instance of the class that was trained, to compute gradients with"
        )
    if options.get("defense") is not None:
        raise UserError(
            "audit_update: defense= is what a client does before it sends; this update has been sent already"
        )
    own = module if module is not None else before
    assert isinstance(own, nn.Module)
    own, sent = sent_of(own, None if own is before else before, update, form, steps, rate, batch_size, momentum)
    return audit(own, batch, sent=sent, **options)
