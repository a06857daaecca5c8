"""Processes of their own for `leakbench` and Python, real ones to kill: forked from one that has imported torch."""

import multiprocessing
import os
import resource
import sys
import textwrap
from pathlib import Path

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    [
        "bench.cli.main",
        "bench.running.leak_cell",
        "bench.executors.local",
        "bench.running.training_cell",
        "bench.report.page",
        "bench.running.suite",
    ]
)


def _command(words, log, environment, file_size):
    for name, value in environment.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(f"{log}.{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    if file_size is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))
    import torch

    from bench.cli.main import main

    torch.set_num_threads(1)
    code = main(words)
    sys.stdout.flush()
    sys.exit(code)


def _run(code, words):
    sys.argv = ["-c", *words]
    exec(code, {"__name__": "__main__"})


def python(code, *words):
    """`python -c CODE WORDS`, started: of the project it has imported what `leakbench run` and `report` import.

    Returns:
        The process, whose `exitcode` is there after `join`.
    """
    process = CONTEXT.Process(target=_run, args=(textwrap.dedent(code), [str(word) for word in words]))
    process.start()
    return process


class Leakbench:
    """`leakbench WORDS`.

    Args:
        words: as after `leakbench`.
        log: stdout and stderr go to `LOG.out` and `LOG.err`.
        environment: variables to add; None takes one away.
        file_size: no file may grow beyond so many bytes (the kernel refuses with EFBIG), or None.
    """

    def __init__(self, words, log, environment=None, file_size=None):
        self.log = Path(log)
        given = ([str(word) for word in words], str(log), environment or {}, file_size)
        self.process = CONTEXT.Process(target=_command, args=given)
        self.process.start()

    def wait(self, seconds=120):
        """The exit code; negative for a signal that killed it."""
        self.process.join(seconds)
        assert self.process.exitcode is not None, f"still running after {seconds} s: {self.err}"
        return self.process.exitcode

    def send(self, number):
        os.kill(self.process.pid, number)

    @property
    def running(self):
        return self.process.exitcode is None

    @property
    def out(self):
        return self.log.with_name(f"{self.log.name}.out").read_text()

    @property
    def err(self):
        return self.log.with_name(f"{self.log.name}.err").read_text()
