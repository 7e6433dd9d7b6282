"""Commands that compare search methods on benchmark problems."""

from __future__ import annotations

import argparse
from typing import Any

from bonas.cli.options import STORAGE, add_command
from bonas.errors import unknown


def add_comparisons(parts: Any) -> None:
    """Add the commands to the subparsers of ``bonas bench``."""
    _add_run(parts)
    _add_report(parts)
    _add_gradient(parts)
    _add_latency(parts)


def _add_run(parts: Any) -> None:
    run = add_command(parts, "run", "Run search methods on benchmark problems, and write a report.")
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
    run.set_defaults(run=_run_run)


def _add_report(parts: Any) -> None:
    report = add_command(parts, "report", "Write the report of stored runs, without running any.")
    report.add_argument(
        "--budget", type=int, help="Number of evaluations per run to report (default: all)."
    )
    _add_report_options(report)
    report.set_defaults(run=_run_report)


def _add_gradient(parts: Any) -> None:
    gradient = add_command(
        parts,
        "gradient",
        "Compare gradient searches with searches that train networks, in the same CPU time.",
    )
    gradient.add_argument(
        "--methods", nargs="+", default=["optimize", "random", "darts"], help="Names of methods."
    )
    gradient.add_argument("--seeds", type=int, default=5, help="Number of runs per method.")
    gradient.add_argument(
        "--first-seed", type=int, default=0, help="Seed of the first run; the next follow."
    )
    gradient.add_argument("--seconds", type=float, default=20.0, help="CPU seconds per run.")
    gradient.add_argument(
        "--cells", type=int, default=60, help="Number of random cells to compare results with."
    )
    gradient.add_argument(
        "--trainings", type=int, default=5, help="Stand-alone trainings per cell."
    )
    gradient.add_argument(
        "--out", default="gradient-search", help="Folder of results and trainings."
    )
    gradient.set_defaults(run=_run_gradient)


def _add_latency(parts: Any) -> None:
    latency = add_command(
        parts, "latency", "Measure the latency of random networks twice, and show how it repeats."
    )
    latency.add_argument("--runtime", default="eager", help="Runtime, as of bonas.Latency.")
    latency.add_argument("--networks", type=int, default=30, help="Number of networks.")
    latency.add_argument("--seconds", type=float, default=0.2, help="Seconds per measurement.")
    latency.add_argument("--threads", type=int, default=1, help="CPU threads.")
    latency.add_argument("--seed", type=int, default=0, help="Seed of the draws.")
    latency.set_defaults(run=_run_latency)


def _add_report_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--storage", default="bench.log", help=STORAGE)
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


# Each command imports what it needs: torch takes seconds, and `bonas --help` must not wait.


def _run_run(options: argparse.Namespace) -> None:
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


def _run_report(options: argparse.Namespace) -> None:
    from bonas.benchmarks.comparison import load_comparison
    from bonas.benchmarks.report import write

    found = load_comparison(options.storage, budget=options.budget, within=options.within)
    print(write(found, options.out, baseline=options.baseline))


def _run_gradient(options: argparse.Namespace) -> None:
    from bonas.arguments import check_count
    from bonas.benchmarks.gradient_search import gradient_search_results, gradient_search_table

    seeds = range(options.first_seed, options.first_seed + check_count("seeds", options.seeds))
    found = []
    for each in gradient_search_results(options.methods, seeds, options.seconds, options.out):
        print(f"{each.method} with seed {each.seed}: {each.spent:.1f} CPU s", flush=True)
        found.append(each)
    table = gradient_search_table(
        found, options.out, cells=options.cells, trainings=options.trainings
    )
    print(table)


def _run_latency(options: argparse.Namespace) -> None:
    from bonas.benchmarks.latency_repeatability import both_protocols, repeatability
    from bonas.evaluation import Latency
    from bonas.evaluation.runtime import resolved_device
    from bonas.evaluation.runtimes.fingerprint import fingerprint

    latency = Latency(runtime=options.runtime, seconds=options.seconds, threads=options.threads)
    found = repeatability(both_protocols(latency), options.networks, options.seed)
    machine = fingerprint(resolved_device("cpu"), options.threads)
    print(", ".join(f"{key} {value}" for key, value in machine.items()))
    for name, each in found.items():
        print(f"{name} ({each.seconds:.2f} s per network)")
        for what, (value, low, high) in each.estimates().items():
            print(f"  {what:24}{value:8.3f}  [{low:.3f}, {high:.3f}]")


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
