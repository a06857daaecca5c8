"""Where a model of the hub is found: a folder, the cache, the hub; and what its version and origin are."""

import hashlib
import http.server
import threading
from pathlib import Path

import pytest
from huggingface_hub import constants

from bench.download import hub_name
from bench.download.hub_name import located, provenance, revision
from bench.errors import UserError

COMMIT = "a" * 40


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Hugging Face's cache with one commit of one model, which is its branch main; its hub is out of reach."""
    model = tmp_path / "hub" / "models--org--tiny"
    snapshot = model / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text("{}")
    (model / "refs").mkdir()
    (model / "refs" / "main").write_text(COMMIT)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    return snapshot


def test_a_folder_comes_first_and_no_hub_is_asked(tmp_path: Path, cache: Path) -> None:
    assert located(str(tmp_path), "model.source") == (str(tmp_path), {"local_files_only": True})


def test_what_is_in_the_cache_is_used_at_its_commit(cache: Path) -> None:
    for source in ("org/tiny", f"org/tiny@{COMMIT}", "org/tiny@main"):
        assert located(source, "k") == ("org/tiny", {"local_files_only": True, "revision": COMMIT})
        assert revision(source) == COMMIT and provenance(source)["commit"] == COMMIT
    assert revision("org/other") is None and provenance("org/other") == {}
    assert revision("a b/c/d") is None  # no hub could have it


def test_a_version_is_a_hash_of_the_files_that_a_model_is_read_from(tmp_path: Path) -> None:
    """Names count, the files' order on disk does not, and a file beside them is none of the model's."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / "config.json").write_text("{}")
    (folder / "README.md").write_text("words")
    sums = {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in ("config.json", "model.safetensors")
    }
    content = "".join(f"{name} {value};" for name, value in sums.items())
    expected = hashlib.sha256(content.encode()).hexdigest()
    assert revision(str(folder)) == expected and provenance(str(folder)) == {"name": "mine", "sha256": expected}
    (folder / "README.md").write_text("other words")
    assert revision(str(folder)) == expected
    (folder / "config.json").rename(folder / "config2.json")
    assert revision(str(folder)) != expected


@pytest.mark.parametrize(
    ("source", "key", "sentence"),
    [
        (
            "org/none",
            "model.source",
            r"model.source='org/none': no such folder, not in .* and its hub cannot be reached",
        ),
        ("org/none", "model.source", r"or run: leakbench prepare text, and say model=minilm$"),
        ("org/none", "data.tokens", r"name a local folder$"),
        (f"org/tiny@{'b' * 40}", "model.source", r"not in Hugging Face's cache, and its hub cannot be reached"),
        ("a b/c/d", "model.source", r"model.source='a b/c/d': no such folder, and no name that a hub could have$"),
    ],
)
def test_what_is_nowhere_is_one_line(cache: Path, source: str, key: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence) as caught:
        located(source, key)
    assert "\n" not in str(caught.value)


class Hub(http.server.BaseHTTPRequestHandler):
    """A hub with the model `org/public` at its branch main and its tag v2, and nothing else."""

    def do_GET(self) -> None:
        known = self.path in ("/org/public/resolve/main/config.json", "/org/public/resolve/v2/config.json")
        self.send_response(200 if known else 401)
        self.end_headers()

    def log_message(self, *args) -> None:
        """Nothing among the test's output."""


def test_the_hub_is_asked_once_whether_it_has_the_model(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        assert located("org/public", "k") == ("org/public", {})
        assert located("org/public@v2", "k") == ("org/public", {"revision": "v2"})
        with pytest.raises(UserError, match=r"its hub has no such public model \(it answers 401\)"):
            located("org/private", "k")
        server.shutdown()


def test_a_hub_that_does_not_answer_is_not_waited_for(cache: Path, silent_port: int, monkeypatch) -> None:
    monkeypatch.setattr(hub_name, "_PATIENCE", 0.2)
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{silent_port}")
    with pytest.raises(UserError, match=r"its hub (cannot be reached \(ReadTimeout\)|does not answer)"):
        located("org/none", "k")
