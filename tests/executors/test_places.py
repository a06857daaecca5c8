"""Protects: a machine is divided without overlap, and by default no more runs at once than pays and fits."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from bench.config.compose import compose
from bench.errors import UserError
from bench.executors import places


def places_of(monkeypatch, cores, memory, gpus=""):
    monkeypatch.setattr(places, "cores", lambda: cores)
    monkeypatch.setattr(places, "free_memory", lambda: memory)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", gpus)


def test_a_core_a_cell_as_far_as_memory_goes(monkeypatch):
    """Where nobody says how many: never more processes than cells, and one for one cell."""
    work = ["attack=idlg", "attack.evaluations=1000", "data.victims=50", "logger=none", "trainer.accelerator=cpu"]
    cell, every = compose(work), compose([*work, "trainer.devices=auto"])
    pair = compose([*work, "trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2"])
    little, none = compose([*work, "data.victims=2"]), compose(["attack=noise", "data.victims=10000", "logger=none"])
    places_of(monkeypatch, 8, 100 * places.MEMORY)
    assert [places.suggested([cell] * n) for n in (1, 2, 5, 20)] == [1, 2, 5, 8]
    assert places.suggested([pair] * 20) == 4 and places.suggested([every] * 20) == 1
    assert places.suggested([little] * 14) == 1 and places.suggested([little] * 15) == 8  # 30,000 evaluations
    assert places.suggested([none] * 20) == 1
    places_of(monkeypatch, 8, int(3.5 * places.MEMORY))
    assert places.suggested([cell] * 20) == 3 and places.suggested([pair] * 20) == 1
    places_of(monkeypatch, 8, None)  # where the system does not say
    assert places.suggested([cell] * 20) == 8


def test_gpus_and_cores_are_divided(monkeypatch):
    """By the names that the user's own CUDA_VISIBLE_DEVICES gives; none twice, none left out."""
    places_of(monkeypatch, 9, 0, "4,GPU-a,6")
    shares = places.divided(2, "cuda")
    assert [share["CUDA_VISIBLE_DEVICES"] for share in shares] == ["4,6", "GPU-a"]
    assert [share["OMP_NUM_THREADS"] for share in shares] == ["4", "4"]
    assert places.divided(3, "cpu") == [{"OMP_NUM_THREADS": "3"}] * 3
    with pytest.raises(UserError, match="shows 3 GPUs"):
        places.divided(4, "cuda")


@given(st.integers(1, 12), st.lists(st.integers(0, 99), min_size=1, max_size=12, unique=True), st.integers(1, 64))
def test_each_gpu_and_each_core_is_given_to_one_worker(workers: int, gpus: list[int], cores: int) -> None:
    """None is left out, and no worker has two GPUs more than another."""
    with pytest.MonkeyPatch.context() as patched:
        places_of(patched, cores, 0, ", ".join(map(str, gpus)))
        if workers > len(gpus):
            with pytest.raises(UserError, match=f"workers={workers}: this machine shows {len(gpus)} GPUs"):
                places.divided(workers, "cuda")
            return
        shares = places.divided(workers, "cuda")
    given_out = [share["CUDA_VISIBLE_DEVICES"].split(",") for share in shares]
    assert sorted(int(one) for share in given_out for one in share) == sorted(gpus)
    assert max(map(len, given_out)) - min(map(len, given_out)) <= 1
    threads = [int(share["OMP_NUM_THREADS"]) for share in shares]
    assert min(threads) >= 1 and (sum(threads) <= cores or set(threads) == {1})


def test_gpus_are_those_that_the_user_lets_us_see(monkeypatch: pytest.MonkeyPatch) -> None:
    for given_names, seen in (("", []), (" 1, GPU-a ,", ["1", "GPU-a"])):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given_names)
        assert places.visible() == seen


def test_the_work_of_a_cell_that_does_not_say_it_is_endless() -> None:
    """A training, and an attack without a count of evaluations, are worth a process each."""
    cfg = {"attack": {"evaluations": 100}, "data": {"victims": 3}}
    assert places.budget(OmegaConf.create(cfg)) == 300
    assert places.budget(OmegaConf.create({**cfg, "training": {}})) == math.inf
    assert places.budget(OmegaConf.create({**cfg, "attack": {}})) == math.inf
    assert places.budget(OmegaConf.create({**cfg, "attack": {"control": True}})) == 0
    assert places.budget(OmegaConf.create({**cfg, "attack": {"evaluations": None}})) == math.inf


@pytest.mark.parametrize(("devices", "named"), [(1, False), (3, False), (-1, True), ("auto", True), ([0, 1], True)])
def test_devices_by_name_cannot_be_divided(devices, named: bool) -> None:
    assert places.named(OmegaConf.create({"trainer": {"devices": devices}})) == named
