"""A server of one-way processes: it holds what they need, and forks a fresh one for each request.

    this process  --control-->  server  --fork-->  child
          ^------------ connection, faults -----------'

The server is a fresh process (``fresh_context``) that unpacks its work once and stays single
threaded, so that a fork of it is safe and takes milliseconds. A child answers one request over a
connection of its own, and ends. Whatever it does to itself, it leaves the server and this process
as they were.

Where a process cannot be forked safely, because the work started threads or CUDA as it was unpacked
or the system has no ``pidfd``, the server answers one request itself, and the next one is answered
by a new server.

If this process dies, the server sees the end of ``control``, kills the child and ends; if the
server dies, the kernel kills the child (Linux). A child leads a process group, which is killed with
it: no process that it started outlives its request, unless that left the group.
"""

from __future__ import annotations

import ctypes
import faulthandler
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from bonas.errors import BonasError, InvalidArgument
from bonas.processes.context import fresh_context, share_no_locks
from bonas.processes.limits import no_core_dump
from bonas.processes.pickling import unpacked
from bonas.processes.script import run_once

Work = Callable[[Connection, bytes], object]
"""What a child does: it is given the connection to its parent, and the request."""

_READY, _ALONE = "ready", "alone"  # messages of a server: it forks; it answers one request itself
_REAP = b"reap"
_PR_SET_PDEATHSIG = 1
_START = 120.0  # seconds that a server may take to import and unpack all
_DYING = 1.0  # seconds that a child may take to show where it was


class Child:
    """A process that answers one request.

    Attributes:
        pid: Its number; also that of its process group.
        connection: To it.
    """

    def __init__(self, server: ChildServer, pid: int, connection: Connection, faults: int) -> None:
        self._server, self._faults = server, faults
        self.pid, self.connection = pid, connection
        self._status: int | None = None
        self._is_closed = False

    def wait(self, seconds: float | None) -> bool:
        """Wait until it has said something or has ended; return whether it has."""
        return bool(wait([self.connection, *self._server.ends()], seconds))

    def poll(self) -> int | None:
        """Return its exit status, negative for a signal; None while it runs."""
        if self._status is None:
            self._status = self._server.status()
        return self._status

    def join(self, seconds: float | None) -> int | None:
        """Wait for its end; return its exit status, None if it still runs."""
        if self.poll() is None:
            wait(self._server.ends(), seconds)
        return self.poll()

    def where(self) -> str:
        """Return the Python traceback that it left as it crashed; empty if it left none."""
        found = b""
        with suppress(OSError):
            while part := os.read(self._faults, 65536):
                found += part
        return found.decode(errors="replace")

    def interrupt(self) -> None:
        """Let it show where it is, and end."""
        if sys.platform != "win32" and self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGABRT)
            self.join(_DYING)
        self.kill()

    def kill(self) -> None:
        """End it, and what it has started, at once."""
        self._server.kill(self.pid)

    def close(self) -> None:
        """End it if it still runs, and forget it."""
        if self._is_closed:
            return
        self._is_closed = True
        self.kill()
        ended = self.join(10.0) is not None
        self.connection.close()
        os.close(self._faults)
        self._server.reap(ended)


class ChildServer:
    """Starts children for a packed ``Work``, one after the other.

    Args:
        packed: The work, as ``bonas.processes.pickling`` packs it.

    Raises:
        InvalidArgument: if this process may start none, or the work cannot be unpacked.
    """

    def __init__(self, packed: bytes) -> None:
        if multiprocessing.current_process().daemon:
            raise InvalidArgument(
                "isolation starts processes, and this one is a daemon, which may start none; take "
                "isolation=None"
            )
        self._packed = packed
        self._process: BaseProcess | None = None
        self._is_single = False
        self._is_used = False
        self._start()

    def child(self, request: bytes) -> Child:
        """Start a child that answers a request.

        Raises:
            OSError: if the server is gone.
        """
        process = self._process
        if process is None or not process.is_alive() or self._is_used:
            self.close()
            process = self._start()
        own, other = multiprocessing.Pipe(duplex=True)
        faults, write = os.pipe()
        os.set_blocking(faults, False)
        try:
            if self._is_single:  # its request goes the usual way, on any system
                self._control.send((request, other, None))
                self._is_used = True
            else:
                self._control.send((request, None, None))
                for handle in (other.fileno(), write):
                    _send_handle(self._control, handle, process)
            pid = self._control.recv()
        except (EOFError, OSError) as error:
            own.close()
            os.close(faults)
            self.close()
            raise OSError("the server of isolated evaluations is gone") from error
        except BaseException:  # an interrupt: it is unknown how far the server came
            self.close()
            raise
        finally:
            other.close()
            os.close(write)
        return Child(self, pid, own, faults)

    def close(self) -> None:
        """End the server."""
        process, self._process = self._process, None
        if process is not None:
            self._control.close()
            process.join(1.0)
            if process.is_alive():
                process.kill()
                process.join()
            process.close()

    def ends(self) -> list[Any]:
        """Return what becomes readable when the child ends."""
        if self._process is None:
            return []
        return [self._process.sentinel, *([] if self._is_single else [self._control])]

    def status(self) -> int | None:
        """Return the exit status of the child; None while it runs."""
        process = self._process
        if process is None:
            return -int(signal.SIGKILL)
        with suppress(EOFError, OSError):
            if not self._is_single and self._control.poll():
                status: int = self._control.recv()
                return status
        if process.is_alive():
            return None
        if self._is_single:
            return process.exitcode
        return -int(signal.SIGKILL)  # the server was killed, and its child with it

    def kill(self, pid: int) -> None:
        """Kill a child that was not reaped, and its process group."""
        if sys.platform == "win32" or self._is_single:
            if self._process is not None:
                self._process.kill()
        if sys.platform != "win32":
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)

    def reap(self, ended: bool) -> None:
        """Let the server go on; one whose child does not end is given up."""
        if self._is_single or not ended:
            self.close()
            return
        with suppress(OSError):
            self._control.send_bytes(_REAP)

    def _start(self) -> BaseProcess:
        context = fresh_context()
        self._control, other = context.Pipe(duplex=True)
        # A daemon ends with this process; its children are no daemons.
        process = context.Process(target=_serve, args=(other, self._packed), daemon=True)
        with run_once():
            process.start()
        other.close()
        self._process, self._is_used = process, False
        said: object = None
        with suppress(EOFError, OSError):
            if self._control.poll(_START):
                said = self._control.recv()
        if said not in (_READY, _ALONE):
            self.close()
            if isinstance(said, BonasError):
                raise said
            raise InvalidArgument(
                "the process that isolates evaluations did not start; does the script that starts "
                'the search say if __name__ == "__main__"? Or take isolation=None'
            )
        self._is_single = said == _ALONE
        return process


