"""Limits of a process: how much memory it may have, and what the system says when it has none.

``RLIMIT_DATA`` counts private memory, not the address space that CUDA reserves: beyond it, an
allocation fails. What it does not count, such as shared memory, is seen in the resident size.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

_GROUPS = Path("/sys/fs/cgroup")


def limit_memory(memory: float | None) -> None:
    """Let allocations of this process beyond ``memory`` bytes fail; None lifts the limit."""
    if sys.platform == "win32":
        return
    import resource  # there is none on Windows

    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    soft = hard if memory is None else int(memory)
    if hard not in (-1, resource.RLIM_INFINITY):
        soft = min(soft, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def no_core_dump() -> None:
    """Let a crash of this process write no file."""
    if sys.platform == "win32":
        return
    import resource  # there is none on Windows

    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))


def private_bytes() -> int:
    """Return what ``RLIMIT_DATA`` counts of this process; 0 where that cannot be read."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    found = (line.split()[1] for line in lines if line.startswith("VmData:"))
    return 1024 * int(next(found, 0))


def resident_bytes(pid: int) -> int:
    """Return the resident memory of a process; 0 where that cannot be read."""
    try:
        pages = Path(f"/proc/{pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return 0


def kills_for_memory() -> int:
    """Return how many processes of this control group the kernel has killed for want of memory."""
    try:
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, names, path = line.split(":", 2)
            place = _GROUPS / ("memory" if names == "memory" else "") / path.lstrip("/")
            for file in (place / "memory.events", place / "memory.oom_control"):
                if names in ("", "memory") and file.is_file():
                    pairs = dict(each.split() for each in file.read_text().splitlines())
                    return int(pairs.get("oom_kill", 0))
    except (OSError, ValueError):
        pass
    return 0
