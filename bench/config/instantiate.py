"""Turns a node with `_target_` into the object: imports it, reads its signature and builds it.

Each failure becomes one sentence. A node may carry facts beside its constructor's arguments (`version`, ...), which
are not passed to the constructor. Hydra's `instantiate` is not used, because it cannot say which key of the config a
constructor rejected.
"""

import dataclasses
import functools
import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_type_hints

from omegaconf import DictConfig, ListConfig, OmegaConf

from bench.config.suggest import did_you_mean
from bench.errors import UserError
from bench.host.working_folder import importable

NODE_KEYS = ("_target_", "_partial_")


@dataclass
class NodeFacts:
    """The facts that any node may carry beside its constructor's arguments.

    Args:
        version: it is raised when the results of the class change, so that old rows are not mixed with new ones.
        control: whether the attack is a control, which reads no gradient.
        paper: the paper that the option comes from, if any.
    """

    version: int = 1
    control: bool = False
    paper: str | None = None


@dataclass
class ModelFacts(NodeFacts):
    """The facts that a model's node may carry, and that the client reads.

    Args:
        per_victim: whether each victim has a model with initial weights of its own.
        loss: the name or the import path of the loss.
        checkpoint: the file of the weights; None keeps the initial weights.
        mode: whether the model is in evaluation or in training mode.
        shared: patterns for the names of the parameters whose gradients are shared; None for all trainable ones.
    """

    per_victim: bool = True
    loss: str = "cross_entropy"
    checkpoint: str | None = None
    mode: Literal["eval", "train"] = "eval"
    shared: list[str] | None = None


def facts_of(key: str) -> Any:
    """The dataclass of the facts that the node at this key may carry."""
    return ModelFacts if key == "model" else NodeFacts


def defaults_of(key: str, target: Any) -> dict[str, Any]:
    """The defaults of the facts that the program reads from the node at this key.

    A model that reads sentences (its constructor takes a `tokenizer`) gets the loss over tokens by default.

    Args:
        key: the node's dotted key.
        target: the class or function that the node names.
    """
    if key == "attack":
        return {"version": 1, "control": False}
    if key != "model":
        return {}
    found = dataclasses.asdict(ModelFacts())
    sentences = "tokenizer" in inspect.signature(target).parameters
    loss = "bench.models.text.token_loss:cross_entropy" if sentences else found["loss"]
    return {name: found[name] for name in ("version", "per_victim", "checkpoint", "mode")} | {"loss": loss}


@dataclass(frozen=True)
class Parameters:
    """The parameters of a constructor.

    Args:
        configured: the parameters that the config has to spell out, with resolved annotations (`Any` if there is none).
        is_open: whether the constructor takes any other key as well (`**kwargs`).
        needs_more: whether the program has to pass further arguments.
    """

    configured: dict[str, inspect.Parameter]
    is_open: bool
    needs_more: bool


@functools.cache
def parameters(target: Any) -> Parameters:
    """The parameters of a class or function.

    Keyword-only parameters do not come from the config: the program passes them when it builds the object (the shape of
    an input, the class count). The fields of a dataclass are `kw_only` for another reason, the order of inheritance, so
    all of them come from the config.
    """
    try:
        hints = get_type_hints(target.__init__ if isinstance(target, type) else target)  # type: ignore[misc]
    except Exception:  # a hint may name what is imported for the type checker only
        hints = {}
    every = inspect.signature(target).parameters
    kinds: list[Any] = [inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD]
    if dataclasses.is_dataclass(target):
        kinds.append(inspect.Parameter.KEYWORD_ONLY)
    configured = {n: p.replace(annotation=hints.get(n, Any)) for n, p in every.items() if p.kind in kinds}
    is_open = any(p.kind is p.VAR_KEYWORD for p in every.values())
    more = [p for n, p in every.items() if p.kind is p.KEYWORD_ONLY and n not in configured and p.default is p.empty]
    return Parameters(configured, is_open, bool(more))


