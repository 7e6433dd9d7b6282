"""The web application of ``bonas watch``, as ASGI: three paths, which can only be read.

=================  ================================================================================
``/``              all studies as cards
``/report``        the report of ``study``
``/state``         the version of either as JSON, which a page asks for
=================  ================================================================================
"""

from __future__ import annotations

import time
from datetime import datetime

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bonas.live import pages
from bonas.live.hosts import is_own
from bonas.live.watcher import State, Watcher

_HEADERS = {
    "Cache-Control": "no-cache",  # kept, and asked about by its ETag
    "Content-Security-Policy": "frame-ancestors 'none'",  # the rest is in the page
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_LATE = 3  # pauses without a reading, after which a page says when the storage was last read


def make_app(watcher: Watcher, *, host: str, where: str, every: float) -> Starlette:
    """Return the application.

    Args:
        watcher: Reads the studies.
        host: What the server is bound to.
        where: The storage, as it may be shown.
        every: Seconds between two questions of a page.
    """

    def index(request: Request) -> Response:
        state = watcher.state(waits=True)
        if _is_known(request, state.version):
            return _unchanged(state.version)
        status = 503 if state.read_at is None else 200
        return _html(pages.index_page(state, where, every), state.version, status)

    def report(request: Request) -> Response:
        name = request.query_params.get("study", "")
        state = watcher.state(name, waits=True)
        if state.read_at is None:
            return _html(pages.waiting_page(state, name, every), "", 503)
        if name not in state.studies:
            return _html(pages.missing_page(state, name), "", 404)
        seen = state.studies[name]
        if seen.page is None:
            return _html(pages.waiting_page(state, name, every), "", 503)
        if _is_known(request, seen.page_version):
            return _unchanged(seen.page_version)
        return _html(seen.page, seen.page_version)

    def state(request: Request) -> Response:
        name = request.query_params.get("study")
        found = watcher.state(name)
        if name is None:
            return JSONResponse(_described(found, found.version, every))
        seen = found.studies.get(name)
        return JSONResponse(_described(found, seen.page_version if seen else "", every))

    return Starlette(
        routes=[
            Route("/", index, methods=["GET"]),
            Route("/report", report, methods=["GET"]),
            Route("/state", state, methods=["GET"]),
        ],
        middleware=[Middleware(_Guard, host=host)],
    )


class _Guard:
    """Refuses foreign names, and adds headers to all answers."""

    def __init__(self, app: ASGIApp, host: str) -> None:
        self._app, self._host = app, host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                added = [(k.lower().encode(), v.encode()) for k, v in _HEADERS.items()]
                message = {**message, "headers": [*message.get("headers", ()), *added]}
            await send(message)

        given = [value for name, value in scope["headers"] if name == b"host"]
        if len(given) != 1 or not is_own(given[0].decode("latin-1"), self._host):
            text = "This server answers to an address or the name of its machine only.\n"
            refused = PlainTextResponse(text, status_code=421)
            await refused(scope, receive, send_with_headers)
            return
        await self._app(scope, receive, send_with_headers)


def _described(state: State, version: str, every: float) -> dict[str, object]:
    """Return what a page needs to know: what it shows, and whether that is old."""
    read = state.read_at
    is_old = read is None or time.time() - read > _LATE * every + 1.0
    seen = "" if read is None else f"{datetime.fromtimestamp(read):%H:%M:%S}"
    is_late = bool(state.trouble) or is_old
    return {"version": version, "seen": seen, "late": is_late, "trouble": state.trouble}


def _is_known(request: Request, version: str) -> bool:
    """Return whether the browser has this version already."""
    known = request.headers.get("if-none-match", "")
    return bool(version) and _tag(version) in [tag.strip() for tag in known.split(",")]


def _unchanged(version: str) -> Response:
    return Response(status_code=304, headers={"ETag": _tag(version)})


def _html(text: str, version: str, status: int = 200) -> Response:
    headers = {"ETag": _tag(version)} if version else {}
    body = text.encode("utf-8", errors="replace")
    return HTMLResponse(body, status_code=status, headers=headers)


def _tag(version: str) -> str:
    return f'W/"{version}"'
