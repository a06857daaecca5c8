"""`leakbench list`: groups, options, one option, and the same as JSON."""

import json

import pytest

from bench.cli.main import main


def test_one_attack_is_explained_with_its_paper_needs_settings_and_example(capfd) -> None:
    assert main(["list", "lamp"]) == 0
    out = capfd.readouterr().out
    assert out.startswith("attack lamp: LAMP") and "https://arxiv.org/abs/2202.08827" in out
    assert "attack.language_model.order=3" in out and "what is subtracted from each count" in out
    assert "other sentences of the same kind" in out and "version:" in out
    assert out.rstrip().endswith("leakbench run attack=lamp data=sentences threat=surrogate")


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("quick", "axis 2 of the grid:\n  attack=idlg\n  attack=dlg"),
        (
            "idlg_paper",
            "DLG, MNIST: label_accuracy 0.899 (READ, Table 1); published settings: dlg_published",
        ),
        ("folder", "leakbench run data=folder data.root=..."),
        ("psnr", "metric.psnr.cap=100.0"),
        ("rouge_1", "leakbench run metric=rouge_1 data=sentences"),
        ("held_out", "leakbench train training=held_out"),
        ("surrogate", "threat.surrogate=true"),
        ("cola", "attack=dlg_text model=bert_tiny metric=text"),
    ],
)
def test_anything_with_a_name_is_explained(word: str, says: str, capfd) -> None:
    assert main(["list", word]) == 0
    assert says in capfd.readouterr().out


def test_the_same_as_json(capfd) -> None:
    assert main(["list", "--json"]) == 0
    groups = json.loads(capfd.readouterr().out)
    assert "Zhao" in groups["attack"]["idlg"]
    assert main(["list", "attacks", "--json"]) == 0
    assert json.loads(capfd.readouterr().out) == groups["attack"]
    assert main(["list", "dlg", "--json"]) == 0
    one = json.loads(capfd.readouterr().out)
    assert (one["group"], one["version"], one["example"]) == ("attack", 3, "leakbench run attack=dlg")
    assert {"key": "attack.lr", "value": 1.0, "comment": "length of the first trial step along a direction"} in one[
        "settings"
    ]
    assert "to know the batch size" in one["needs"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["list", "idgl"], "nothing called 'idgl' to list; did you mean 'idlg'?"),
        (["list", "bag_of_words"], "several options; say leakbench list attack=bag_of_words or"),
        (["list", "dlg", "idlg"], "one word too many"),
        (["list", "--jsno"], "did you mean '--json'?"),
    ],
)
def test_a_mistake_is_one_line(words: list[str], says: str, capfd) -> None:
    assert main(words) == 2
    out, err = capfd.readouterr()
    assert out == "" and says in err and err.count("\n") == 1
