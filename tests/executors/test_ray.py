"""A real Ray cluster on this machine: a cell whose node dies is run again elsewhere, and comes out the same."""

import json
import threading
import time

import pytest

from bench.cli.main import main
from bench.config.compose import compose
from bench.errors import UserError
from bench.executors.ray import Ray

NODES = {"num_cpus": 1, "object_store_memory": 80 * 2**20, "include_dashboard": False}
DEAD_SOON = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 500, "health_check_failure_threshold": 4}
KEYS = {"address": None, "cpus": None, "gpus": None, "memory_gb": None, "retries": 3}


@pytest.fixture
def cluster():
    """A head without processors; nodes are added by the test."""
    from ray.cluster_utils import Cluster

    head = {**NODES, "num_cpus": 0, "_system_config": DEAD_SOON}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    yield cluster
    cluster.shutdown()


@pytest.mark.slow
def test_a_suite_goes_on_when_a_node_dies(tmp_path, configs, rows, cluster, capfd):
    """A head without processors, two nodes of one each, four cells; one node goes while its cell runs."""
    nodes = [cluster.add_node(**NODES) for _ in range(2)]
    cluster.wait_for_nodes()
    words = ["suite", "small", "--config-dir", str(configs), "--json", "attack=idlg", "attack.evaluations=400"]
    gone = []

    def remove():
        while not list((tmp_path / "ray").glob("cells/*/cell.json")):
            time.sleep(0.05)
        cluster.remove_node(nodes[0], allow_graceful=False)
        gone.append(time.monotonic())

    threading.Thread(target=remove, daemon=True).start()
    more = ["executor=ray", f"executor.address={cluster.address}", "data.victims=4"]
    assert main([*words, *more, f"results={tmp_path}/ray"]) == 0
    document = json.loads(capfd.readouterr().out)
    assert gone and len(document["cells"]) == 2 and not document["failed"]
    assert main([*words, "data.victims=4", "executor.workers=1", f"results={tmp_path}/local"]) == 0
    assert rows(tmp_path / "ray") == rows(tmp_path / "local")


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("cpus", 0, "cpus=0"),
        ("retries", -1, "retries=-1"),
        ("memory_gb", 0.0, "memory_gb=0.0"),
        ("gpus", -1, "gpus=-1"),
    ],
)
def test_a_number_out_of_range_is_refused(key, value, sentence):
    with pytest.raises(ValueError, match=sentence):
        Ray(**{**KEYS, key: value})


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "127.0.0.1:port"])
def test_an_address_where_nobody_is_costs_a_line_and_no_minutes(address):
    cfg = compose(["attack=noise", "logger=none"])
    with pytest.raises(UserError, match=f"executor.address={address}: no Ray cluster answers"):
        next(Ray(**{**KEYS, "address": address}).run([cfg]))


def test_several_machines_a_cell_are_refused():
    cfg = compose(["trainer=ddp", "trainer.num_nodes=2", "attack=noise", "logger=none"])
    with pytest.raises(UserError, match="executor=slurm"):
        next(Ray(**KEYS).run([cfg]))
