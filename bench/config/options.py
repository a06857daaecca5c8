"""The options of each group: the YAML files of configs/ and of the user's --config-dir, found by walking the folders.

An option has the name of its file and is described by the file's first comment line, so it needs no registration. This
file imports neither torch nor Hydra, so that `leakbench list` answers at once.
"""

from dataclasses import dataclass
from pathlib import Path

import bench
from bench.config.suggest import did_you_mean
from bench.errors import UserError

WORDS = {"defence": "defense", "datum": "data", "dataset": "data", "datasets": "data"}  # other words for groups


@dataclass(frozen=True)
class Option:
    """One option of a group.

    Args:
        name: its name, which is the file's name without `.yaml`.
        description: the line that describes it; empty if there is none.
        path: its file.
    """

    name: str
    description: str
    path: Path


def config_root() -> Path:
    """The folder `configs` inside the installed `bench` package; in a checkout a link to the one beside it.

    Raises:
        UserError: the installation is incomplete.
    """
    root = Path(bench.__file__).resolve().parent / "configs"
    if not (root / "run.yaml").is_file():
        raise UserError(f"the configuration {root / 'run.yaml'} is missing: install leakbench again")
    return root


def config_dirs(config_dir: Path | None = None) -> list[Path]:
    """The folders that are searched for options: the project's own, then the user's.

    Raises:
        UserError: the user's path is not a folder.
    """
    if config_dir is None:
        return [config_root()]
    extra = Path(config_dir).expanduser().resolve()
    if not extra.is_dir():
        raise UserError(f"--config-dir {config_dir}: no such folder")
    return [config_root(), extra]


def composed_dir(config_dir: Path | None) -> Path | None:
    """The user's folder if Hydra composes anything of it; None if it holds suites and tables of a report alone."""
    if config_dir is None:
        return None
    own = config_dirs(config_dir)[-1]
    parts = {path.relative_to(own).parts[0] for path in own.glob("*/**/*.yaml")}
    return config_dir if parts - {"suite", "table"} else None


def groups(config_dir: Path | None = None) -> list[str]:
    """The names of the groups (attack, data, ...), sorted."""
    found = {
        folder.name
        for root in config_dirs(config_dir)
        for folder in root.iterdir()
        if folder.is_dir() and any(folder.glob("*.yaml"))
    }
    return sorted(found)


def entries(group: str, config_dir: Path | None = None) -> dict[str, Option]:
    """The options of a group as `{name: option}`, sorted.

    Raises:
        UserError: a file of the user's has the name of one of the project's, so Hydra would never read it.
    """
    found: dict[str, Option] = {}
    for root in config_dirs(config_dir):
        for path in sorted((root / group).glob("*.yaml")):
            if path.stem.startswith("_"):
                continue  # a part that several options share, not an option
            if path.stem in found:
                raise UserError(f"{path}: leakbench has {group} {path.stem!r} already; give the file another name")
            found[path.stem] = Option(path.stem, describe(path), path)
    return dict(sorted(found.items()))


def describe(path: Path) -> str:
    """The first comment line of a YAML file that is not one of Hydra's directives; empty if there is none.

    Raises:
        UserError: the file cannot be read as text.
    """
    if path.exists() and not path.is_file():
        raise UserError(f"{path} is not a regular file")
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({error})") from error
    for line in lines:
        if not line.startswith("#"):
            return ""
        text = line.lstrip("# ").strip()
        if text and not text.startswith("@"):
            return text
    return ""


def group_named(word: str, config_dir: Path | None = None) -> str:
    """The group that a word such as `attacks`, `attack`, `defences` or `datasets` means.

    Raises:
        UserError: there is no such group.
    """
    known = groups(config_dir)
    lower = word.lower()
    singular = lower.removesuffix("s")
    for candidate in (lower, singular, WORDS.get(lower, ""), WORDS.get(singular, "")):
        if candidate in known:
            return candidate
    plurals = [plural(group) for group in known]
    raise UserError(f"nothing called {word!r} to list{did_you_mean(word, plurals)} (there are {', '.join(plurals)})")


def plural(group: str) -> str:
    """The word that `leakbench list` uses for a group.

    >>> plural("attack"), plural("data")
    ('attacks', 'data')
    """
    return group if group in ("data", "labels", "paths", "training") else f"{group}s"


def no_such(group: str, name: str, config_dir: Path | None = None) -> UserError:
    """The error for an option that does not exist: it names the nearest option and says how to list them all.

    Args:
        group: the group.
        name: the option that does not exist.
        config_dir: a folder with options of the user's own.
    """
    known = list(entries(group, config_dir))
    places = " or ".join(["configs/" + group] + ([str(Path(config_dir) / group)] if config_dir else []))
    near = did_you_mean(name, known)
    listed = f"leakbench list {plural(group)}"
    return UserError(f"no {group} {name!r} in {places}{near} ({listed})")
