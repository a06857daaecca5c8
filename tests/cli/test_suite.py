"""`leakbench suite` runs each cell, says what came of it, and returns what a program needs."""

import json
import re
from pathlib import Path

from bench.cli.main import main


def test_each_cell_is_a_line_and_the_document_names_all(tmp_path: Path, capfd) -> None:
    (tmp_path / "suite").mkdir()
    text = "# two\ngrid: [[attack=noise, attack=idlg data.batch_size=2]]\noverrides: [metric=mse, logger=none]\n"
    (tmp_path / "suite" / "two.yaml").write_text(text)
    words = ["suite", "two", "--config-dir", str(tmp_path), f"results={tmp_path / 'out'}", "data.victims=2", "--json"]
    assert main([*words, "data.set=mnist", "executor.workers=1"]) == 0
    out, err = capfd.readouterr()
    document = json.loads(out)
    assert [cell["attack"] for cell in document["cells"]] == ["noise"]
    assert list(document["not_applicable"]) == ["attack=idlg data.batch_size=2"]
    lines = [line for line in err.splitlines() if line.startswith("cell ")]
    assert len(lines) == 2 and "attacker sees" not in err
    (log,) = (tmp_path / "out" / "logs").iterdir()
    assert "attacker sees" in log.read_text()
    assert re.fullmatch(r"cell 1 of 2  done +noise +samples-mnist +success at MSE 1e-2: 0.00  [\d.]+ s", lines[0])
    assert lines[1].startswith("cell 2 of 2  not applicable  idlg ") and "data.batch_size=2" in lines[1]
