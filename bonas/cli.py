"""Command line of bonas: demo, front of a stored study, workers, rescue, and benchmarks."""

from __future__ import annotations

import argparse
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bonas import __version__
from bonas.errors import BonasError, InvalidArgument, unknown

_NAMES = "mixture, gp, embedded_gp, deep_kernel, forest, wl, gnn or random"
_SURROGATE = f"Surrogate model: {_NAMES}."
_BUDGET = "Total number of architectures to evaluate."
_BUDGET_OR_TIME = 'Total number of architectures to evaluate, or a time such as "4h" or "90min".'
_STORAGE = "Database URL, or the path of a journal such as search.log."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return 0, 2 after an error of bonas, or 130 after Ctrl-C."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except BonasError as error:
        print(f"bonas: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("bonas: interrupted; the same command resumes from what is stored", file=sys.stderr)
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
    bench = _command(commands, "bench", "Benchmark search methods, and the search itself.")
    parts = bench.add_subparsers(dest="part", required=True, metavar="PART")
    _add_bench_run(parts)
    _add_bench_report(parts)
    _add_bench_ask(parts)
    _add_bench_predict(parts)
    _add_bench_fidelity(parts)
    _add_bench_scores(parts)
    _add_bench_curves(parts)
    _add_bench_inherit(parts)
    return parser


def _budget(text: str) -> int | str:
    """Return a number of evaluations, or a time as it is."""
    return int(text) if text.isdecimal() else text


class _Help(argparse.ArgumentDefaultsHelpFormatter):
    """Help that shows a default only where there is one."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help if action.default is None else super()._get_help_string(action)


def _command(commands: Any, name: str, text: str) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = commands.add_parser(
        name, help=text, description=text, formatter_class=_Help
    )
    return made


def _add_demo(commands: Any) -> None:
    demo = _command(commands, "demo", "Search small image networks on bundled data.")
    demo.add_argument("--budget", type=int, default=30, help=_BUDGET)
    demo.add_argument("--storage", default="sqlite:///bonas-demo.db", help=_STORAGE)
    demo.add_argument("--study", default="demo", help="Name of the study in the storage.")
    demo.add_argument(
        "--picture", default="bonas-front.png", help="File that the plot of the front is saved to."
    )
    demo.add_argument("--surrogate", default="mixture", help=_SURROGATE)
    demo.add_argument("--seed", type=int, default=0, help="Random seed.")
    demo.set_defaults(run=_demo)


def _add_front(commands: Any) -> None:
    front = _command(commands, "front", "Print the Pareto front of a stored study.")
    front.add_argument("--storage", required=True, help=_STORAGE)
    front.add_argument("--study", default="bonas", help="Name of the study in the storage.")
    front.set_defaults(run=_front)


def _add_worker(commands: Any) -> None:
    worker = _command(
        commands, "worker", "Evaluate architectures of a study, together with its other workers."
    )
    worker.add_argument(
        "search", nargs="?", help="A bonas.Search, or a function that returns one, as module:name."
    )
    worker.add_argument(
        "--config", help="TOML file with any of these options; the command line overrides it."
    )
    worker.add_argument("--storage", help=f"{_STORAGE} Required, here or in the TOML file.")
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
    rescue = _command(
        commands, "rescue", "Copy what is readable in a damaged storage into a new one."
    )
    rescue.add_argument(
        "old",
        help="Damaged storage, left unchanged: a journal such as a.log, or sqlite:///a.db.",
    )
    rescue.add_argument("new", help="New storage: a database URL, or the path of a journal.")
    rescue.add_argument("--study", help="Name of the study to copy (default: all).")
    rescue.set_defaults(run=_rescue)


def _add_bench_run(parts: Any) -> None:
    run = _command(parts, "run", "Run search methods on benchmark problems, and write a report.")
    run.add_argument("--list", action=_List, nargs=0, help="List methods and problems, and exit.")
    run.add_argument(
        "--methods", nargs="+", required=True, help="Names of methods; see --list for all."
    )
    run.add_argument(
        "--problems", nargs="+", required=True, help="Names of problems; see --list for all."
    )
    run.add_argument("--budget", type=int, default=200, help="Number of evaluations per run.")
    run.add_argument("--seeds", type=int, default=10, help="Number of runs per method.")
    run.add_argument(
        "--first-seed", type=int, default=0, help="Seed of the first run; the next follow."
    )
    run.add_argument("--jobs", type=int, default=1, help="Number of runs at once.")
    run.add_argument("--folder", help="Folder of the tables that are not part of bonas.")
    _add_report_options(run)
    run.set_defaults(run=_bench_run)


def _add_bench_report(parts: Any) -> None:
    report = _command(parts, "report", "Write the report of stored runs, without running any.")
    report.add_argument(
        "--budget", type=int, help="Number of evaluations per run to report (default: all)."
    )
    _add_report_options(report)
    report.set_defaults(run=_bench_report)


def _add_report_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--storage", default="bench.log", help=_STORAGE)
    parser.add_argument("--out", default="bench-report", help="Folder of the report.")
    parser.add_argument(
        "--baseline", help="Method that the others are tested against (default: the first)."
    )
    parser.add_argument(
        "--within",
        type=float,
        nargs="+",
        default=[],
        help="Report the evaluations until a value so close to the best of a single objective.",
    )


def _add_bench_ask(parts: Any) -> None:
    ask = _command(parts, "ask", "Measure the time and memory of the search itself.")
    ask.add_argument(
        "--trials", type=int, nargs="+", default=[20, 100], help="Numbers of finished trials."
    )
    ask.add_argument("--surrogate", default="mixture", help=_SURROGATE)
    ask.add_argument("--repeats", type=int, default=5, help="Number of asks per number of trials.")
    ask.set_defaults(run=_bench_ask)


def _add_bench_predict(parts: Any) -> None:
    predict = _command(parts, "predict", "Measure how well surrogates predict NAS-Bench-201.")
    predict.add_argument(
        "--surrogates",
        nargs="+",
        default=["mixture", "gp", "embedded_gp"],
        help=f"Names of surrogates: {_NAMES}.",
    )
    predict.add_argument(
        "--dataset", default="cifar10", help="cifar10, cifar100 or ImageNet16-120."
    )
    predict.add_argument(
        "--objectives", nargs="+", default=["test_accuracy"], help="Objectives of the table."
    )
    predict.add_argument(
        "--sizes", type=int, nargs="+", default=[39, 78, 156, 469], help="Training set sizes."
    )
    predict.add_argument(
        "--draws", type=int, default=10, help="Number of random training sets per size."
    )
    predict.add_argument(
        "--first-draw", type=int, default=0, help="Seed of the first training set; the next follow."
    )
    predict.add_argument(
        "--values",
        nargs="+",
        default=["ranks", "search"],
        help="Outcome transforms: ranks (normal scores), or search (that of a search).",
    )
    predict.add_argument(
        "--encoders", nargs="+", help="Encoders that every surrogate reads (default: its own)."
    )
    predict.add_argument(
        "--scores",
        metavar="FOLDER",
        help="Folder of published zero-cost scores: surrogates that read scores have them as well.",
    )
    predict.set_defaults(run=_bench_predict)


def _add_bench_fidelity(parts: Any) -> None:
    fidelity = _command(
        parts, "fidelity", "Measure what stopped trainings teach a surrogate, on recorded curves."
    )
    fidelity.add_argument("--folder", required=True, help="Folder with spikenas.npz.")
    fidelity.add_argument(
        "--surrogates", nargs="+", default=["mixture"], help=f"Names of surrogates: {_NAMES}."
    )
    fidelity.add_argument("--finished", type=int, default=20, help="Number of finished trainings.")
    fidelity.add_argument("--stopped", type=int, default=40, help="Number of stopped trainings.")
    fidelity.add_argument("--cut", type=int, default=10, help="Epoch (of 100) of the stop.")
    fidelity.add_argument(
        "--which",
        default="random",
        help="Which are stopped: random, worst, or spared (the worst but for one in ten).",
    )
    fidelity.add_argument(
        "--values",
        default="measured",
        help="What is modelled: measured accuracies, or search (under the transform of a search).",
    )
    fidelity.add_argument("--draws", type=int, default=10, help="Number of random draws.")
    fidelity.add_argument("--first-draw", type=int, default=0, help="Seed of the first draw.")
    fidelity.set_defaults(run=_bench_fidelity)


def _add_bench_scores(parts: Any) -> None:
    scores = _command(parts, "scores", "Compare zero-cost scores with published ones.")
    scores.add_argument("--folder", required=True, help="Folder of the published scores.")
    scores.add_argument("--cells", type=int, default=200, help="Number of random cells.")
    scores.add_argument("--names", nargs="+", help="Names of scores; by default all.")
    scores.add_argument("--batch-size", type=int, default=16, help="Inputs per network.")
    scores.set_defaults(run=_bench_scores)


def _add_bench_curves(parts: Any) -> None:
    curves = _command(parts, "curves", "Replay recorded trainings under stopping rules.")
    curves.add_argument("--folder", required=True, help="Folder with spikenas.npz.")
    curves.add_argument(
        "--rules",
        nargs="+",
        default=["none", "halving", "median", "forecast", "default"],
        help="Names of stopping rules, or none.",
    )
    curves.add_argument("--seeds", type=int, default=20, help="Number of replays per rule.")
    curves.add_argument("--first-seed", type=int, default=0, help="The first of the seeds.")
    curves.add_argument(
        "--parts",
        nargs="+",
        choices=["prediction", "early", "best", "budget"],
        default=["prediction", "early", "best", "budget"],
        help="What to measure: predictions; early stopping of 100 random cells, or of 100 out of "
        "the best 30 %%; random cells for a budget of 5,000 epochs.",
    )
    curves.set_defaults(run=_bench_curves)


def _add_bench_inherit(parts: Any) -> None:
    inherit = _command(
        parts, "inherit", "Measure how inherited weights change a ranking, on digits."
    )
    inherit.add_argument("--children", type=int, default=36, help="Number of networks compared.")
    inherit.add_argument("--seed", type=int, default=0, help="Random seed.")
    inherit.set_defaults(run=_bench_inherit)


# Each command imports what it needs: torch takes seconds, and `bonas --help` must not wait.


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


def _bench_predict(options: argparse.Namespace) -> None:
    from bonas.benchmarks.prediction import predict, prediction_table
    from bonas.benchmarks.tables import NASBench201Table

    table = NASBench201Table(options.dataset, options.objectives, scores=options.scores)
    draws = range(options.first_draw, options.first_draw + options.draws)
    arguments = options.surrogates, options.sizes, draws, options.values, options.encoders
    found = list(predict(table, *arguments))
    print(prediction_table(found))


def _bench_fidelity(options: argparse.Namespace) -> None:
    from bonas.benchmarks.fidelity import Recorded, fidelity_table, stopped_trainings

    found = stopped_trainings(
        Recorded.of(options.folder),
        options.surrogates,
        options.finished,
        options.stopped,
        options.cut,
        range(options.first_draw, options.first_draw + options.draws),
        which=options.which,
        values=options.values,
    )
    print(fidelity_table(list(found)))


def _bench_scores(options: argparse.Namespace) -> None:
    from bonas.benchmarks.scores import agreement_table, score_agreements, scored_cells
    from bonas.evaluation.zero_cost import SCORES, ZeroCost

    zero_cost = ZeroCost(options.names or SCORES, batch_size=options.batch_size)
    found = score_agreements(scored_cells(options.folder), zero_cost, options.cells)
    print(agreement_table(found))


def _bench_curves(options: argparse.Namespace) -> None:
    from bonas.benchmarks import curves as bench
    from bonas.benchmarks.comparison.execution import quiet
    from bonas.studies.stopping.named import as_rule

    rules = {name: None if name == "none" else as_rule(name) for name in options.rules}
    recorded = bench.RecordedCurves(options.folder)
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    with quiet():
        if "prediction" in options.parts:
            found = bench.prediction_quality(recorded, (10, 20, 50, 100), (10, 25, 50), seeds)
            print(bench.quality_table(list(found)), flush=True)
        for part, share in (("early", 1.0), ("best", 0.3)):
            if part in options.parts:
                savings = list(bench.early_stopping(recorded, rules, seeds, best=share))
                print(f"\n100 cells, drawn from the best {share:.0%}", flush=True)
                print(bench.saving_table(savings), flush=True)
        if "budget" in options.parts:
            print()
            print(bench.gap_table(list(bench.equal_budget(recorded, rules, seeds))))


def _bench_inherit(options: argparse.Namespace) -> None:
    from bonas.benchmarks.inheritance import inheritance_table, measure_inheritance

    print(inheritance_table(measure_inheritance(children=options.children, seed=options.seed)))


def _bench_run(options: argparse.Namespace) -> None:
    from bonas.arguments import check_count
    from bonas.benchmarks import compare
    from bonas.benchmarks.report import write

    if options.baseline not in (None, *options.methods):
        raise unknown("baseline", options.baseline, options.methods)
    found = compare(
        options.methods,
        options.problems,
        options.budget,
        range(options.first_seed, options.first_seed + check_count("seeds", options.seeds)),
        options.storage,
        folder=options.folder,
        jobs=options.jobs,
        within=options.within,
    )
    print(write(found, options.out, baseline=options.baseline))


def _bench_report(options: argparse.Namespace) -> None:
    from bonas.benchmarks.comparison import load_comparison
    from bonas.benchmarks.report import write

    found = load_comparison(options.storage, budget=options.budget, within=options.within)
    print(write(found, options.out, baseline=options.baseline))


def _bench_ask(options: argparse.Namespace) -> None:
    from bonas.benchmarks.overhead import overhead_table

    print(overhead_table(options.trials, options.surrogate, options.repeats))


class _List(argparse.Action):
    """Action that lists methods and problems, whatever the other arguments, and exits."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from bonas.benchmarks.baselines import METHODS
        from bonas.benchmarks.tables import FOLDER_PROBLEMS, PROBLEMS

        print("methods:")
        for method in METHODS.values():
            objectives = "" if method.multi_objective else " (one objective only)"
            print(f"  {method.name:18}{method.source}{objectives}")
        print("problems:", *(f"  {name}" for name in PROBLEMS), sep="\n")
        print("problems that need --folder:", *(f"  {n}" for n in FOLDER_PROBLEMS), sep="\n")
        parser.exit()