@functools.cache
def import_target(path: str, key: str) -> Callable[..., Any]:
    """Imports the class or function that a node names.

    Modules in the working folder can be imported, as under `python -m`, but installed ones come first.

    Args:
        path: its import path (`package.module.Name`).
        key: the node's dotted key, for messages.

    Raises:
        UserError: it cannot be imported; the sentence holds the module's own reason.
    """
    if not isinstance(path, str) or "." not in path.strip("."):
        raise UserError(f"{key}._target_={path!r}: want the import path of a class or function, package.module.Name")
    importable()
    module_name, _, name = path.rpartition(".")
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:  # the user has to see whatever their module raises
        reason = " ".join(str(error).split())
        raise UserError(f"{key}: cannot import {module_name!r} ({type(error).__name__}: {reason})") from error
    found = getattr(module, name, None)
    if not callable(found):
        names = [n for n in vars(module) if not n.startswith("_")]
        raise UserError(f"{key}: module {module_name!r} has no class or function {name!r}{did_you_mean(name, names)}")
    return found


def instantiate(node: Any, key: str, **runtime: Any) -> Any:
    """Builds the objects that a checked node describes, nested parts first; lists and mappings become plain Python.

    Args:
        node: a mapping with `_target_`, or a mapping or list of such; its facts are not passed on.
        key: the node's dotted key, for messages.
        runtime: further arguments of the constructor, which do not come from the config.

    Raises:
        UserError: a constructor rejected its arguments (ValueError, UserError); the sentence names the key.
    """
    if isinstance(node, DictConfig | ListConfig):
        node = OmegaConf.to_container(node, resolve=True)
    return _build(node, key, runtime)


def _build(node: Any, key: str, runtime: Mapping[str, Any]) -> Any:
    if isinstance(node, list):
        return [_build(item, f"{key}[{i}]", {}) for i, item in enumerate(node)]
    if not isinstance(node, dict):
        return node
    if "_target_" not in node:
        return {name: _build(item, join(key, name), {}) for name, item in node.items()}
    target = import_target(node["_target_"], key)
    arguments = {n: _build(item, join(key, n), {}) for n, item in node.items() if _is_argument(n, target, key)}
    if node.get("_partial_"):
        return functools.partial(target, **arguments, **runtime)
    try:
        return target(**arguments, **runtime)
    except UserError as error:
        named = str(error).startswith((f"{key}.", f"{key}:", f"{key} "))
        raise type(error)(str(error) if named else f"{key}: {error}") from error
    except ValueError as error:
        raise UserError(f"{key}: {error}") from error


def _is_argument(name: str, target: Callable[..., Any], key: str) -> bool:
    """Whether a key of a checked node is an argument; the other keys are facts, and short keys that parts refer to."""
    taken = parameters(target)
    others = (*NODE_KEYS, *parameters(facts_of(key)).configured)
    return name in taken.configured or (taken.is_open and name not in others)


def rehearse(node: Any, key: str) -> None:
    """Builds every part of a checked node that needs nothing but its config, and discards it.

    Thus a value out of its range is found before the first cell of a suite runs, not when its own cell starts.

    Args:
        node: a node, or a list of nodes.
        key: the node's dotted key, for messages.

    Raises:
        UserError: a constructor rejected its arguments.
    """
    if isinstance(node, list):
        for i, item in enumerate(node):
            rehearse(item, f"{key}[{i}]")
    if not isinstance(node, dict):
        return
    if "_target_" in node and not parameters(import_target(node["_target_"], key)).needs_more:
        instantiate(node, key)
        return
    for name, item in node.items():
        rehearse(item, join(key, name))


def join(key: str, name: Any) -> str:
    """The dotted key of `name` below `key`.

    >>> join("attack", "lr"), join("", "seed")
    ('attack.lr', 'seed')
    """
    return f"{key}.{name}" if key else str(name)