def _send_handle(control: Connection, handle: int, process: BaseProcess) -> None:
    from multiprocessing.reduction import send_handle  # there is another one on Windows

    assert process.pid is not None
    send_handle(control, handle, process.pid)


def _serve(control: Connection, packed: bytes) -> None:
    """Answer requests until the other end of ``control`` is closed."""
    if sys.platform != "win32":
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # it ends with the process that started it
    multiprocessing.current_process().daemon = False  # evaluations may start processes
    try:
        work: Work = unpacked(packed)
    except BonasError as error:
        control.send(type(error)(str(error)))
        return
    can_fork = _can_fork()
    control.send(_READY if can_fork else _ALONE)
    with suppress(EOFError, OSError):
        if not can_fork:
            _answer_alone(control, work)
        while True:
            _answer(control, work)


def _answer_alone(control: Connection, work: Work) -> None:
    request, connection, _ = control.recv()
    if sys.platform != "win32":
        with suppress(PermissionError):
            os.setpgid(0, 0)
    control.send(os.getpid())
    threading.Thread(target=_end_with, args=(control,), daemon=True).start()
    _run(work, connection, request, None)


def _end_with(control: Connection) -> None:
    with suppress(EOFError, OSError):
        control.recv_bytes()
    os._exit(1)


def _answer(control: Connection, work: Work) -> None:
    """Fork a child for the next request; return when it has ended and was reaped."""
    from multiprocessing.reduction import recv_handle  # there is another one on Windows

    request, _, _ = control.recv()
    handle, faults = recv_handle(control), recv_handle(control)
    sys.stdout.flush()
    sys.stderr.flush()
    server, pid = os.getpid(), os.fork()
    if pid == 0:
        try:
            _become_child(control, server)
            _run(work, Connection(handle), request, faults)
        finally:
            os._exit(1)
    os.close(handle)
    os.close(faults)
    with suppress(PermissionError, ProcessLookupError):
        os.setpgid(pid, pid)  # both do, since either may be first
    ending = os.pidfd_open(pid)
    try:
        control.send(pid)
        while ending not in wait([ending, control]):
            control.recv_bytes()  # the end of the file: nothing is sent while a child runs
        info = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        assert info is not None
        is_exit = info.si_code == os.CLD_EXITED
        control.send(info.si_status if is_exit else -info.si_status)
        control.recv_bytes()  # until then its number is not given to another process
    except (EOFError, OSError):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        raise
    finally:
        os.close(ending)
        os.waitpid(pid, 0)


def _become_child(control: Connection, server: int) -> None:
    with suppress(PermissionError):
        os.setpgid(0, 0)
    control.close()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != server:
        os._exit(1)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _run(work: Work, connection: Connection, request: bytes, faults: int | None) -> None:
    """Answer a request, and end this process."""
    no_core_dump()
    share_no_locks()
    if faults is not None:
        faulthandler.enable(file=faults)
    status = 1
    try:
        work(connection, request)
        status = 0
    finally:
        with suppress(BaseException):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def _can_fork() -> bool:
    """Return whether a copy of this process works as it does: it has one thread, and no CUDA."""
    if sys.platform != "linux" or not hasattr(os, "pidfd_open"):
        return False
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        return False
    try:
        os.close(os.pidfd_open(os.getpid()))
        return len(os.listdir("/proc/self/task")) == 1
    except OSError:
        return False
