"""The command ``bonas``: a demo, a look at a stored front, and the search's own speed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from bonas import __version__
from bonas.errors import BonasError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status is 0, or 2 after an error that bonas explains."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except BonasError as error:
        print(f"bonas: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bonas",
        description="Neural architecture search by Bayesian optimisation over graphs.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"bonas {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    one = commands.add_parser(
        "demo",
        help="search small image networks on embedded data, within two minutes",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    one.add_argument("--budget", type=int, default=30, help="networks to evaluate in all")
    one.add_argument("--storage", default="sqlite:///bonas-demo.db", help="database URL")
    one.add_argument("--study", default="demo", help="name of the study in the database")
    one.add_argument("--picture", default="bonas-front.png", help="where to draw the front")
    one.add_argument("--surrogate", default="mixture", help="mixture, gp, gnn or random")
    one.add_argument("--seed", type=int, default=0, help="of everything random")
    one.set_defaults(run=_demo)

    two = commands.add_parser(
        "front",
        help="print the front of a stored study",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    two.add_argument("--storage", required=True, help="database URL")
    two.add_argument("--study", default="bonas", help="name of the study in the database")
    two.set_defaults(run=_front)

    three = commands.add_parser(
        "bench",
        help="measure the search's own time and memory",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    three.add_argument("--trials", type=int, nargs="+", default=[20, 100], help="finished trials")
    three.add_argument("--surrogate", default="mixture", help="mixture, gp, gnn or random")
    three.add_argument("--repeats", type=int, default=5, help="asks of each size")
    three.set_defaults(run=_bench)
    return parser


# The commands import torch and its friends, which takes seconds: `bonas --help` must not wait.


def _demo(options: argparse.Namespace) -> None:
    from bonas.demo import run

    run(
        budget=options.budget,
        storage=options.storage,
        study_name=options.study,
        picture=options.picture,
        surrogate=options.surrogate,
        seed=options.seed,
    )


def _front(options: argparse.Namespace) -> None:
    from bonas.report.table import front_table
    from bonas.studies.storage import load_study

    study, objectives = load_study(options.storage, options.study)
    print(front_table(objectives, study.best_trials if study.trials else []))


def _bench(options: argparse.Namespace) -> None:
    from bonas.studies.overhead import overhead_table

    print(overhead_table(options.trials, options.surrogate, options.repeats))
