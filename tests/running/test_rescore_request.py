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


@pytest.mark.parametrize("words", [["rescore", "nowhere"], ["rescore", ".", "metric=ssmi"], ["prepare", "mnits"]])
def test_a_mistake_is_told_without_torch(words: list[str], tmp_path: Path) -> None:
    code = (
        "import sys; from bench.cli.main import main; code = main(sys.argv[1:]); "
        "assert 'torch' not in sys.modules; sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 2 and done.stderr.startswith("leakbench: "), done.stderr
