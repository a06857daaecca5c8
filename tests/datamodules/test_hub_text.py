"""Protects: a set of the hub becomes a plain file once, a file put there by hand will do, no hub is one sentence."""

from pathlib import Path

import pytest
from huggingface_hub import constants

from bench.errors import UserError
from bench.models.vocabulary import Vocabulary
from datamodules.cola import CoLA
from datamodules.wikitext import WikiText


@pytest.mark.parametrize("name", ["cola", "sst2", "rotten_tomatoes", "wikitext"])
def test_no_hub_is_one_sentence_that_names_text_file(build, closed_port: int, monkeypatch, tmp_path, name: str) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{closed_port}")
    data = build(name, root=str(tmp_path))
    with pytest.raises(
        UserError, match=r"could not be fetched \(Connection refused\); put .* data=text_file"
    ) as caught:
        data.prepare()
    assert "\n" not in str(caught.value) and not list(tmp_path.iterdir())
    with pytest.raises(UserError, match=rf"data '{name}' is not in .*; run: leakbench prepare {name}, or put"):
        data.adopt(Vocabulary(None, "wordpiece", 300).make, "causal")


def test_a_split_is_fetched_once_and_then_read_from_its_file(build, served, monkeypatch, tmp_path) -> None:
    """The hub's repository lies in a folder; reading and converting it is Hugging Face's own code."""
    _, url = served
    monkeypatch.setattr(constants, "ENDPOINT", url)
    repository = tmp_path / "repository"
    repository.mkdir()
    (repository / "validation.csv").write_text('sentence,label,idx\n"One, two.",1,0\nThree.,0,1\n')
    monkeypatch.setattr(CoLA, "hub", str(repository))
    monkeypatch.setattr(CoLA, "subset", None)
    data = build("cola", root=str(tmp_path / "data"), surrogate=0.0)
    data.prepare()
    assert (tmp_path / "data/cola/validation.tsv").read_text() == "label\tsentence\n1\tOne, two.\n0\tThree.\n"
    monkeypatch.setattr(CoLA, "hub", "gone")
    data.prepare()
    assert data.lines.sentences == ("One, two.", "Three.") and data.lines.labels == (1, 0)


def test_paragraphs_of_wikipedia_become_sentences(build, shared_data: Path) -> None:
    table = {"text": ["", " = Title = \n", " It rained . Was it cold ? 3 @.@ 5 degrees . \n"]}
    assert build("wikitext").lines_of(table) == (["It rained .", "Was it cold ?", "3 @.@ 5 degrees ."], None)
    assert WikiText.ending == ".txt"


def test_a_file_put_there_by_hand_is_found(build, shared_data: Path, tmp_path: Path) -> None:
    place = tmp_path / "rotten_tomatoes" / "test.tsv"
    place.parent.mkdir()
    place.write_bytes((shared_data / "text" / "rotten_tomatoes.tsv").read_bytes())
    data = build("rotten_tomatoes", root=str(tmp_path), batch_size=2)
    data.adopt(Vocabulary(None, "wordpiece", 4000).make, "classification")
    data.setup()
    assert data.classes == 2 and data.deal([0]).inputs.shape[:2] == (1, 2)
    with pytest.raises(UserError, match=r"data\.split=tset: must be one of test, validation, train; did you mean"):
        build("rotten_tomatoes", split="tset")
