"""Commands that show studies in a browser: watch, and Optuna's dashboard."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from bonas.cli.options import STORAGE, add_command

_HOST = "Address to listen on; others than loopback addresses let other machines see the studies."
_SPACE = (
    "What was searched, for drawings of networks: a bonas.Space or a bonas.Search, or a function "
    "that returns one, as module:name (default: a space of bonas as the study describes it)."
)


def add_live_commands(commands: Any) -> None:
    """Add the commands to a parser's subparsers."""
    for add in (_add_watch, _add_dashboard):
        add(commands)


def _add_watch(commands: Any) -> None:
    command = add_command(
        commands, "watch", "Show the reports of running studies in a browser, always up to date."
    )
    _add_storage(command)
    command.add_argument("--space", help=_SPACE)
    command.add_argument("--host", default="127.0.0.1", help=_HOST)
    command.add_argument("--port", type=int, default=8000, help="Port; 0 for any that is free.")
    command.add_argument(
        "--every", type=float, default=5.0, help="Seconds between two readings of the storage."
    )
    command.set_defaults(run=_watch)


def _add_dashboard(commands: Any) -> None:
    command = add_command(
        commands,
        "dashboard",
        "Show studies in Optuna's dashboard, with the front, notes and drawings.",
    )
    _add_storage(command)
    command.add_argument("--space", help=_SPACE)
    command.add_argument("--host", default="127.0.0.1", help=_HOST)
    command.add_argument("--port", type=int, default=8080, help="Port; 0 for any that is free.")
    command.add_argument(
        "--artifacts",
        help="Folder with the drawings of networks: that of optimize(artifacts=...).",
    )
    command.set_defaults(run=_dashboard)


def _add_storage(command: argparse.ArgumentParser) -> None:
    command.add_argument("--storage", required=True, help=STORAGE)
    command.add_argument(
        "--study",
        action="append",
        default=None,
        help="Name of a study in the storage; may be given several times (default: all).",
    )


# Each command imports what it needs: torch takes seconds, and `bonas --help` must not wait.


def _watch(options: argparse.Namespace) -> None:
    from bonas.live import watch

    watch(*_stored(options), **_place(options), every=options.every)


def _dashboard(options: argparse.Namespace) -> None:
    from bonas.live import dashboard

    dashboard(*_stored(options), **_place(options), artifacts=options.artifacts)


def _stored(options: argparse.Namespace) -> tuple[str, Sequence[str]]:
    """Return the storage, and the names of studies; none are all."""
    return options.storage, options.study or ()


def _place(options: argparse.Namespace) -> dict[str, Any]:
    """Return what was searched, and the address to serve at."""
    from bonas.report.stored import named_space

    space = None if options.space is None else named_space(options.space)
    return {"space": space, "host": options.host, "port": options.port}
