"""A process whose fellow dies does not wait for it, also where nobody above them watches (torchrun, srun)."""

import os
import signal
import socket
import subprocess
import sys
import time

import pytest
from torch.distributed import TCPStore

from bench.running.ddp_watchdog import STALE, RankHeartbeat

CELL = ["attack=idlg", "attack.evaluations=1000000000", "attack.stop.objective=0", "data.set=mnist", "data.size=8"]
QUIET = ["metric=mse", "logger=none", "engine.compile=false", "engine.threads=1", "data.victims=4"]
DDP = ["trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2"]


@pytest.mark.slow
def test_silence_counts_as_death_only_after_its_time_and_never_after_the_end():
    store = TCPStore("127.0.0.1", 0, is_master=True)
    one, other = (RankHeartbeat(store.clone(), rank, 2, stale=0.2) for rank in range(2))
    assert one.gone() is None
    time.sleep(0.3)
    other.say(b"1")
    assert one.gone() is None  # late, and alive
    time.sleep(0.3)
    assert one.gone() == "process 1 of 2 has not been heard of for 0 s"
    other.say(b"done")
    time.sleep(0.3)
    assert one.gone() is None  # it has nothing more to do
    one.say(b"failed")
    assert other.gone() == "process 0 of 2 has failed"


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1])
def test_the_other_process_stops_and_says_so(victim, tmp_path):
    """Two processes as torchrun would start them; one is killed.

    The store goes with process 0: that is seen at once.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    command = [sys.executable, "-m", "bench.cli", "run", *CELL, *QUIET, *DDP, f"results={tmp_path}"]
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "NODE_RANK": "0", "OMP_NUM_THREADS": "1"}
    processes = [
        subprocess.Popen(
            command, env={**os.environ, **place, "LOCAL_RANK": str(rank)}, stderr=subprocess.PIPE, text=True
        )
        for rank in range(2)
    ]
    try:
        deadline = time.monotonic() + 240
        while not list(tmp_path.glob("cells/*/cell.json")):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        time.sleep(20)  # they meet, and begin
        assert all(process.poll() is None for process in processes)
        processes[victim].kill()
        other = processes[1 - victim]
        _, err = other.communicate(timeout=STALE + 40)
        assert other.returncode == 128 + signal.SIGTERM
        assert f"leakbench: process {victim}" in err and f"process {1 - victim} stops too" in err
    finally:
        for process in processes:
            process.kill()
            process.communicate()
