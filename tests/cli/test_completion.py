"""Completion: the words that a place on the line can take, and bash itself asked for them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench.cli.completion import SCRIPTS, complete
from bench.cli.main import main


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["sta"], ["status"]),
        (["--v"], ["--version"]),
        (["run", "att"], ["attack="]),
        (["run", "attack=idlg_p"], ["attack=idlg_published"]),
        (["run", "--js"], ["--json"]),
        (["run", "--json", "--js"], []),
        (["run", "--se"], []),  # an option for executors, not for people
        (["status", "--fa"], ["--failed"]),
        (["suite", "qui"], ["quick"]),
        (["suite", "quick", "defen"], ["defense="]),
        (["list", "attac"], ["attacks"]),
        (["list", "lpips_a"], ["lpips_alex"]),
        (["prepare", "lpi"], ["lpips"]),
        (["completion", "z"], ["zsh"]),
        (["nonsense", "a"], []),
        (["status", "res"], []),  # a folder: the shell completes it
        (["run", "data.root=/"], []),
    ],
)
def test_the_words_that_fit(words: list[str], found: list[str]) -> None:
    assert complete(words) == found


def test_options_of_the_users_own_are_completed(tmp_path: Path) -> None:
    (tmp_path / "attack").mkdir()
    (tmp_path / "attack" / "mine.yaml").write_text("# mine\n_target_: mine.Mine\n")
    assert complete(["run", "--config-dir", str(tmp_path), "attack=mi"]) == ["attack=mine"]
    assert complete(["run", f"--config-dir={tmp_path}", "attack=mi"]) == ["attack=mine"]
    assert complete(["run", "--config-dir", "no/such", "attack=idlg_w"]) == ["attack=idlg_wolfe"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_script_and_one_that_is_here_accepts_it(shell: str, capfd) -> None:
    assert main(["completion", shell]) == 0
    script = capfd.readouterr().out
    assert script == SCRIPTS[shell] + "\n" and "completion words" in script
    if path := shutil.which(shell):
        done = subprocess.run([path, "-n"], input=script, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("leakbench stat", ["status"]),
        ("leakbench run attack=idlg_pub", ["idlg_published"]),  # bash has taken the word apart at `=`
        ("leakbench run at", ["attack="]),
        ("leakbench run --", ["--help", "--cfg", "--json", "--config-dir", "--verbose"]),
        ("leakbench suite ", ["quick"]),
    ],
)
def test_bash_completes(line: str, found: list[str], tmp_path: Path) -> None:
    """Real bash runs the script, with the variables that it sets when TAB is pressed."""
    command = tmp_path / "leakbench"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m bench.cli "$@"\n')
    command.chmod(0o755)
    script = (
        'source <("$1" completion bash)\n'
        "COMP_LINE=$2; COMP_POINT=${#2}\n"
        "complete -p leakbench\n"
        "compopt() { :; }\n"  # it is allowed only while readline waits
        '_leakbench; printf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    bash = shutil.which("bash")
    assert bash, "bash is a part of every machine that runs these tests"
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": os.getcwd()}
    done = subprocess.run(
        [bash, "-c", script, "bash", str(command), line], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0 and not done.stderr, done.stderr
    told = done.stdout.splitlines()
    assert told[0] == "complete -o bashdefault -o default -F _leakbench leakbench"
    assert set(found) <= set(told[1:]) if line.endswith((" ", "--")) else told[1:] == found


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["completion", "bsh"], "no completion for 'bsh'; did you mean 'bash'? (there are bash, zsh, fish)"),
        (["completion"], "SHELL"),
        (["completion", "bash", "zsh"], "'zsh' is one word too many"),
    ],
)
def test_a_mistake_is_one_line(words: list[str], says: str, capfd) -> None:
    assert main(words) == 2
    out, err = capfd.readouterr()
    assert out == "" and says in err and err.count("\n") == 1
