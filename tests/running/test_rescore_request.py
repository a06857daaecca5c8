"""What is asked of a rescoring is read and refused before torch is imported, which takes seconds."""

import subprocess
import sys
from pathlib import Path

import pytest

from bench.errors import UserError
from bench.running.rescore_request import Request


def test_what_would_change_the_attack_is_refused_and_a_place_is_not() -> None:
    with pytest.raises(UserError, match="attack=dlg: a stored cell keeps its settings"):
        Request.of(["attack=dlg"], None)
    assert Request.of(["metric=ssim", "data.root=here"], None).keys == ("metric", "data.root")


def test_a_mistake_is_told_without_torch(tmp_path: Path) -> None:
    """All in one fresh interpreter: once something has imported torch, the rest show it."""
    code = """if True:
        import sys
        from bench.cli.main import main
        for words in ("rescore nowhere", "rescore . metric=ssmi", "prepare mnits"):
            assert main(words.split()) == 2 and "torch" not in sys.modules, words
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    lines = done.stderr.splitlines()
    assert done.returncode == 0 and len(lines) == 3 and all(one.startswith("leakbench: ") for one in lines), lines
