"""Protects: victims are the same for every asker; processes share them without loss or repetition; refusals."""

import multiprocessing
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed
from hypothesis import given, settings
from hypothesis import strategies as st
from pytorch_lightning import LightningModule, Trainer

from bench.datamodules.blocks import share
from bench.datamodules.samples import Samples
from bench.errors import UserError
from bench.messages.victims import Victims


def equal(one: Victims, other: Victims) -> bool:
    names = ("inputs", "labels", "ids", "samples", "repeats")
    return all(torch.equal(getattr(one, name), getattr(other, name)) for name in names)


def joined(blocks: Sequence[Victims]) -> Victims:
    """Blocks put together and sorted by victim."""
    whole = {
        name: torch.cat([getattr(block, name) for block in blocks])
        for name in ("inputs", "labels", "ids", "samples", "repeats")
    }
    order = whole["ids"].argsort()
    return Victims(**{name: tensor[order] for name, tensor in whole.items()})


def samples(**changes: Any) -> Samples:
    given: dict[str, Any] = {
        "name": "samples", "set": "cifar10", "victims": 7, "batch_size": 2, "seed": 0, "label_rule": "random",
        "labels": "own", "size": None, "channels": None, **changes,
    }  # fmt: skip
    return Samples(**given)


@pytest.mark.parametrize("rule", ["random", "unique", "same"])
def test_a_victim_is_the_same_in_any_company(build, shared_data: Path, rule: str) -> None:
    data = build("folder", root=str(shared_data / "cifar10"), batch_size=4, label_rule=rule, victims=200)
    data.setup()
    whole = data.deal(range(200))
    assert whole.inputs.shape == (200, 4, 3, 32, 32) and whole.ids.tolist() == list(range(200))
    few = build("folder", root=str(shared_data / "cifar10"), batch_size=4, label_rule=rule, victims=1)
    few.setup()
    for victim in (199, 3, 0, 61):
        alone = few.deal([victim])
        assert torch.equal(alone.inputs[0], whole.inputs[victim]) and torch.equal(alone.labels[0], whole.labels[victim])
        assert alone.repeats[0] == whole.repeats[victim]
    different = [len(set(row)) for row in whole.labels.tolist()]
    assert {"unique": set(different) == {4}, "same": set(different) == {1}, "random": len(set(different)) > 1}[rule]
    assert (whole.labels == torch.from_numpy(data.pool.labels)[whole.samples]).all()


def test_repeats_count_the_rounds(build, shared_data: Path) -> None:
    data = build("folder", root=str(shared_data / "cifar10"), batch_size=50)
    data.setup()
    victims = data.deal(range(11))
    assert victims.repeats.tolist() == [0] * 5 + [1] * 5 + [2]  # 250 images, five batches a round
    assert sorted(victims.samples[:5].flatten().tolist()) == list(range(250))
    assert victims.samples[:5].tolist() != victims.samples[5:10].tolist()


def test_seed_batch_size_and_labels_matter_and_nothing_else() -> None:
    def dealt(**changes: Any) -> Victims:
        data = samples(**changes)
        data.setup()
        return data.deal(range(5))

    assert equal(dealt(), dealt(victims=500))
    assert not equal(dealt(), dealt(seed=1))
    drawn = dealt(labels="random")
    assert equal(drawn, dealt(labels="random", victims=9))
    assert torch.equal(drawn.inputs, dealt().inputs) and not torch.equal(drawn.labels, dealt().labels)


def test_drawn_labels_follow_the_rule() -> None:
    for rule, distinct in (("unique", 10), ("same", 1)):
        data = samples(labels="random", label_rule=rule, batch_size=10)
        data.setup()
        assert [len(set(row)) for row in data.deal(range(6)).labels.tolist()] == [distinct] * 6


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 10_000), unique=True, max_size=40), st.integers(1, 7))
def test_shares_are_a_partition(ids: list[int], world: int) -> None:
    shares = [share(ids, rank, world) for rank in range(world)]
    assert sorted(id for part in shares for id in part) == sorted(ids)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_blocks_are_of_the_size_asked_and_only_what_is_to_do() -> None:
    data = samples(victims=10)
    data.setup()
    data.block = 4
    loader = data.test_dataloader()
    assert len(loader) == 3 and [len(block) for block in loader] == [4, 4, 2]
    assert equal(joined(list(loader)), data.deal(range(10)))
    data.todo = [9, 2, 30]
    assert [block.ids.tolist() for block in data.test_dataloader()] == [[9, 2, 30]]
    data.todo = []
    assert len(data.test_dataloader()) == 0 and list(data.test_dataloader()) == []


