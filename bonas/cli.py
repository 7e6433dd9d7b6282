"""The command ``bonas``: a demo, a stored front, workers, a rescue, and benchmarks of methods."""

from __future__ import annotations

import argparse
import sys
import tomllib
from collections.abc import Sequence
from typing import Any

from bonas import __version__
from bonas.errors import BonasError, InvalidArgument, unknown


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the status is 0, 2 after an error that bonas explains, 130 after Ctrl-C."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except BonasError as error:
        print(f"bonas: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("bonas: interrupted; the same command goes on with what is stored", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bonas",
        description="Neural architecture search by Bayesian optimisation over graphs.",
    )
    parser.add_argument("--version", action="version", version=f"bonas {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    _add_demo(commands)
    _add_front(commands)
    _add_worker(commands)
    _add_rescue(commands)
    bench = _command(commands, "bench", "compare search methods, or time the search itself")
    parts = bench.add_subparsers(dest="part", required=True, metavar="PART")
    _add_bench_run(parts)
    _add_bench_report(parts)
    _add_bench_ask(parts)
    _add_bench_predict(parts)
    return parser


class _Help(argparse.ArgumentDefaultsHelpFormatter):
    """Shows the defaults that there are."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help if action.default is None else super()._get_help_string(action)


def _command(commands: Any, name: str, text: str) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = commands.add_parser(
        name, help=text, description=text, formatter_class=_Help
    )
    return made


def _add_demo(commands: Any) -> None:
    one = _command(commands, "demo", "search small image networks on embedded data")
    one.add_argument("--budget", type=int, default=30, help="networks to evaluate in all")
    one.add_argument("--storage", default="sqlite:///bonas-demo.db", help="database URL")
    one.add_argument("--study", default="demo", help="name of the study in the database")
    one.add_argument("--picture", default="bonas-front.png", help="where to draw the front")
    one.add_argument("--surrogate", default="mixture", help="mixture, gp, gnn or random")
    one.add_argument("--seed", type=int, default=0, help="of everything random")
    one.set_defaults(run=_demo)


def _add_front(commands: Any) -> None:
    two = _command(commands, "front", "print the front of a stored study")
    two.add_argument("--storage", required=True, help="database URL, or a journal such as a.log")
    two.add_argument("--study", default="bonas", help="name of the study in the database")
    two.set_defaults(run=_front)


def _add_worker(commands: Any) -> None:
    work = _command(commands, "worker", "work on a study, with all others that do")
    work.add_argument("search", nargs="?", help="module:name of a bonas.Search")
    work.add_argument("--config", help="TOML file with these options: search, storage, ...")
    work.add_argument("--storage", help="database URL, or a journal such as a.log")
    work.add_argument("--study", help="name of the study in the database; bonas if none")
    work.add_argument("--budget", type=int, help="networks to evaluate in all; the study's if none")
    work.add_argument("--jobs", type=int, help="evaluations at once on this machine; 1 if none")
    work.add_argument("--lease", type=float, help="seconds of silence after which a worker is dead")
    work.set_defaults(run=_worker)


def _add_rescue(commands: Any) -> None:
    saved = _command(
        commands, "rescue", "copy what can be read of a damaged storage into a new one"
    )
    saved.add_argument("old", help="a journal such as a.log, or sqlite:///a.db; left as it is")
    saved.add_argument("new", help="where the search goes on: a database URL, or a journal")
    saved.add_argument("--study", help="name of the study to copy; all if none")
    saved.set_defaults(run=_rescue)


def _add_bench_run(parts: Any) -> None:
    run = _command(parts, "run", "run search methods on benchmark problems, and report")
    run.add_argument("--list", action=_List, nargs=0, help="list methods and problems, and exit")
    run.add_argument("--methods", nargs="+", required=True, help="names that --list tells")
    run.add_argument("--problems", nargs="+", required=True, help="names that --list tells")
    run.add_argument("--budget", type=int, default=200, help="evaluations of a run")
    run.add_argument("--seeds", type=int, default=10, help="how many runs of each method")
    run.add_argument("--jobs", type=int, default=1, help="runs at once")
    run.add_argument("--folder", help="where the tables lie that are not shipped")
    _add_report_options(run)
    run.set_defaults(run=_bench_run)


def _add_bench_report(parts: Any) -> None:
    report = _command(parts, "report", "report what is stored, and run nothing")
    report.add_argument("--budget", type=int, help="evaluations of a run to look at; all if none")
    _add_report_options(report)
    report.set_defaults(run=_bench_report)


def _add_report_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--storage", default="bench.log", help="journal file or database URL")
    parser.add_argument("--out", default="bench-report", help="folder of the report")
    parser.add_argument("--baseline", help="method to test the others against; the first if none")


def _add_bench_ask(parts: Any) -> None:
    ask = _command(parts, "ask", "measure the search's own time and memory")
    ask.add_argument("--trials", type=int, nargs="+", default=[20, 100], help="finished trials")
    ask.add_argument("--surrogate", default="mixture", help="mixture, gp, gnn or random")
    ask.add_argument("--repeats", type=int, default=5, help="asks of each size")
    ask.set_defaults(run=_bench_ask)


def _add_bench_predict(parts: Any) -> None:
    predict = _command(parts, "predict", "measure how well surrogates predict NAS-Bench-201")
    predict.add_argument("--surrogates", nargs="+", default=["mixture", "gp", "embedded_gp"])
    predict.add_argument("--dataset", default="cifar10", help="cifar10, cifar100, ImageNet16-120")
    predict.add_argument("--objectives", nargs="+", default=["test_accuracy"], help="of the table")
    predict.add_argument("--sizes", type=int, nargs="+", default=[39, 78, 156, 469])
    predict.add_argument("--draws", type=int, default=10, help="random draws of each size")
    predict.set_defaults(run=_bench_predict)


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
    from bonas.plots.front_table import front_table
    from bonas.studies.proposing.front import front_of
    from bonas.studies.study import load_study

    study, objectives = load_study(options.storage, options.study)
    print(front_table(objectives, front_of(study)))


def _worker(options: argparse.Namespace) -> None:
    from bonas.optimization import join
    from bonas.studies.search import Search

    given = _configured(options, ("search", "storage", "study", "budget", "jobs", "lease"))
    for name in ("search", "storage"):
        if name not in given:
            raise InvalidArgument(f"a worker needs its {name}; see bonas worker --help")
    more = {"lease": given["lease"]} if "lease" in given else {}
    result = join(
        Search.named(given["search"]),
        given["storage"],
        given.get("study"),
        budget=given.get("budget"),
        n_jobs=given.get("jobs", 1),
        progress=sys.stderr.isatty(),
        **more,
    )
    print(f"{result.study.study_name}: {result.headline()}")


def _rescue(options: argparse.Namespace) -> None:
    from bonas.studies import rescue

    print(rescue(options.old, options.new, options.study))


def _configured(options: argparse.Namespace, names: Sequence[str]) -> dict[str, Any]:
    """What the configuration file says, and over it what the command says."""
    given = {name: getattr(options, name) for name in names}
    told = {name: value for name, value in given.items() if value is not None}
    if options.config is None:
        return told
    try:
        with open(options.config, "rb") as file:
            found = tomllib.load(file)
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise InvalidArgument(f"cannot read {options.config} as TOML: {error}") from error
    for name in found.keys() - set(names):
        raise unknown(f"option in {options.config}", name, names)
    return {**found, **told}


def _bench_predict(options: argparse.Namespace) -> None:
    from bonas.benchmarks.prediction import predict, prediction_table
    from bonas.benchmarks.tables import NASBench201Table

    table = NASBench201Table(options.dataset, options.objectives)
    found = list(predict(table, options.surrogates, options.sizes, options.draws))
    print(prediction_table(found))


def _bench_run(options: argparse.Namespace) -> None:
    from bonas.benchmarks import compare
    from bonas.benchmarks.report import write

    if options.baseline not in (None, *options.methods):
        raise unknown("baseline", options.baseline, options.methods)
    found = compare(
        options.methods,
        options.problems,
        options.budget,
        options.seeds,
        options.storage,
        folder=options.folder,
        jobs=options.jobs,
    )
    print(write(found, options.out, baseline=options.baseline))


def _bench_report(options: argparse.Namespace) -> None:
    from bonas.benchmarks.comparison import stored
    from bonas.benchmarks.report import write

    found = stored(options.storage, budget=options.budget)
    print(write(found, options.out, baseline=options.baseline))


def _bench_ask(options: argparse.Namespace) -> None:
    from bonas.benchmarks.overhead import overhead_table

    print(overhead_table(options.trials, options.surrogate, options.repeats))


class _List(argparse.Action):
    """Prints what there is to compare, whatever else is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from bonas.benchmarks.baselines import METHODS
        from bonas.benchmarks.tables import FOLDER_PROBLEMS, PROBLEMS

        print("methods:")
        for method in METHODS.values():
            objectives = "" if method.several else " (one objective only)"
            print(f"  {method.name:18}{method.source}{objectives}")
        print("problems:", *(f"  {name}" for name in PROBLEMS), sep="\n")
        print("problems that need --folder:", *(f"  {n}" for n in FOLDER_PROBLEMS), sep="\n")
        parser.exit()
