"""The peak memory of a block: of what was freed in it, too, and of nothing before it."""

from __future__ import annotations

import ctypes
from threading import Thread

import pytest
import torch

from bonas.errors import InvalidArgument
from bonas.evaluation.memory import can_measure, measure_peak

CPU = torch.device("cpu")
needs_linux = pytest.mark.skipif(not can_measure(CPU), reason="only Linux counts the peak")
_MB = 1_000_000


@needs_linux
def test_memory_that_is_freed_in_the_block_is_counted() -> None:
    with measure_peak(CPU) as peak:
        assert peak.bytes is None
        torch.ones(25 * _MB)  # 100 MB
        torch.ones(10 * _MB)
    assert peak.bytes is not None
    assert 95 * _MB < peak.bytes < 125 * _MB


@needs_linux
def test_memory_from_before_is_not_counted() -> None:
    kept = torch.ones(50 * _MB)
    with measure_peak(CPU) as peak:
        torch.ones(5 * _MB)
    assert len(kept) == 50 * _MB
    assert peak.bytes is not None
    assert peak.bytes < 40 * _MB


@needs_linux
def test_memory_that_the_allocator_keeps_hides_nothing() -> None:
    found = []

    def measured() -> None:
        _keep(31 * 2**20)  # at the top of this thread's arena, which is not trimmed
        with measure_peak(CPU) as peak:
            torch.ones(5 * _MB)
        found.append(peak.bytes)

    _keep(32 * 2**20 - 2**16)  # from now on smaller blocks are not mapped
    thread = Thread(target=measured)
    thread.start()
    thread.join()
    assert 19 * _MB < found[0] < 40 * _MB


def _keep(size: int) -> None:
    """Let glibc hold a block that was used and freed."""
    library = ctypes.CDLL(None)
    library.malloc.restype, library.free.argtypes = ctypes.c_void_p, (ctypes.c_void_p,)
    block = library.malloc(ctypes.c_size_t(size))
    ctypes.memset(block, 1, size)
    library.free(block)


def test_a_device_without_a_count_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bonas.evaluation.memory.peak._is_resettable", lambda: False)
    assert not can_measure(CPU)
    message = "expected the CPU of a Linux system or a CUDA"
    with pytest.raises(InvalidArgument, match=message), measure_peak(CPU):
        pass
    assert not can_measure(torch.device("mps"))
