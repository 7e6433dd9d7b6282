"""A connection to a device: the program that runs there, its hello, and requests to it."""

from __future__ import annotations

import json
import os
import secrets
import select
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final

from bonas.errors import BonasError

_HELLO: Final = 120.0  # seconds in which a small device imports onnxruntime
_SLACK: Final = 60.0  # seconds beyond what the device was given, for slow networks
_MOST: Final = 1 << 20  # bytes of what a login shell may print first
_SAID: Final = 2000  # characters of an error that are kept

Json = dict[str, Any]


class ConnectionLost(BonasError, ConnectionError):
    """A connection could not be made, or ended; ``str`` is what ssh said of it."""


class NotPrepared(BonasError, RuntimeError):
    """The device answers, but lacks what the program needs."""


class Connection:
    """A running ssh with the program at its other end; for one thread at a time.

    Args:
        command: The ssh command.

    Attributes:
        identity: Who the device is, and what decides latencies there.
        state: Its load, clock frequency and versions when the connection was made.

    Raises:
        ConnectionLost: if it cannot be made.
        NotPrepared: if Python there cannot import numpy and onnxruntime, or is too old.
    """

    def __init__(self, command: Sequence[str], connect_timeout: float) -> None:
        self._token = f"bonas-{secrets.token_hex(8)} "
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # ``close`` does
        self._text = b""
        self.pid = os.getpid()
        try:
            self._ssh = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                start_new_session=True,  # Ctrl-C is for this process; ssh ends with it
            )
        except OSError as error:
            self._errors.close()
            raise NotPrepared(
                f"expected the program ssh on this machine, got {error}; install OpenSSH's client"
            ) from error
        try:
            self._send(self._source())
            hello = self._line(time.monotonic() + connect_timeout + _HELLO)
        except BaseException:
            self.close()
            raise
        if "hello" not in hello:
            self.close()
            raise NotPrepared(str(hello.get("text", hello)))
        self.identity: Json = hello["hello"]
        self.state: Json = hello["state"]

    @property
    def is_open(self) -> bool:
        """Whether the connection was made by this process, and ssh runs."""
        return self.pid == os.getpid() and self._ssh.poll() is None

    def ask(
        self,
        request: Json,
        parts: Sequence[bytes],
        limit: float,
        waits: Callable[[], object] = lambda: None,
    ) -> Json:
        """Send a request with its files, and return the answer.

        Args:
            request: JSON values.
            parts: Bytes that follow.
            limit: Seconds that the device may take once it is its turn.
            waits: Called if others are measured first.

        Raises:
            ConnectionLost: if the connection ends, or the device does not answer in time.
        """
        header = json.dumps({**request, "sizes": [len(part) for part in parts]})
        try:
            self._send(header.encode() + b"\n" + b"".join(parts))
            end = time.monotonic() + float(request.get("queue", 0.0)) + _SLACK
            while True:
                answer = self._line(end)
                if "waits" in answer:
                    waits()
                elif "begins" in answer:
                    end = time.monotonic() + limit + _SLACK
                else:
                    return answer
        except BaseException:  # what was asked is still under way there
            self.close()
            raise

    def close(self) -> None:
        """End the connection; the program on the device ends with it."""
        if self.pid != os.getpid():
            return
        self._ssh.kill()
        for stream in (self._ssh.stdin, self._ssh.stdout):
            if stream is not None:
                try:
                    stream.close()
                except OSError:
                    continue  # what was not sent is not needed any more
        self._ssh.wait()
        self._errors.close()

    def _source(self) -> bytes:
        source = _program() + f"\nmain({self._token!r})\n".encode()
        return f"{len(source)}\n".encode() + source

    def _send(self, data: bytes) -> None:
        assert self._ssh.stdin is not None
        try:
            self._ssh.stdin.write(data)
            self._ssh.stdin.flush()
        except OSError as error:
            raise self._lost() from error

    def _line(self, end: float) -> Json:
        """Return the next line of the program; what else is printed is skipped."""
        assert self._ssh.stdout is not None
        token, source, skipped = self._token.encode(), self._ssh.stdout.fileno(), 0
        while True:
            line, newline, rest = self._text.partition(b"\n")
            if newline:
                self._text = rest
                at = line.find(token)
                if at >= 0:
                    found: Json = json.loads(line[at + len(token) :])
                    return found
                skipped += len(line)
                continue
            left = end - time.monotonic()
            if left <= 0 or skipped > _MOST:
                raise ConnectionLost("it is connected, but gave no answer in time")
            if select.select([source], [], [], left)[0]:
                part = os.read(source, 1 << 16)
                if not part:
                    raise self._lost()
                self._text += part

    def _lost(self) -> ConnectionLost:
        """Return the error of a connection that ended, with what ssh said last."""
        try:
            status: int | None = self._ssh.wait(timeout=5.0)
        except subprocess.TimeoutExpired:
            status = None
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace").strip()[-_SAID:]
        return ConnectionLost(said or f"ssh ended with exit status {status}")


@cache
def _program() -> bytes:
    return files(__package__).joinpath("on_device.py").read_bytes()
