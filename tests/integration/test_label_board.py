"""Label rules measured by a suite stand on its board of defences, beside what images leak."""

import csv
from pathlib import Path

import pytest

from bench.cli.main import main

SUITE = """# two defences, one attack on each, and labels by the bias, by a rule for CENSOR and by one that is refused
overrides:
  - data=samples data.set=mnist data.size=12 data.victims=4 model.init_range=null
  - logger=none metric=mse engine.threads=1 engine.compile=false executor.workers=1 trainer=cpu
grid:
  - [defense=none, defense=censor defense.trials=2]
  - [attack=idlg attack.evaluations=10]
also:
  - defense=censor defense.trials=2 measure=labels labels=censor
measures:
  - labels labels=bias
  - labels labels=tokens
"""


@pytest.mark.slow
def test_the_best_rule_of_each_defence_stands_on_the_board(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own" / "suite").mkdir(parents=True)
    (tmp_path / "own" / "suite" / "mine.yaml").write_text(SUITE)
    assert main(["suite", "mine", "--config-dir", "own", "results=out"]) == 0
    (header,) = [text for text in capfd.readouterr().out.splitlines() if "worst attack" in text]
    assert "label↓" in header
    lines = {row["defense"]: row for row in csv.DictReader((tmp_path / "out" / "defenses.csv").open())}
    none, censor = lines["none"], lines["censor (trials=2)"]
    # the sign of the bias is exact without a defence; CENSOR's own rule read 200 of 200 with such weights
    assert (none["label_rule"], float(none["label_overlap"]), none["label_rules"]) == ("bias", 1.0, "1")
    assert (censor["label_rule"], float(censor["label_overlap"]), censor["label_rules"]) == ("censor", 1.0, "2")
    assert censor["label_victims"] == "4"
    page = (tmp_path / "out" / "defenses.md").read_text()
    assert "label leak, rate ↓" in page and "(censor)" in page and "at a rate of 0.1." in page
    assert "No labels by tokens under censor, none: " in page
    assert "(bias)" in (tmp_path / "out" / "defenses.tex").read_text()
