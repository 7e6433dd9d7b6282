"""Stored studies to look at, and an application that reads them when it is told to."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import optuna
from optuna.distributions import CategoricalDistribution
from optuna.trial import TrialState, create_trial
from starlette.types import ASGIApp

from bonas.live.app import make_app
from bonas.live.watch import make_watcher
from bonas.live.watcher import Watcher

HOSTILE = "<script>alert(1)</script>\"'&]]>"
EVERY = 3_600.0  # s, so that nothing is late, or no longer looked at, on a busy machine
_START = "import sys; from bonas.cli import main; sys.exit(main(sys.argv[1:]))"


def address_of(kind: str, folder: Path) -> str:
    """Return a storage that does not exist yet, as a user names it."""
    return {"sqlite": f"sqlite:///{folder / 'a.db'}", "journal": str(folder / "a.log")}[kind]


def stored(
    storage: Any, name: str = "s", values: Sequence[Sequence[float]] = ((90.0, 2.0), (80.0, 1.0))
) -> optuna.Study:
    """Return a study of two objectives with finished trials."""
    study = optuna.create_study(
        storage=opened(storage), study_name=name, directions=["maximize", "minimize"]
    )
    study.set_metric_names(["accuracy", "latency"])
    for each in values:
        add(study, each)
    return study


def add(study: optuna.Study, values: Sequence[float]) -> None:
    """Add a finished trial."""
    params, options = {"width": 8}, {"width": CategoricalDistribution((8, 16))}
    study.add_trial(
        create_trial(
            state=TrialState.COMPLETE, values=list(values), params=params, distributions=options
        )
    )


class Browser:
    """Asks an application for pages, without a socket."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def get(self, path: str, **given: Any) -> httpx.Response:
        """Return the answer to a GET."""
        return self.request("GET", path, **given)

    def request(self, method: str, path: str, **given: Any) -> httpx.Response:
        """Return the answer to any request."""

        async def answer() -> httpx.Response:
            transport = httpx.ASGITransport(app=self._app)
            url = "http://127.0.0.1:8000"
            async with httpx.AsyncClient(transport=transport, base_url=url) as client:
                return await client.request(method, path, **given)

        return asyncio.run(answer())


def client_of(storage: str, *names: str, host: str = "127.0.0.1") -> tuple[Browser, Watcher]:
    """Return a browser, and a watcher that has read once and reads when it is told to."""
    watcher = make_watcher(storage, names, None, EVERY)
    watcher.look()
    return Browser(make_app(watcher, host=host, where=storage, every=EVERY)), watcher


@contextmanager
def watching(storage: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Yield the process of ``bonas watch`` and its address."""
    command = [sys.executable, "-c", _START, "watch", "--storage", storage]
    process = subprocess.Popen(
        [*command, "--port", "0", "--every", "0.2"], stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    said = ""
    try:
        while (address := re.search(r"http://\S+", said)) is None:
            line = process.stderr.readline()
            assert line, said  # it has ended
            said += line
        yield process, address[0]
    finally:
        process.kill()
        process.communicate()


def asked(study: str) -> str:
    """Return what follows the address of a server in that of a study's report."""
    return f"report?study={quote(study, safe='')}"


def opened(storage: Any) -> Any:
    """Return a storage, or its address, as Optuna's functions take it."""
    if isinstance(storage, str) and storage.endswith(".log"):
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend

        return JournalStorage(JournalFileBackend(storage))
    return storage
