"""The command that follows a search: full trainings of its best networks, and one test score."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from bonas.cli.options import add_command, add_stored_search


def add_final_commands(commands: Any) -> None:
    """Add the command to a parser's subparsers."""
    final = add_command(
        commands,
        "finalize",
        "Train the best networks of a search in full, choose one, and score it on the test rows.",
    )
    add_stored_search(final)
    final.add_argument("--top-k", type=int, default=3, help="Number of networks to compare.")
    final.add_argument(
        "--epochs", type=int, help="Epochs of a full training (default: ten times the search's)."
    )
    final.add_argument("--seeds", type=int, default=3, help="Number of trainings per network.")
    final.add_argument(
        "--rows",
        default="all",
        choices=["all", "train"],
        help="On which rows the chosen network is trained: on validation rows, too, or not.",
    )
    final.add_argument(
        "--constraint",
        nargs=2,
        action="append",
        default=[],
        metavar=("NAME", "BOUND"),
        help="What finalists have to keep, such as --constraint latency '<= 10'; may be repeated.",
    )
    final.add_argument(
        "--reopen-test",
        action="store_true",
        help="Open test rows that another comparison has opened; stored and shown.",
    )
    final.add_argument(
        "--out", default="finalists", help="Folder of the weights and of finalists.png."
    )
    final.set_defaults(run=_finalize)


# The command imports what it needs: torch takes seconds, and `bonas --help` must not wait.


def _finalize(options: argparse.Namespace) -> None:
    from bonas.deploy.finalize import finalize
    from bonas.deploy.stored import stored_result
    from bonas.studies.search import Search

    found = finalize(
        stored_result(Search.named(options.search), options.storage, options.study),
        options.top_k,
        epochs=options.epochs,
        seeds=options.seeds,
        rows=options.rows,
        constraints=dict(options.constraint) or None,
        folder=options.out,
        reopen_test=options.reopen_test,
        progress=sys.stderr.isatty(),
    )
    print(found)
    found.plot(f"{options.out}/finalists.png")
