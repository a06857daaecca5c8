"""The identity of a cell: a hash of everything in its config that can change a number, and of nothing else.

It has two parts. The identity of the cell says what was attacked, and each metric has an identity of its own that says
how it scored. So a metric can be added to a cell without attacking again.
"""

import hashlib
import json
import os
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

# Every key that cannot change a number, in full; a group stands for all keys below it. All other keys of a config are
# part of the identity, whatever their place and name.
OUTSIDE = frozenset(
    {
        # These say where results go, which logger gets them, what computes them, and what a cell is called.
        *("results", "paths", "logger", "trainer", "executor", "report", "suite", "names"),
        # A metric changes no reconstruction. Each metric has an identity of its own (see `metric_identity`).
        "metric",
        # A run with 32 victims continues one with 16, so the count is not part of the identity.
        "data.victims",
        # These change the speed only. A chunk changes the rounding, which grows along a path, so it is not listed.
        *("engine.compile", "engine.threads"),
    }
)
# Keys that hold a place. What is stored there is part of the identity by its content: the data's fingerprint covers the
# examples, and the tokens as a vocabulary spells them; a backbone other than torchvision's own is refused. Only a text
# is a place: a number or a list at such a key is a setting.
PLACES = frozenset({"data.root", "model.vocabulary.root", "metric.lpips_alex.weights", "metric.lpips_vgg.weights"})
# The groups that have no effect on a training, a limit or a line-up (of `engine` see there), and the keys of the data
# that have none on a training.
_NOT_TRAINED_WITH = frozenset({"attack", "threat", "metric", "engine"})
_OF_RUNS = frozenset({"runs", "checkpoints"})  # keys of a training that say how much of it is wanted
# The groups that have no effect on label inference; of `attack` the rule counts, and of `engine` tf32.
_NOT_INFERRED_WITH = frozenset({"attack", "engine"})
_OF_VICTIMS = frozenset({"batch_size", "seed", "label_rule", "labels", "victims"})
# Keys that hold a folder or a name on a hub. The identity keeps the name beside the content.
_HUB = frozenset({"model.source", "attack.language_model.source"})
# Classes of leakbench that have been renamed since results were published with them: `{present name: published name}`.
# The published name stays part of the identity, so that no result has to be computed again.
RENAMED: dict[str, str] = {}
# The import path of a class or function of leakbench: `bench.room.file.Name`, or with a colon before the name.
_OURS = re.compile(r"bench(?:\.\w+)+[.:](\w+)")


def identity(config: Mapping[str, Any], extra: Mapping[str, Any]) -> str:
    """The identity of a cell.

    Args:
        config: a resolved config as plain containers (mappings, sequences, strings, numbers, booleans, null).
        extra: content hashes that the config cannot know, such as `{"data": ..., "checkpoint": ...}`.

    Returns:
        16 hexadecimal digits. They do not depend on the order of keys, and are the same for `1` and `1.0`.

    Raises:
        TypeError: a value is not one of the plain kinds above.

    Example:
        >>> identity({"seed": 0, "data": {"victims": 16}}, {}) == identity({"data": {"victims": 32}, "seed": 0.0}, {})
        True
        >>> identity({"seed": 0}, {}) == identity({"seed": 1}, {})
        False
    """
    return _digest([_canonical(relevant(config, extra)), _canonical(extra)])


def training_identity(config: Mapping[str, Any], extra: Mapping[str, Any]) -> str:
    """The identity of a training: a hash of the data, the model, the defence, the schedule and the seed.

    Args:
        config: a resolved config as plain containers, with a node `training`. Its number of `runs` is not part of the
            identity, so that three runs after two train one more; nor are its `checkpoints`, which change no number.
        extra: content hashes that the config cannot know, such as `{"data": ..., "checkpoint": ...}`.
    """
    return identity({"training": trained_with(config, extra)}, extra)


