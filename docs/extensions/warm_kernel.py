"""Kernels for the executed pages that begin with bonas imported, which takes five CPU seconds.

    sphinx-build ---starts---> server: imports bonas once, and waits at a socket
         |                        | fork, one per page
         +--starts--> client      +--> kernel
                         +---- connection ----+   either end closes it, and the other one ends

The client is what Jupyter believes to be the kernel. Each page has a process of its own, as fresh
as the server was; the server waits for its children, so that their CPU time is that of the build.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

SOCKET = "BONAS_DOCS_KERNELS"
"""The variable of the environment with the path of the server's socket."""


def main() -> None:
    """Serve, or ask the server for a kernel with the given connection file and wait for its end."""
    path = os.environ[SOCKET]
    if len(sys.argv) == 1:
        serve(path)
        return
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(path)
        server.sendall(f"{os.getcwd()}\0{sys.argv[1]}".encode())
        child = int(server.recv(32))
        for number in (signal.SIGINT, signal.SIGTERM):  # an interrupted build
            signal.signal(number, lambda number, _: os.kill(child, number))
        server.recv(1)


def serve(path: str) -> None:
    """Import what pages need, then fork a kernel for each client until the build is at its end."""
    os.environ["JPY_PARENT_PID"] = str(os.getpid())  # kernels say less, and end with this process
    import ipykernel.kernelapp
    import matplotlib.pyplot
    import torch

    import bonas.optimization
    import bonas.supernets

    del ipykernel, matplotlib, bonas  # imported is enough
    torch.set_num_threads(1)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        server.settimeout(0.2)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        build = os.getppid()
        while os.getppid() == build:  # a build that was killed leaves no server
            try:
                client, _ = server.accept()
            except TimeoutError:
                _reap()
                continue
            if os.fork() == 0:
                server.close()
                _be_kernel(client)
            client.close()


def _be_kernel(client: socket.socket) -> None:
    """Run a kernel in this process until it is shut down, or its client is gone."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    client.settimeout(None)
    folder, connection_file = client.recv(65_536).decode().split("\0")
    client.sendall(str(os.getpid()).encode())
    os.chdir(folder)

    def watch() -> None:
        client.recv(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    from ipykernel.kernelapp import IPKernelApp

    try:
        IPKernelApp.launch_instance(argv=["-f", connection_file, "--log-level=ERROR"])
    finally:
        os._exit(0)


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


def setup(app: Sphinx) -> dict[str, Any]:
    """Start the server with the build; where processes cannot be forked, kernels start cold."""
    if sys.platform == "linux":
        app.connect("builder-inited", _start)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _start(app: Sphinx) -> None:
    here = Path(__file__).parent
    folder = tempfile.TemporaryDirectory(prefix="bonas-docs-")
    path = Path(folder.name) / "kernels"
    os.environ[SOCKET] = str(path)
    os.environ["JUPYTER_PATH"] = str(here / "jupyter")
    paths = [str(here), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    server = subprocess.Popen([sys.executable, str(Path(__file__))])
    while not path.exists():
        if server.poll() is not None:
            raise RuntimeError(f"the server of kernels ended with status {server.returncode}")
        threading.Event().wait(0.05)

    def stop(*_: object) -> None:
        server.terminate()
        server.wait()
        folder.cleanup()

    app.connect("build-finished", stop)


if __name__ == "__main__":
    main()
