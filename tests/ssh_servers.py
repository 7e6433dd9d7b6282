"""An ssh server for tests, on a free port of this machine, with keys that are thrown away."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from ports import free_port

from bonas.evaluation.remote import RemoteDevice

_CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
HostKey "{folder}/host_key"
AuthorizedKeysFile "{folder}/authorized_keys"
PidFile "{folder}/pid"
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
SetEnv "XDG_CACHE_HOME={folder}/home/cache"
"""


class SshServer:
    """A server that this user, root or not, may log in to with a key of its own."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program, self.folder = program, folder
        self.port = free_port()
        self.key = folder / "key of the user"
        for name in ("host_key", self.key.name, "stranger"):
            self._run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name))
        (folder / "authorized_keys").write_text(self.key.with_suffix(".pub").read_text())
        host_key = " ".join((folder / "host_key.pub").read_text().split()[:2])
        (folder / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {host_key}\n")
        (folder / "home").mkdir()
        (folder / "config").write_text(_CONFIG.format(port=self.port, folder=folder))
        self._running: subprocess.Popen[bytes] | None = None

    def device(self, **more: Any) -> RemoteDevice:
        """Return the device that measures on this server."""
        known = {"UserKnownHostsFile": f'"{self.folder}/known_hosts"'}
        given = {
            "key": str(self.key),
            "user": getpass.getuser(),
            "port": self.port,
            "python": sys.executable,
            "lock": str(self.folder / "lock"),
            "options": known,
        }
        return RemoteDevice("127.0.0.1", **{**given, **more})

    def start(self) -> None:
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        with (self.folder / "log").open("ab") as log:
            self._running = subprocess.Popen(
                [self._program, "-D", "-e", "-f", str(self.folder / "config")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        end = time.monotonic() + 20.0
        while time.monotonic() < end and self._running.poll() is None:
            with socket.socket() as opened:
                if opened.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        pytest.fail((self.folder / "log").read_text())

    def stop(self) -> None:
        """Stop it at once, and end all connections."""
        if self._running is not None:
            self.hang_up()
            self._running.terminate()
            self._running.wait()
            self._running = None

    def hang_up(self) -> int:
        """Kill the processes of the connections; return how many there were."""
        killed = 0
        for child in self._below():
            if _name(child).startswith("sshd"):
                with suppress(psutil.NoSuchProcess):
                    child.send_signal(signal.SIGKILL)
                    killed += 1
        return killed

    def programs(self) -> list[psutil.Process]:
        """Return the processes that connections started."""
        return [p for p in self._below() if not _name(p).startswith("sshd")]

    def measuring(self) -> list[psutil.Process]:
        """Return the processes in which the programs measure."""
        programs = {p.pid: p for p in self.programs() if _name(p).startswith("python")}
        return [p for p in programs.values() if _parent(p) in programs]

    def _below(self) -> list[psutil.Process]:
        if self._running is None or self._running.poll() is not None:
            return []
        return psutil.Process(self._running.pid).children(recursive=True)

    def _run(self, *command: str) -> None:
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def ssh_server() -> Iterator[SshServer]:
    """Yield a running server for a fixture; skip the test if OpenSSH's server is not installed."""
    pytest.importorskip("onnxruntime", reason="onnxruntime is missing: pip install bonas[onnx]")
    program = shutil.which("sshd", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if program is None or shutil.which("ssh") is None:
        pytest.skip("OpenSSH's server is not installed (Debian: apt-get install openssh-server)")
    folder = Path(tempfile.mkdtemp(prefix="bonas sshd-"))
    server = None
    try:
        server = SshServer(program, folder)
        server.start()
        yield server
    finally:
        if server is not None:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)  # onnxruntime may be removing files of it


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.NoSuchProcess:
        return "sshd: gone"


def _parent(process: psutil.Process) -> int:
    try:
        return process.ppid()
    except psutil.NoSuchProcess:
        return 0
