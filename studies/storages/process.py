"""A process, told apart from all others: its host_id, its number, and when it started."""

from __future__ import annotations

import os
import socket
from functools import cache
from pathlib import Path

import psutil


@cache
def host_id() -> str:
    """This host and its table of processes; containers and the time after a reboot have others."""
    parts = [socket.gethostname()]
    try:
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text()[:8])
        parts.append(Path("/proc/self/ns/pid").readlink().name)
    except OSError:  # no Linux
        pass
    return " ".join(parts)


def start_time(pid: int) -> float:
    """Seconds from the start of the machine till that of the process, where that can be told.

    Elsewhere the time of its start, which changes when somebody sets the clock.

    Raises:
        OSError: if there is no such process; ``psutil.Error`` where it is looked up otherwise.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[19]) / float(os.sysconf("SC_CLK_TCK"))
    except FileNotFoundError:
        return float(psutil.Process(pid).create_time())


def is_running(pid: int, since: float) -> bool:
    """Whether the process of this machine that started at ``since`` still runs."""
    try:
        alive = psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
        return alive and abs(start_time(pid) - since) < 1.0
    except (psutil.Error, OSError, ValueError, OverflowError):  # the latter: no number of a process
        return False
