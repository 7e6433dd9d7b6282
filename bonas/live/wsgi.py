"""Optuna's dashboard as a WSGI application: the file that needs optuna-dashboard and plotly."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from os import PathLike
from typing import Any

from optuna.storages import BaseStorage

from bonas.errors import MissingPackage
from bonas.live.hosts import is_own
from bonas.live.spaces import KnownSpaces

try:
    import optuna_dashboard
    import plotly  # noqa: F401  # what draws the front

    from bonas.live.drawing_store import DrawingStore
    from bonas.live.overlay import Overlay
except ImportError as error:
    raise MissingPackage(
        f"bonas dashboard needs the packages optuna-dashboard and plotly ({error}); "
        'pip install "bonas[dashboard]"'
    ) from error

_STUDY = re.compile(r"/api/studies/(\d+)")
Environment = dict[str, Any]
Start = Callable[..., Any]
Application = Callable[[Environment, Start], Iterable[bytes]]


def make_application(
    storage: BaseStorage,
    shows: Callable[[str], bool],
    spaces: KnownSpaces,
    *,
    host: str,
    artifacts: str | PathLike[str] | None,
) -> Application:
    """Return the dashboard of a storage.

    Args:
        storage: What is shown.
        shows: Whether the study of a name is to be seen.
        spaces: What was searched, for drawings.
        host: What the server is bound to.
        artifacts: The folder with files of trials; None for none.
    """
    overlay = Overlay(storage, shows, spaces)
    dashboard = optuna_dashboard.wsgi(overlay, DrawingStore(overlay, artifacts))

    def application(environment: Environment, start: Start) -> Iterable[bytes]:
        if not is_own(environment.get("HTTP_HOST", ""), host):
            start("421 Misdirected Request", [("Content-Type", "text/plain; charset=utf-8")])
            return [b"This server answers to an address or the name of its machine only.\n"]
        found = _STUDY.match(environment.get("PATH_INFO", ""))
        with overlay.looking_at(int(found[1]) if found else None):
            answer: Iterable[bytes] = dashboard(environment, start)
            return answer

    return application
