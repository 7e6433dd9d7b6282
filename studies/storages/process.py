"""Processes, identified across machines and reboots: the host, the pid and the start time."""

from __future__ import annotations

import os
import socket
from functools import cache
from pathlib import Path

import psutil


@cache
def machine() -> str:
    """Return an id of this host and its process table; a container or a reboot gives another."""
    parts = [socket.gethostname()]
    try:
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text()[:8])
        parts.append(Path("/proc/self/ns/pid").readlink().name)
    except OSError:  # not Linux
        pass
    return " ".join(parts)


def start_time(pid: int) -> float:
    """Return the seconds from the boot of the machine to the start of the process.

    Without ``/proc``: the clock time of its start, which changes when the clock is set.

    Raises:
        OSError: if there is no such process; ``psutil.Error`` without ``/proc``.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[19]) / float(os.sysconf("SC_CLK_TCK"))
    except FileNotFoundError:
        return float(psutil.Process(pid).create_time())


def is_running(pid: int, since: float) -> bool:
    """Return whether the process of this machine that started at ``since`` is still running."""
    try:
        alive = psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
        return alive and abs(start_time(pid) - since) < 1.0
    except (psutil.Error, OSError, ValueError, OverflowError):  # the latter two: no valid pid
        return False
