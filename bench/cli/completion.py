"""`leakbench completion`: scripts for three shells, and the words that they ask for.

A script knows no word. It calls `leakbench completion words WORD...` with the words that are on the line, the last of
which is being typed, and so every shell completes the same words.
"""

import argparse
from pathlib import Path

from bench.cli.output import Answer, show
from bench.cli.parser import parser
from bench.config import options
from bench.config.suggest import did_you_mean
from bench.errors import UserError

_BASH = """# bash; the words come from leakbench itself
_leakbench() {
    local line=${COMP_LINE:0:COMP_POINT} current word prefix=
    local -a words
    read -ra words <<< "$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    current=${words[${#words[@]}-1]}
    # bash takes a word apart at `=`, so what stands before it must not be given again
    [[ $COMP_WORDBREAKS == *=* && $current == *=* ]] && prefix=${current%=*}=
    COMPREPLY=()
    while IFS= read -r word; do
        [[ -n $word ]] && COMPREPLY+=("${word#"$prefix"}")
    done < <("${words[0]}" completion words "${words[@]:1}" 2>/dev/null)
    [[ ${#COMPREPLY[@]} -gt 0 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace
    return 0
}
complete -o bashdefault -o default -F _leakbench leakbench"""

_ZSH = """#compdef leakbench
# zsh; the words come from leakbench itself
_leakbench() {
    local -a found keys
    found=("${(@f)$("${words[1]}" completion words "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    keys=(${(M)found:#*=})
    found=(${found:#*=})
    (( ${#keys} )) && compadd -S '' -- $keys
    (( ${#found} )) && compadd -- $found
    (( ${#keys} + ${#found} )) || _files
}
compdef _leakbench leakbench"""

_FISH = """# fish; the words come from leakbench itself
function __leakbench_words
    set -l typed (commandline -opc) (commandline -ct)
    $typed[1] completion words $typed[2..-1] 2>/dev/null
end
complete -c leakbench -a '(__leakbench_words)'"""

SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}
_TAKES_OVERRIDES = frozenset({"run", "train", "suite", "rescore", "speed", "prepare", "audit"})


def answer(arguments: argparse.Namespace) -> Answer:
    """Prints the script of a shell.

    Raises:
        UserError: there is no script for this shell.
    """
    if arguments.shell == "words":
        for word in complete(arguments.words or [""]):
            show(word)
        return 0, None
    if arguments.words:
        raise UserError(f"{arguments.words[0]!r} is one word too many (leakbench completion --help)")
    if arguments.shell not in SCRIPTS:
        near = did_you_mean(arguments.shell, SCRIPTS)
        raise UserError(f"no completion for {arguments.shell!r}{near} (there are {', '.join(SCRIPTS)})")
    show(SCRIPTS[arguments.shell])
    return 0, None


def complete(words: list[str]) -> list[str]:
    """The words that can stand in place of the last one.

    Args:
        words: the words behind `leakbench`; the last one is being typed and may be empty.

    >>> complete(["com"])
    ['completion']
    """
    *before, current = words
    _, commands = parser()
    if not before:
        return _starting(current, [*commands, "--help", "--version"])
    command = before[0]
    if command not in commands or before[-1] == "--config-dir":
        return []
    if current.startswith("-"):
        known = commands[command]._option_string_actions.items()
        shown = [name for name, action in known if name.startswith("--") and action.help != argparse.SUPPRESS]
        return _starting(current, [name for name in shown if name not in before])
    try:
        return _starting(current, _words(command, before, current, _config_dir(before)))
    except UserError:  # the folder of --config-dir does not exist: the command itself says so
        return _starting(current, _words(command, before, current, None))


def _words(command: str, before: list[str], current: str, config_dir: Path | None) -> list[str]:
    """What may stand at this place: names, `GROUP=`, or `GROUP=NAME` once the group has been typed."""
    groups = options.groups(config_dir)
    group, equals, _ = current.partition("=")
    if equals and group in groups:
        return [f"{group}={name}" for name in options.entries(group, config_dir)]
    found: list[str] = []
    bare = [word for word in before[1:] if not word.startswith("-") and "=" not in word]
    if command == "completion" and not bare:
        found = list(SCRIPTS)
    elif command == "suite" and not bare:
        found = list(options.entries("suite", config_dir))
    elif command == "prepare":
        found = [*options.entries("data", config_dir), "lpips", "text", "efficientnet_lite0"]
    elif command == "list" and not bare:
        found = [options.plural(group) for group in groups]
        found += sorted({name for group in groups for name in options.entries(group, config_dir)})
    if command in _TAKES_OVERRIDES and (command != "suite" or bare):
        found += [f"{group}=" for group in groups if group != "suite"]
    return found


def _config_dir(before: list[str]) -> Path | None:
    """The folder that the words name with --config-dir."""
    for word, following in zip(before, [*before[1:], ""]):
        name, equals, value = word.partition("=")
        if name == "--config-dir" and (value or following):
            return Path(value if equals else following)
    return None


def _starting(current: str, words: list[str]) -> list[str]:
    return list(dict.fromkeys(word for word in words if word.startswith(current)))
