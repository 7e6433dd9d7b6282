"""Kernels for the executed pages that begin with bonas imported, which takes five CPU seconds.

    sphinx-build: imports bonas once, for the reference and for all pages
         |----fork----> server: waits at a socket
         |                        | fork, one per page
         +--starts--> client      +--> kernel
                         +---- connection ----+   either end closes it, and the other one ends

The client is what Jupyter believes to be the kernel. Each page has a process of its own, as fresh
as the server was; the server waits for its children, so that their CPU time is that of the build.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import tempfile
import threading
import traceback
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

SOCKET = "BONAS_DOCS_KERNELS"
"""The variable of the environment with the path of the server's socket."""


def main() -> None:
    """Ask the server for a kernel with the given connection file and wait for its end."""
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(os.environ[SOCKET])
        server.sendall(f"{os.getcwd()}\0{sys.argv[1]}".encode())
        child = int(server.recv(32))
        for number in (signal.SIGINT, signal.SIGTERM):  # an interrupted build
            signal.signal(number, lambda number, _: os.kill(child, number))
        server.recv(1)


def serve(path: str, build: int) -> None:
    """Fork a kernel for each client until the build, which is the parent, is at its end."""
    os.environ["JPY_PARENT_PID"] = str(os.getpid())  # kernels say less, and end with this process
    logging.getLogger().handlers.clear()  # those of the build
    warnings.filterwarnings("ignore", "IProgress not found")  # as PYTHONWARNINGS for cold kernels
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        server.settimeout(0.2)
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
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
    server = _forked(str(path))
    while not path.exists():
        if os.waitpid(server, os.WNOHANG)[0]:
            raise RuntimeError("the server of kernels has ended")
        threading.Event().wait(0.05)

    def stop(*_: object) -> None:
        os.kill(server, signal.SIGTERM)
        os.waitpid(server, 0)
        folder.cleanup()

    app.connect("build-finished", stop)


def _forked(path: str) -> int:
    """Import what pages need, and return the id of a new process that serves it."""
    import alembic.context
    import ipykernel.kernelapp
    import matplotlib.pyplot
    import sqlalchemy.orm
    import torch

    import bonas.optimization
    import bonas.supernets

    del alembic, ipykernel, matplotlib, sqlalchemy, bonas  # imported is enough
    torch.set_num_threads(1)
    sys.stdout.flush()  # what is buffered is written once
    sys.stderr.flush()
    build = os.getpid()
    server = os.fork()
    if server == 0:
        try:
            serve(path, build)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)  # without what Sphinx does at its end
    return server


if __name__ == "__main__":
    main()
