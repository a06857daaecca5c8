"""Protects: a set of the hub becomes a plain file once, a file put there by hand will do, no hub is one sentence."""

import hashlib
import http.server
import re
import threading
from pathlib import Path

import datasets
import pytest
from huggingface_hub import constants

from bench.datamodules.cola import CoLA
from bench.datamodules.text_lines import write_lines
from bench.errors import UserError
from bench.models.text.vocabulary import Vocabulary


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


def test_a_split_is_asked_for_at_the_commit_that_the_class_names(build, monkeypatch, tmp_path) -> None:
    asked: list[str] = []

    class Asked(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200 if self.path == "/" else 404)
            self.end_headers()

        do_HEAD = do_GET  # noqa: N815 (the server's name for it)

        def log_message(self, *args) -> None:
            """Nothing among the test's output."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Asked) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setattr(constants, "ENDPOINT", url)
        monkeypatch.setattr(datasets.config, "HF_ENDPOINT", url)
        template = url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        for name in ("cola", "sst2", "rotten_tomatoes", "wikitext"):
            data = build(name, root=str(tmp_path))
            with pytest.raises(UserError, match="could not be fetched"):
                data.prepare()
            assert re.fullmatch("[0-9a-f]{40}", data.revision)
            assert any(f"/{data.hub}/" in path and data.revision in path for path in asked), asked
        server.shutdown()


def test_repository_and_commit_are_known_of_the_file_that_was_fetched_only(build, tmp_path) -> None:
    place = tmp_path / "cola" / "validation.tsv"
    data = build("cola", root=str(tmp_path))
    write_lines(place, ["One, two.", "Three."], [1, 0])
    by_hand = {"sha256": hashlib.sha256(place.read_bytes()).hexdigest()}
    assert data.provenance == by_hand
    data._note(data.revision)
    assert data.provenance == {"name": "nyu-mll/glue", "commit": data.revision, **by_hand}
    write_lines(place, ["One, two.", "Four."], [1, 0])
    assert data.provenance == {"sha256": hashlib.sha256(place.read_bytes()).hexdigest()} != by_hand
    place.with_suffix(".source.json").write_text("[]")
    assert set(data.provenance) == {"sha256"}


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