def trained_with(config: Mapping[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """What can change the weights of a training: its model, data, defence, schedule and seed, without places.

    Args:
        config: as for `training_identity`.
        extra: as for `training_identity`.
    """
    kept = {key: value for key, value in relevant(config, extra).items() if key not in _NOT_TRAINED_WITH}
    kept["data"] = {key: value for key, value in kept["data"].items() if key not in _OF_VICTIMS}
    kept["training"] = {key: value for key, value in config["training"].items() if key not in _OF_RUNS}
    kept["tf32"] = config["engine"]["tf32"]
    return kept


def label_identity(config: Mapping[str, Any], extra: Mapping[str, Any]) -> str:
    """The identity of label inference: a hash of the victims, the model, the defence, the threat model and the rule.

    Args:
        config: a resolved config as plain containers, with a key `measure`. Of its attack only the rule `labels` is
            part of the identity.
        extra: content hashes that the config cannot know, such as `{"data": ..., "checkpoint": ...}`.
    """
    kept = {key: value for key, value in relevant(config, extra).items() if key not in _NOT_INFERRED_WITH}
    kept |= {"rule": config["attack"]["labels"], **{key: config["engine"][key] for key in ("dtype", "tf32")}}
    return identity(kept, extra)


def limit_identity(config: Mapping[str, Any], extra: Mapping[str, Any], rules: Mapping[str, Any]) -> str:
    """The identity of a limit: a hash of the victims, the model and the defence, whoever attacks.

    Args:
        config: a resolved config as plain containers, with a key `measure`.
        extra: content hashes that the config cannot know, such as `{"data": ..., "checkpoint": ...}`.
        rules: the prior of the Bayesian limit, and the number of images that are drawn from it.
    """
    kept = {key: value for key, value in relevant(config, extra).items() if key not in _NOT_TRAINED_WITH}
    return identity(kept | {"rules": dict(rules)}, extra)


def identification_identity(config: Mapping[str, Any], extra: Mapping[str, Any], rules: Mapping[str, int]) -> str:
    """The identity of line-ups: a hash of the victims, the model, the defence and the numerics, whoever attacks.

    Args:
        config: a resolved config as plain containers, with a key `measure`.
        extra: content hashes that the config cannot know, such as `{"data": ..., "checkpoint": ...}`.
        rules: the number of candidates and of draws.
    """
    kept = {key: value for key, value in relevant(config, extra).items() if key not in _NOT_TRAINED_WITH}
    kept |= {"rules": dict(rules), **{key: config["engine"][key] for key in ("dtype", "tf32")}}
    return identity(kept, extra)


def metric_identity(key: str, node: Mapping[str, Any]) -> str:
    """The identity of a metric: a hash of its class, its version and its arguments, without the places of its files.

    Args:
        key: the metric's key in the group `metric`.
        node: the node at this key, as plain containers. A node without a `version` has version 1.

    Example:
        >>> metric_identity("mine", {"_target_": "a.B"}) == metric_identity("mine", {"_target_": "a.B", "version": 1})
        True
    """
    return node_identity(f"metric.{key}", {"version": 1, **node})


def node_identity(key: str, node: Mapping[str, Any]) -> str:
    """The identity of one node of a config: a hash of its class and its arguments, without the places of its files.

    Args:
        key: the node's dotted key.
        node: the node, as plain containers.

    Returns:
        16 hexadecimal digits.
    """
    return _digest(_canonical(_without(node, (), f"{key}.")))


def contents(data: str, checkpoint: str | None, pretrained: Mapping[str, str]) -> dict[str, Any]:
    """The contents that a config cannot know, which are the argument `extra` of `identity`.

    Args:
        data: the fingerprint of the data set.
        checkpoint: SHA-256 of the weights' file, if there is one.
        pretrained: the hash or commit of the weights at each key that names some, because a folder or a name on a hub
            can hold other weights later.
    """
    found: dict[str, Any] = {"data": data, "checkpoint": checkpoint}
    return {**found, "pretrained": dict(pretrained)} if pretrained else found


def class_names(value: Any) -> Any:
    """A plain value in which its name stands for the import path of each class or function of leakbench.

    No two classes of leakbench have one name, so a class that moves to another file costs no result. The path of a
    user's own class is kept whole, because two of them may have one name.

    >>> class_names({"_target_": "bench.metrics.psnr.PeakSignalToNoiseRatio", "cap": 100.0})
    {'_target_': 'PeakSignalToNoiseRatio', 'cap': 100.0}
    >>> class_names({"_target_": "my.nets.Net", "loss": "bench.models.text.token_loss:cross_entropy"})
    {'_target_': 'my.nets.Net', 'loss': 'bench:cross_entropy'}
    """
    if isinstance(value, Mapping):
        return {key: _class_name(item) if key == "_target_" else class_names(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [class_names(item) for item in value]
    if isinstance(value, str) and ":" in value and _OURS.fullmatch(value):
        return f"bench:{_class_name(value)}"  # the word stays, because such a key may hold a name of torch as well
    return value


def _class_name(path: Any) -> Any:
    found = _OURS.fullmatch(path) if isinstance(path, str) else None
    return RENAMED.get(found[1], found[1]) if found else path


def relevant(config: Mapping[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """`config` without what cannot change a number, and without the places whose contents `extra` holds.

    Args:
        config: a resolved config as plain containers.
        extra: the contents that the config cannot know (see `contents`).
    """
    known = {key for key in extra.get("pretrained", ()) if key not in _HUB or _is_folder(_at(config, key))}
    if extra.get("checkpoint"):
        known.add("model.checkpoint")
    return _without(config, known, "")


def _without(config: Mapping[str, Any], known: Collection[str], above: str) -> dict[str, Any]:
    kept = {}
    for name, value in config.items():
        key = f"{above}{name}"
        place = (isinstance(value, str) and key in known) or (isinstance(value, str | None) and key in PLACES)
        if not place and key not in OUTSIDE:
            kept[name] = _without(value, known, f"{key}.") if isinstance(value, Mapping) else value
    return kept


def _at(config: Mapping[str, Any], key: str) -> Any:
    found: Any = config
    for name in key.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _is_folder(value: Any) -> bool:
    """Whether a value must be a folder, because it cannot be a name on a hub (`NAME` or `OWNER/NAME`)."""
    return isinstance(value, str) and (value.startswith((".", "~")) or value.count("/") > 1 or os.path.isabs(value))


def _digest(document: Any) -> str:
    text = json.dumps(class_names(document), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _canonical(value: Any) -> Any:
    if value is None or isinstance(value, bool | str | int):
        return value
    if isinstance(value, float):
        # YAML reads `lr: 1` as an integer and `lr: 1.0` as a float, but they are the same number.
        return int(value) if value.is_integer() else value
    if isinstance(value, Mapping):
        return {str(key): _canonical(item) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [_canonical(item) for item in value]
    raise TypeError(f"a config holds plain values only, got {type(value).__name__}: {value!r}")
