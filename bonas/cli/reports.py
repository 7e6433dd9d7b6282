"""The command that writes the report of a stored study."""

from __future__ import annotations

import argparse
from typing import Any

from bonas.cli.options import add_command, add_stored_study


def add_report_command(commands: Any) -> None:
    """Add the command to a parser's subparsers."""
    report = add_command(
        commands,
        "report",
        "Write the report of a stored study, of whatever program: one HTML file.",
    )
    add_stored_study(report)
    report.add_argument(
        "--space",
        help="What was searched, for drawings of networks: a bonas.Space or a bonas.Search, or a "
        "function that returns one, as module:name (default: a space of bonas as the study "
        "describes it).",
    )
    report.add_argument("--out", default="report.html", help="File to write.")
    report.set_defaults(run=_report)


# The command imports what it needs: torch takes seconds, and `bonas --help` must not wait.


def _report(options: argparse.Namespace) -> None:
    from bonas.report.stored import stored_report

    print(stored_report(options.storage, options.study, options.space).save(options.out))
