"""Peak memory of a process while something runs.

On Linux, writing 5 to ``/proc/self/clear_refs`` sets the high-water mark of the resident memory
(``VmHWM``) to what is resident now (proc(5)); ``getrusage`` has a mark that cannot be reset. CUDA
counts what its allocator hands out. Elsewhere there is no such count.

    peak = high-water mark while it runs - resident memory before

Memory that was freed, but kept by the allocator, would hide a part of the peak: it is returned to
the system before. Threads that allocate at the same time are counted, too.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import torch

from bonas.errors import InvalidArgument

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_RESET_PEAK = "5"
_KIB = 1024


class Peak:
    """The peak memory of a block, in bytes; None until it has ended."""

    bytes: int | None = None


def can_measure(device: torch.device) -> bool:
    """Return whether the peak memory on a device can be measured here."""
    if device.type == "cuda":
        return torch.cuda.is_available()
    return device.type == "cpu" and _is_resettable()


def check_measurable(device: torch.device) -> None:
    """Refuse a device on which no peak memory can be measured.

    Raises:
        InvalidArgument: naming where it can.
    """
    if not can_measure(device):
        raise InvalidArgument(
            "expected the CPU of a Linux system or a CUDA device to measure peak memory on, got "
            f"{str(device)!r} on {sys.platform}; estimate the memory with "
            "bonas.evaluation.memory.estimate, or leave PeakMemory out"
        )


@contextmanager
def measure_peak(device: torch.device) -> Iterator[Peak]:
    """Measure how far the memory of the block exceeds, at its peak, what is in use before it.

    What is in use on the CPU is the resident memory of this process; on CUDA, what torch's
    allocator has handed out on the device.

    Raises:
        InvalidArgument: if that cannot be measured.
    """
    check_measurable(device)
    gc.collect()
    peak = Peak()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        yield peak
        torch.cuda.synchronize(device)
        after = torch.cuda.max_memory_allocated(device)
    else:
        _trim()
        before = _status("VmRSS")
        _CLEAR.write_text(_RESET_PEAK)
        yield peak
        after = _status("VmHWM")
    peak.bytes = max(0, after - before)


def _status(name: str) -> int:
    """Return an entry of the process's status, in bytes."""
    for line in _STATUS.read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * _KIB
    raise InvalidArgument(f"expected {name} in {_STATUS}, got none; this kernel does not count it")


@cache
def _is_resettable() -> bool:
    """Return whether the kernel counts a peak and lets it be reset."""
    try:
        _CLEAR.write_text(_RESET_PEAK)
        return _status("VmHWM") > 0
    except (OSError, InvalidArgument):
        return False


def _trim() -> None:
    """Return freed memory to the system, where the C library is glibc."""
    trim = getattr(_library(), "malloc_trim", None)
    if trim is not None:
        trim(0)


@cache
def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None)
