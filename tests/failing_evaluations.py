"""Evaluations that fail, each in a way of its own, and the kind of failure that each is."""

from __future__ import annotations

import ctypes
import math
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import numpy as np
import torch

from bonas.evaluation import Candidate, Measurement

Failing = Callable[[Candidate], Any]


class Unsendable(Exception):
    """An error that cannot be pickled."""

    def __init__(self) -> None:
        super().__init__("cannot be sent")
        self.lock = threading.Lock()


class Mute(Exception):
    """An error that cannot be shown."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


def segmentation_fault(candidate: Candidate) -> None:
    ctypes.string_at(0)


def exit_0(candidate: Candidate) -> None:
    os._exit(0)


def exit_1(candidate: Candidate) -> None:
    os._exit(1)


def exit_3(candidate: Candidate) -> Iterator[Measurement]:
    yield Measurement({"accuracy": 1.0}, step=1)
    os._exit(3)


def killed(candidate: Candidate) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def aborted(candidate: Candidate) -> None:
    os.abort()


def endless_loop(candidate: Candidate) -> None:
    while True:
        pass


def endless_loop_in_c(candidate: Candidate) -> None:
    """Hold the lock of the interpreter for ever."""
    sys.setswitchinterval(0.005)
    ctypes.PyDLL(None).pause()


def deadlock(candidate: Candidate) -> None:
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


def bomb_of_torch(candidate: Candidate) -> None:
    kept = [torch.empty(10**8) for _ in range(100)]
    assert kept


def bomb_of_numpy(candidate: Candidate) -> None:
    kept = [np.empty(10**8) for _ in range(100)]
    assert kept


def bomb_of_python(candidate: Candidate) -> None:
    kept = "x" * 10**11
    assert kept


def leak(candidate: Candidate) -> None:
    kept = []
    while True:
        kept.append(bytearray(10**7))


def shared_memory(candidate: Candidate) -> None:
    """Take memory that allocations do not count."""
    import mmap

    kept = []
    while True:
        kept.append(mmap.mmap(-1, 10**7))
        kept[-1].write(b"x" * 10**7)


def not_a_number(candidate: Candidate) -> dict[str, float]:
    return {"accuracy": math.nan}


def infinite(candidate: Candidate) -> dict[str, Any]:
    return {"accuracy": torch.tensor(math.inf)}


def error(candidate: Candidate) -> NoReturn:
    raise ValueError("does not fit")


def unsendable_error(candidate: Candidate) -> NoReturn:
    raise Unsendable


def mute_error(candidate: Candidate) -> NoReturn:
    raise Mute


def exits(candidate: Candidate) -> NoReturn:
    sys.exit("done")


def interrupts(candidate: Candidate) -> NoReturn:
    raise KeyboardInterrupt


def not_a_mapping(candidate: Candidate) -> Any:
    return [3.0]


def closes_its_files(candidate: Candidate) -> None:
    os.closerange(0, 1000)
    time.sleep(60)


def endless_recursion(candidate: Candidate) -> None:
    resource.setrlimit(resource.RLIMIT_STACK, (2**20, 2**20))  # it grows no further than this
    nested: tuple[Any, ...] = ()
    for _ in range(10**5):
        nested = (nested,)
    hash(nested)  # it goes down in C, without a check


def recursion(candidate: Candidate) -> None:
    recursion(candidate)


def huge_measurement(candidate: Candidate) -> dict[str, Any]:
    return {"accuracy": 1.0, "text": "x" * 10**8}


def loud_error(candidate: Candidate) -> NoReturn:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    for _ in range(100):
        os.write(2, b"x" * 10**5)
    raise ValueError("loud")


def leaves_processes(candidate: Candidate) -> NoReturn:
    subprocess.Popen(["sleep", "1234"])
    raise ValueError("not waited for")


def leaves_a_thread(candidate: Candidate) -> NoReturn:
    threading.Thread(target=time.sleep, args=(1234,)).start()
    raise ValueError("not joined")


FAILURES: dict[Failing, str] = {
    segmentation_fault: "crash",
    exit_0: "crash",
    exit_1: "crash",
    exit_3: "crash",
    killed: "crash",
    aborted: "crash",
    endless_recursion: "crash",
    closes_its_files: "crash",
    endless_loop: "time_limit",
    endless_loop_in_c: "time_limit",
    deadlock: "time_limit",
    bomb_of_torch: "out_of_memory",
    bomb_of_numpy: "out_of_memory",
    bomb_of_python: "out_of_memory",
    leak: "out_of_memory",
    shared_memory: "out_of_memory",
    not_a_number: "nan",
    infinite: "nan",
    error: "exception",
    unsendable_error: "exception",
    mute_error: "exception",
    exits: "exception",
    interrupts: "exception",
    recursion: "exception",
    not_a_mapping: "exception",
    huge_measurement: "exception",
    loud_error: "exception",
    leaves_processes: "exception",
    leaves_a_thread: "exception",
}
"""Each way to fail -> its kind."""


def moves_away(candidate: Candidate) -> dict[str, float]:
    """Change what belongs to the process, and succeed."""
    os.chdir("/")
    os.environ["BONAS_TEST"] = "changed"
    torch.set_num_threads(1)
    threading.Thread(target=time.sleep, args=(1234,), daemon=True).start()
    return {"accuracy": 2.0}
