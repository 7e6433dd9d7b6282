"""The command that writes the report of a stored study, and the one that measures it."""

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


def add_report_benchmark(parts: Any) -> None:
    """Add the command to the subparsers of ``bonas bench``."""
    html = add_command(
        parts, "html", "Measure how long the report of a search takes, and how large it is."
    )
    html.add_argument(
        "--trials", type=int, nargs="+", default=[30, 200, 500, 10_000], help="Sizes of studies."
    )
    html.add_argument("--seed", type=int, default=0, help="Random seed of the studies.")
    html.set_defaults(run=_run_html)


# Each command imports what it needs: torch takes seconds, and `bonas --help` must not wait.


def _report(options: argparse.Namespace) -> None:
    from bonas.report.stored import stored_report

    print(stored_report(options.storage, options.study, options.space).save(options.out))


def _run_html(options: argparse.Namespace) -> None:
    from bonas.benchmarks.html_report import report_cost_table, report_costs

    print(report_cost_table(report_costs(options.trials, options.seed)))
