"""Finds the kind of inputs: by its name, or by the number of their dimensions."""

from __future__ import annotations

import importlib
import pkgutil

from torch import Tensor

import bench.auditing.kinds as room
from bench.auditing.kinds.base import Kind, Knowledge
from bench.errors import UserError

_NOT_KINDS = ("base", "lookup", "unbounded")


def names() -> list[str]:
    """The names of all kinds, which are those of the files of this folder."""
    return sorted(found.name for found in pkgutil.iter_modules(room.__path__) if found.name not in _NOT_KINDS)


def kind_of(name: str | None, inputs: Tensor, knowledge: Knowledge) -> Kind:
    """The kind of inputs `[B, ...]`.

    Args:
        name: of a kind; None to find it by the number of dimensions.
        inputs: the private inputs, of which the shape and the type are read.
        knowledge: what is known of them.

    Raises:
        UserError: there is no such kind, or none has inputs of this form.
    """
    if name is not None and name not in names():
        raise UserError(f"kind={name!r}: there are {', '.join(names())}")
    if not len(inputs):
        raise UserError("batch: it holds no example (the last batch of an epoch, or of Poisson sampling?)")
    if not inputs.is_floating_point():
        of_tokens = "token ids are attacked with `leakbench run data=... attack=dlg_text`"
        raise UserError(
            f"batch: the inputs are {str(inputs.dtype).removeprefix('torch.')} {list(inputs.shape)}; want "
            f"floating-point numbers ({of_tokens if inputs.dim() == 2 else 'divide images by 255?'})"
        )
    kinds = {one: importlib.import_module(f"{room.__name__}.{one}").KIND for one in names()}
    found = [one for key, one in kinds.items() if (key == name if name else one.dims == inputs.dim())]
    if not found:
        forms = ", ".join(f"{key} ({one.dims} dimensions, with the batch)" for key, one in kinds.items() if one.dims)
        raise UserError(f"batch: inputs of {list(inputs.shape[1:])} each are no kind that is served: {forms}")
    if knowledge.categories and not found[0].has_categories:
        raise UserError(f"categories= is for rows of a table [B, F], and the inputs are {found[0].name}")
    kind: Kind = found[0](tuple(inputs.shape[1:]), knowledge)
    return kind
