"""Peak memory of a process while something runs.

On Linux, writing 5 to ``/proc/self/clear_refs`` sets the high-water mark of the resident memory
(``VmHWM``) to what is resident now (proc(5)); ``getrusage`` has a mark that cannot be reset. CUDA
counts what its allocator hands out. Elsewhere there is no such count.

    peak = high-water mark while it runs - resident memory before

Memory that was freed, but is still resident since the allocator keeps it, would hide a part of the
peak. glibc is asked to return it (malloc_trim(3)), which leaves the top of every arena but the
first, and of that one, too, where it is not the end of the data segment. So what is free in this
thread's arena is held while the peak is measured: what the block needs is mapped anew. Threads
that allocate at the same time are counted, too.
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
_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1  # of mallopt(3)
_SMALLEST, _LARGEST = 64 * _KIB, 32 * _KIB**2  # the largest threshold that glibc takes
_MOST_HELD = 100_000  # a process may be out of mappings: then no block is one
_WORD = ctypes.sizeof(ctypes.c_size_t)
_IS_MAPPED = 2  # a flag of a block's size, which stands before it


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
        with _held_heap():
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


@contextmanager
def _held_heap() -> Iterator[None]:
    """Hold what is free in this thread's arena, down to 64 KiB, where the C library is glibc.

    A block that is mapped on its own says that no such space is left. Setting the threshold for
    this ends glibc's own adjustment of it: afterwards it is where that adjustment would end.
    """
    library = _library()
    if not hasattr(library, "gnu_get_libc_version"):
        yield
        return
    held: list[int] = []
    library.mallopt(_MMAP_THRESHOLD, _SMALLEST)
    try:
        size = _LARGEST
        while size >= _SMALLEST and len(held) < _MOST_HELD:
            block = library.malloc(size)
            if block is None or ctypes.c_size_t.from_address(block - _WORD).value & _IS_MAPPED:
                library.free(block)
                size //= 2
            else:
                held.append(block)
        yield
    finally:
        for block in held:
            library.free(block)
        library.mallopt(_MMAP_THRESHOLD, _LARGEST)
        library.mallopt(_TRIM_THRESHOLD, 2 * _LARGEST)


@cache
def _library() -> ctypes.CDLL:
    library = ctypes.CDLL(None)
    if hasattr(library, "malloc"):
        library.malloc.argtypes, library.malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
        library.free.argtypes, library.free.restype = [ctypes.c_void_p], None
    return library
