"""A key is found where W&B finds it, and nobody is asked for one."""

from pathlib import Path

import pytest
import wandb

from bench.loggers.wandb_server import address, has_key

HOST = "https://wandb.example.org:8443"


def test_a_key_is_in_the_environment_or_in_netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("WANDB_BASE_URL", HOST)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert address() == HOST and not has_key()
    (tmp_path / "netrc").write_text("machine other.example.org login user password abc\n")
    assert not has_key()
    (tmp_path / "netrc").write_text("machine wandb.example.org login user password abc\n")
    assert has_key()
    (tmp_path / "netrc").unlink()
    monkeypatch.setenv("WANDB_API_KEY", "a" * 40)
    assert has_key()


def test_the_address_is_the_one_that_wandb_has_unless_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_BASE_URL", raising=False)
    assert address() == wandb.Settings().base_url