def deal_in_process(rank: int, world: int, folder: str) -> None:
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=world)
    data = samples()
    data.setup()
    data.block = 2
    torch.save([vars(block) for block in data.test_dataloader()], f"{folder}/{rank}.pt")
    torch.distributed.destroy_process_group()


@pytest.mark.parametrize("world", [1, 2, 3])
def test_real_processes_deal_each_victim_once(world: int) -> None:
    fork = multiprocessing.get_context("fork")
    with tempfile.TemporaryDirectory() as folder:
        workers = [fork.Process(target=deal_in_process, args=(rank, world, folder)) for rank in range(world)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(60)
        assert [worker.exitcode for worker in workers] == [0] * world
        parts = [Victims(**block) for rank in range(world) for block in torch.load(f"{folder}/{rank}.pt")]
    data = samples()
    data.setup()
    assert sum(len(part) for part in parts) == 7
    assert equal(joined(parts), data.deal(range(7)))


class Listener(LightningModule):
    """Writes down which victims it is given."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def test_step(self, victims: Victims, index: int) -> None:
        assert victims.inputs.device == self.device
        (self.folder / f"{self.global_rank}-{index}").write_text(" ".join(map(str, victims.ids.tolist())))


@pytest.mark.parametrize(("devices", "victims"), [(1, 7), (3, 7), (3, 2)])
def test_lightning_neither_pads_nor_shards_again(tmp_path: Path, devices: int, victims: int) -> None:
    """Lightning's own sampler repeats victims until every process has as many; with 3 processes 7 would become 9."""
    data = samples(victims=victims)
    data.block = 2
    trainer = Trainer(
        accelerator="cpu", devices=devices, strategy="ddp_fork" if devices > 1 else "auto", logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    trainer.test(Listener(tmp_path), datamodule=data, verbose=False)
    seen = [int(word) for file in tmp_path.iterdir() for word in file.read_text().split()]
    assert sorted(seen) == list(range(victims))
    # a process without a batch would be passed over, and the others wait for it
    assert len({file.name.split("-")[0] for file in tmp_path.iterdir()}) == devices


def test_facts_follow_size_and_channels() -> None:
    plain, small = samples(), samples(size=16, channels=1)
    plain.setup()
    small.setup()
    assert plain.shape == (3, 32, 32) and small.shape == (1, 16, 16) and small.mean_image.shape == (1, 16, 16)
    assert small.deal([0]).inputs.shape == (1, 2, 1, 16, 16)
    assert small.fingerprint != plain.fingerprint
    again = samples(victims=100, seed=5, batch_size=1)
    again.setup()
    assert again.fingerprint == plain.fingerprint


def test_facts_before_setup_are_a_fault_of_the_program() -> None:
    with pytest.raises(RuntimeError, match="setup"):
        _ = samples().shape


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"victims": 0}, "data.victims=0: must be >= 1 (independent updates to attack)"),
        ({"victims": -4}, "data.victims=-4: must be >= 1 (independent updates to attack)"),
        ({"batch_size": 0}, "data.batch_size=0: must be >= 1 (examples in each victim's batch)"),
        ({"seed": -1}, "data.seed=-1: must be >= 0 (chooses which images the victims hold)"),
        (
            {"label_rule": "uniqe"},
            "data.label_rule=uniqe: must be one of random, unique, same, replacement; did you mean 'unique'?",
        ),
        ({"labels": "rand"}, "data.labels=rand: must be one of own, random; did you mean 'random'?"),
        ({"size": 0}, "data.size=0: must be >= 1 (side in pixels, or null)"),
        ({"channels": 2}, "data.channels=2: must be 1 (gray), 3 (RGB) or null (as they are)"),
    ],
)
def test_values_out_of_range(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        samples(**changes)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"batch_size": 21}, "data.batch_size=21: data 'samples' has only 20 images"),
        (
            {"batch_size": 11, "label_rule": "unique"},
            "data.label_rule=unique: data 'samples' has 8 labels, data.batch_size=11",
        ),
        (
            {"batch_size": 9, "label_rule": "same"},
            "data.label_rule=same: the largest class of data 'samples', 'frog', has 4 images",
        ),
    ],
)
def test_batches_that_the_data_cannot_fill(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        samples(**changes).setup()
    assert str(caught.value).startswith(sentence)
