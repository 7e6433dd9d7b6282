"""Commands that search: a demo, workers, the front of a stored study, and rescue."""

from __future__ import annotations

import argparse
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bonas.cli.options import STORAGE, SURROGATE, add_command, add_stored_study
from bonas.errors import InvalidArgument, unknown

_BUDGET = "Total number of architectures to evaluate."
_BUDGET_OR_TIME = 'Total number of architectures to evaluate, or a time such as "4h" or "90min".'


def add_search_commands(commands: Any) -> None:
    """Add the commands to a parser's subparsers."""
    for add in (_add_demo, _add_check, _add_front, _add_worker, _add_rescue):
        add(commands)


def _add_demo(commands: Any) -> None:
    demo = add_command(commands, "demo", "Search small image networks on bundled data.")
    demo.add_argument("--budget", type=int, default=30, help=_BUDGET)
    demo.add_argument("--storage", default="sqlite:///bonas-demo.db", help=STORAGE)
    demo.add_argument("--study", default="demo", help="Name of the study in the storage.")
    demo.add_argument(
        "--picture", default="bonas-front.png", help="File that the plot of the front is saved to."
    )
    demo.add_argument(
        "--report", default="bonas-report.html", help="File that the report is written to."
    )
    demo.add_argument("--surrogate", default="mixture", help=SURROGATE)
    demo.add_argument("--seed", type=int, default=0, help="Random seed.")
    demo.set_defaults(run=_demo)


def _add_check(commands: Any) -> None:
    check = add_command(
        commands,
        "check",
        "Try a search before it is begun: what works, how long it takes, what to fix.",
    )
    check.add_argument(
        "search", help="A bonas.Search, or a function that returns one, as module:name."
    )
    check.add_argument("--budget", type=_budget, help=_BUDGET_OR_TIME)
    check.add_argument("--storage", help=STORAGE)
    check.add_argument("--study", help="Name of the study in the storage (default: bonas).")
    check.add_argument("--jobs", type=int, default=1, help="Number of evaluations at once.")
    check.add_argument(
        "--memory-limit", type=float, help="Bytes that an evaluation may take, such as 4e9."
    )
    check.add_argument("--seconds", type=float, default=60.0, help="For the whole check.")
    check.add_argument("--seed", type=int, default=0, help="Random seed of the draws.")
    check.set_defaults(run=_check)


def _add_front(commands: Any) -> None:
    front = add_command(commands, "front", "Print the Pareto front of a stored study.")
    add_stored_study(front)
    front.set_defaults(run=_front)


def _add_worker(commands: Any) -> None:
    worker = add_command(
        commands, "worker", "Evaluate architectures of a study, together with its other workers."
    )
    worker.add_argument(
        "search", nargs="?", help="A bonas.Search, or a function that returns one, as module:name."
    )
    worker.add_argument(
        "--config", help="TOML file with any of these options; the command line overrides it."
    )
    worker.add_argument("--storage", help=f"{STORAGE} Required, here or in the TOML file.")
    worker.add_argument("--study", help="Name of the study in the storage (default: bonas).")
    worker.add_argument(
        "--budget", type=_budget, help=f"{_BUDGET_OR_TIME} Default: that of the study."
    )
    worker.add_argument(
        "--stopping",
        help="Stopping rule: default, halving, forecast, median or none (default: the search's).",
    )
    worker.add_argument(
        "--jobs", type=int, help="Number of evaluations at once on this machine (default: 1)."
    )
    worker.add_argument(
        "--lease",
        type=float,
        help="Seconds without a heartbeat after which a worker counts as dead (default: 60).",
    )
    worker.set_defaults(run=_worker)


def _add_rescue(commands: Any) -> None:
    rescue = add_command(
        commands, "rescue", "Copy what is readable in a damaged storage into a new one."
    )
    rescue.add_argument(
        "old",
        help="Damaged storage, left unchanged: a journal such as a.log, or sqlite:///a.db.",
    )
    rescue.add_argument("new", help="New storage: a database URL, or the path of a journal.")
    rescue.add_argument("--study", help="Name of the study to copy (default: all).")
    rescue.set_defaults(run=_rescue)


# Each command imports what it needs: torch takes seconds, and `bonas --help` must not wait.


def _demo(options: argparse.Namespace) -> None:
    from bonas.demo import run

    run(
        budget=options.budget,
        storage=options.storage,
        study_name=options.study,
        picture=options.picture,
        report=options.report,
        surrogate=options.surrogate,
        seed=options.seed,
    )


def _check(options: argparse.Namespace) -> int:
    from bonas.checking import check_named

    report = check_named(
        options.search,
        budget=options.budget,
        storage=options.storage,
        study_name=options.study,
        n_jobs=options.jobs,
        memory_limit=options.memory_limit,
        seconds=options.seconds,
        seed=options.seed,
    )
    print(report)
    return 0 if report.ok else 1


def _front(options: argparse.Namespace) -> None:
    from bonas.plots.failure_table import Failures
    from bonas.plots.front_table import front_note, front_table
    from bonas.studies.constraints import Feasibility
    from bonas.studies.outcomes import failures
    from bonas.studies.proposing.front import finished, front_of
    from bonas.studies.study import load_study

    study, objectives = load_study(options.storage, options.study)
    note, front = front_note(study), front_of(study)
    if note:
        least = Feasibility(study).least_violated(finished(study))
        front = [] if least is None else [least]
    failed = Failures.of(failures(study.get_trials(deepcopy=False))).note()
    print("\n".join(filter(None, [front_table(objectives, front), note, failed])))


def _worker(options: argparse.Namespace) -> None:
    from bonas.run import RunSettings, run
    from bonas.studies.search import Search

    names_of_options = ("search", "storage", "study", "budget", "stopping", "jobs", "lease")
    given = _configured(options, names_of_options)
    for name in ("search", "storage"):
        if name not in given:
            raise InvalidArgument(f"a worker needs its {name}; see bonas worker --help")
    names = {"study": "study_name", "jobs": "n_jobs"}
    search = Search.named(given.pop("search"))
    if "stopping" in given:
        rule = given.pop("stopping")
        search = replace(search, stopping=None if rule == "none" else rule)
    arguments = {names.get(name, name): value for name, value in given.items()}
    settings = RunSettings(progress=sys.stderr.isatty(), **arguments)
    result = run(search, settings)
    print(f"{result.study.study_name}: {result.headline()}")


def _rescue(options: argparse.Namespace) -> None:
    from bonas.studies import rescue

    print(rescue(options.old, options.new, options.study))


def _budget(text: str) -> int | str:
    """Return a number of evaluations, or a time as it is."""
    return int(text) if text.isdecimal() else text


def _configured(options: argparse.Namespace, names: Sequence[str]) -> dict[str, Any]:
    """Return the options of the command line, and below them those of the TOML file."""
    every = {name: getattr(options, name) for name in names}
    given = {name: value for name, value in every.items() if value is not None}
    if options.config is None:
        return given
    try:
        with open(options.config, "rb") as file:
            found = tomllib.load(file)
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise InvalidArgument(f"cannot read {options.config} as TOML: {error}") from error
    for name in found.keys() - set(names):
        raise unknown(f"option in {options.config}", name, names)
    return {**found, **given}
