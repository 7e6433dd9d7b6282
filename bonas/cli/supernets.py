"""Commands of supernets: train one for the space of a search, and judge it by a study."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bonas.cli.options import add_command, add_stored_search

if TYPE_CHECKING:
    from bonas.evaluation import ShortTraining
    from bonas.studies.search import Search

_SEARCH = "A bonas.Search that trains networks, or a function that returns one, as module:name."


def add_supernet_commands(commands: Any) -> None:
    """Add the commands to a parser's subparsers."""
    supernet = add_command(commands, "supernet", "Train one set of weights for a whole space.")
    parts = supernet.add_subparsers(dest="part", required=True, metavar="PART")
    _add_fit(parts)
    _add_report(parts)


def _add_fit(parts: Any) -> None:
    fit = add_command(
        parts, "fit", "Train a supernet on the rows of a search; the same command goes on."
    )
    fit.add_argument("search", help=_SEARCH)
    fit.add_argument("--out", required=True, help="File of the weights, such as supernet.pt.")
    length = fit.add_mutually_exclusive_group()
    length.add_argument(
        "--paths", type=int, help="Number of networks that learn in turn (default: 2400)."
    )
    length.add_argument("--seconds", type=float, help="Wall time, instead of a number of paths.")
    fit.add_argument("--rule", default="auto", help="auto, uniform, fair, sandwich or shrinking.")
    fit.add_argument("--seed", type=int, default=0, help="Random seed.")
    fit.set_defaults(run=_fit)


def _add_report(parts: Any) -> None:
    report = add_command(
        parts, "report", "Show how a supernet ranks the networks that a study has trained."
    )
    add_stored_search(report)
    report.add_argument("--weights", required=True, help="File of the weights.")
    report.add_argument(
        "--retrain", type=int, default=0, help="Number of networks trained again, as a ceiling."
    )
    report.set_defaults(run=_report)


# Each command imports what it needs: torch takes seconds, and `bonas --help` must not wait.


def _training_of(search: Search) -> ShortTraining:
    """Return the training of a search; without initial weights, which may be the supernet's own.

    Raises:
        InvalidArgument: if it has none.
    """
    from bonas.deploy.retraining import training_in
    from bonas.errors import InvalidArgument

    found = training_in(search.evaluator)
    if found is None:
        raise InvalidArgument(
            "expected a search that trains networks, with a ShortTraining in its evaluate, got "
            f"{search.evaluator!r}; a supernet is trained on the rows of that training"
        )
    return replace(found, initial=None)


def _fit(options: argparse.Namespace) -> None:
    from bonas.studies.search import Search
    from bonas.supernets import Supernet

    search = Search.named(options.search)
    supernet = Supernet(search.space, _training_of(search), seed=options.seed)
    record = supernet.fit(
        options.paths,
        seconds=options.seconds,
        rule=options.rule,
        checkpoint=options.out,
        progress=sys.stderr.isatty(),
    )
    print(
        f"{record.paths} paths in {record.seconds:.3g} s by the rule {record.rule!r} "
        f"({record.reason}); weights in {options.out}"
    )


def _report(options: argparse.Namespace) -> None:
    from bonas.deploy.stored import stored_result
    from bonas.studies.search import Search
    from bonas.supernets import Supernet

    search = Search.named(options.search)
    supernet = Supernet.load(options.weights, search.space, _training_of(search))
    result = stored_result(search, options.storage, options.study)
    print(supernet.report(result, retrain=options.retrain))
