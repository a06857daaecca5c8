"""What there is and what is lacking, and that fetching puts nothing anywhere but where it was told."""

import socket

import pytest

from bench.cli import prepare
from bench.cli.main import main
from bench.errors import UserError


@pytest.fixture(autouse=True)
def _empty_and_alone(monkeypatch, tmp_path):
    """An empty cache, and no network."""
    monkeypatch.setenv("LEAKBENCH_CACHE", str(tmp_path / "cache"))

    def refused(*arguments, **keywords):
        raise OSError("no network in this test")

    monkeypatch.setattr(socket, "getaddrinfo", refused)
    monkeypatch.setattr(socket.socket, "connect", refused)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.slow
def test_a_survey_of_an_empty_machine(tmp_path):
    states = {item.name: item.state for item in prepare.survey([])}
    images, texts = ("mnist", "cifar10", "cifar100", "svhn", "lfw"), ("cola", "sst2", "rotten_tomatoes", "wikitext")
    lacking = dict.fromkeys((*images, *texts, "series", "lpips", "text", "efficientnet_lite0"), "lacking")
    here = dict.fromkeys(("samples", "sentences", "table"), "here")
    yours = dict.fromkeys(("folder", "text_file"), "yours")
    assert states == {**lacking, **here, **yours}
    assert not (tmp_path / "cache").exists()


@pytest.mark.slow
def test_what_lies_in_a_named_folder_is_found(shared_data, shared_weights):
    found = {item.name: item for item in prepare.survey([f"paths.weights={shared_weights}"])}
    assert found["lpips"].state == "here" and "alexnet" in found["lpips"].remark
    assert prepare.fetch("lfw", [f"data.root={shared_data / 'lfw'}"]).state == "here"


def test_samples_need_no_fetching():
    assert prepare.fetch("data=samples", []).state == "here"


def test_a_set_that_cannot_be_fetched_is_one_sentence_with_the_way_by_hand(tmp_path):
    with pytest.raises(UserError, match=r"could not be fetched .*put t10k-images-idx3-ubyte.* into") as caught:
        prepare.fetch("mnist", [])
    assert "\n" not in str(caught.value)


def test_an_unknown_name_has_a_near_match():
    with pytest.raises(UserError, match=r"nothing called 'cifra100' to prepare; did you mean 'cifar100'\? \(there are"):
        prepare.fetch("cifra100", [])


def test_try_goes_on_and_otherwise_it_is_an_error(capfd):
    assert main(["prepare", "mnist", "samples", "--try"]) == 0
    out, err = capfd.readouterr()
    assert "samples: the package foolbox" in out and err.startswith("leakbench: going on without mnist: ")
    assert main(["prepare", "mnist"]) == 2
    assert main(["prepare", "samples", "mnits", "--try"]) == 2
    assert "did you mean 'mnist'?" in capfd.readouterr().err
