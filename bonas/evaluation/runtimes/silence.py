"""Silence of exporters: they print and log pages where something fails, and raise it anyway."""

from __future__ import annotations

import io
import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any

_LOUD = (
    "",  # the root, where the quantiser of ONNX Runtime logs its advice
    "onnx_ir",
    "onnxscript",
    "torch._dynamo",
    "torch.export",
    "torch.fx.experimental.symbolic_shapes",
    "torch.onnx",
)
_one_at_a_time = threading.RLock()  # levels and streams belong to the process


@contextmanager
def silence() -> Iterator[None]:
    """Run the block without exporters' logs, warnings, and what this thread prints.

    Threads take turns: each restores what it found.
    """
    with _one_at_a_time, _silence():
        yield


@contextmanager
def _silence() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in _LOUD]
    before = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        out, err = _OtherThreads(sys.stdout), _OtherThreads(sys.stderr)
        with warnings.catch_warnings(), redirect_stdout(out), redirect_stderr(err):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


class _OtherThreads(io.TextIOBase):
    """A stream that drops what its own thread writes, and passes on what others do."""

    def __init__(self, stream: Any) -> None:
        self._stream, self._own = stream, threading.get_ident()

    def write(self, text: str) -> int:
        if threading.get_ident() != self._own:
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        self._stream.flush()
