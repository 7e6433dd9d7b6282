"""Commands that measure one part of a search: proposals, surrogates, scores, curves, weights."""

from __future__ import annotations

import argparse
from typing import Any

from bonas.cli.options import NAMES, STORAGE, SURROGATE, add_command


def add_measurements(parts: Any) -> None:
    """Add the commands to the subparsers of ``bonas bench``."""
    for add in (
        _add_ask,
        _add_isolation,
        _add_predict,
        _add_fidelity,
        _add_memory,
        _add_scores,
        _add_curves,
        _add_inherit,
        _add_feasibility,
        _add_supernet,
        _add_knowledge,
    ):
        add(parts)


def _add_ask(parts: Any) -> None:
    ask = add_command(parts, "ask", "Measure the time and memory of the search itself.")
    ask.add_argument(
        "--trials", type=int, nargs="+", default=[20, 100], help="Numbers of finished trials."
    )
    ask.add_argument("--surrogate", default="mixture", help=SURROGATE)
    ask.add_argument("--repeats", type=int, default=5, help="Number of asks per number of trials.")
    ask.set_defaults(run=_run_ask)


def _add_isolation(parts: Any) -> None:
    isolation = add_command(
        parts, "isolation", "Measure what a process of its own adds to an evaluation."
    )
    isolation.add_argument("--trials", type=int, default=60, help="Number of evaluations.")
    isolation.set_defaults(run=_run_isolation)


def _add_predict(parts: Any) -> None:
    predict = add_command(parts, "predict", "Measure how well surrogates predict NAS-Bench-201.")
    predict.add_argument(
        "--surrogates",
        nargs="+",
        default=["mixture", "gp", "embedded_gp"],
        help=f"Names of surrogates: {NAMES}.",
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
    predict.set_defaults(run=_run_predict)


def _add_fidelity(parts: Any) -> None:
    fidelity = add_command(
        parts, "fidelity", "Measure what stopped trainings teach a surrogate, on recorded curves."
    )
    fidelity.add_argument("--folder", required=True, help="Folder with spikenas.npz.")
    fidelity.add_argument(
        "--surrogates", nargs="+", default=["mixture"], help=f"Names of surrogates: {NAMES}."
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
    fidelity.set_defaults(run=_run_fidelity)


def _add_memory(parts: Any) -> None:
    memory = add_command(parts, "memory", "Compare estimates of a training's memory with its peak.")
    memory.add_argument("--spaces", nargs="+", help="Names of spaces; by default all.")
    memory.add_argument("--networks", type=int, default=20, help="Random networks per space.")
    memory.add_argument("--seed", type=int, default=0, help="Of the draw of the networks.")
    memory.set_defaults(run=_run_memory)


def _add_scores(parts: Any) -> None:
    scores = add_command(parts, "scores", "Compare zero-cost scores with published ones.")
    scores.add_argument("--folder", required=True, help="Folder of the published scores.")
    scores.add_argument("--cells", type=int, default=200, help="Number of random cells.")
    scores.add_argument("--names", nargs="+", help="Names of scores; by default all.")
    scores.add_argument("--batch-size", type=int, default=16, help="Inputs per network.")
    scores.set_defaults(run=_run_scores)


def _add_curves(parts: Any) -> None:
    curves = add_command(parts, "curves", "Replay recorded trainings under stopping rules.")
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
    curves.set_defaults(run=_run_curves)


def _add_inherit(parts: Any) -> None:
    inherit = add_command(
        parts, "inherit", "Measure how inherited weights change a ranking, on digits."
    )
    inherit.add_argument("--children", type=int, default=36, help="Number of networks compared.")
    inherit.add_argument("--seed", type=int, default=0, help="Random seed.")
    inherit.set_defaults(run=_run_inherit)


def _add_feasibility(parts: Any) -> None:
    feasibility = add_command(
        parts, "feasibility", "Measure how failures are predicted, and what constraints are worth."
    )
    feasibility.add_argument(
        "--trials", type=int, nargs="+", default=[20, 50, 100], help="Numbers of finished trials."
    )
    feasibility.add_argument("--draws", type=int, default=15, help="Random draws of the trials.")
    feasibility.add_argument("--budget", type=int, default=50, help="Evaluations of a search.")
    feasibility.add_argument("--seeds", type=int, default=6, help="Number of searches per method.")
    feasibility.add_argument(
        "--parts",
        nargs="+",
        choices=["prediction", "large", "edge_tpu", "accidents", "constraint"],
        default=["prediction", "large", "edge_tpu", "accidents", "constraint"],
        help="What to measure: predictions; searches where the largest third of the cells fails, "
        "where those fail that no edge TPU runs, where 3 %% of all evaluations do, and searches "
        "within a bound of the latency.",
    )
    feasibility.set_defaults(run=_run_feasibility)


def _add_supernet(parts: Any) -> None:
    supernet = add_command(
        parts, "supernet", "Measure what shared weights say of networks, on digits."
    )
    supernet.add_argument(
        "--folder", required=True, help="Folder that keeps what was measured; a rerun goes on."
    )
    supernet.add_argument(
        "--problems",
        nargs="+",
        default=["cells", "transformers", "mobile", "family"],
        help="Spaces: cells, transformers, mobile or family.",
    )
    supernet.add_argument("--networks", type=int, default=80, help="Random networks per space.")
    supernet.add_argument("--seeds", type=int, default=4, help="Trainings of each network.")
    supernet.add_argument("--supernets", type=int, default=3, help="Trainings of the supernet.")
    supernet.add_argument("--paths", type=int, default=2_400, help="Length of such a training.")
    supernet.add_argument(
        "--rule", default="auto", help="Which networks learn in a step, as Supernet.fit takes it."
    )
    supernet.add_argument(
        "--sizes", type=int, nargs="+", default=[10, 40], help="Numbers of evaluations."
    )
    supernet.add_argument("--draws", type=int, default=50, help="Random draws of evaluations.")
    supernet.add_argument("--searches", type=int, default=16, help="Paired searches.")
    supernet.add_argument("--budget", type=int, default=60, help="Evaluations of a search.")
    supernet.add_argument(
        "--parts",
        nargs="+",
        choices=["steps", "ranking", "surrogate", "search"],
        default=["ranking", "surrogate"],
        help="What to measure: CPU time of a training step; rank correlations; the score as an "
        "input of a surrogate; searches with the score and without (for spaces where all "
        "parameters apply to all networks).",
    )
    supernet.set_defaults(run=_run_supernet)


def _add_knowledge(parts: Any) -> None:
    knowledge = add_command(
        parts,
        "knowledge",
        "Measure what knowledge of cells is worth to a search, and what it costs.",
    )
    knowledge.add_argument(
        "--dataset", default="ImageNet16-120", help="cifar10, cifar100 or ImageNet16-120."
    )
    knowledge.add_argument("--known", type=int, default=500, help="Number of known cells.")
    knowledge.add_argument(
        "--kinds",
        nargs="+",
        default=["helpful", "parameters", "noise", "reversed"],
        help="What is known: helpful (12 epochs), parameters, noise or reversed.",
    )
    knowledge.add_argument(
        "--doors",
        nargs="+",
        default=["task", "task, none guard", "task, literal guard", "scores"],
        help="How it is read: as a source task under each guard, or as scores.",
    )
    knowledge.add_argument("--seeds", type=int, default=32, help="Number of paired searches.")
    knowledge.add_argument(
        "--first-seed", type=int, default=0, help="Seed of the first search; the next follow."
    )
    knowledge.add_argument("--budget", type=int, default=150, help="Evaluations of a search.")
    knowledge.add_argument("--storage", help=f"{STORAGE} It keeps the searches; a rerun goes on.")
    knowledge.set_defaults(run=_run_knowledge)


# Each command imports what it needs: torch takes seconds, and `bonas --help` must not wait.


def _run_isolation(options: argparse.Namespace) -> None:
    from bonas.benchmarks.isolation import isolation_table

    print(isolation_table(options.trials))


def _run_ask(options: argparse.Namespace) -> None:
    from bonas.benchmarks.overhead import overhead_table

    print(overhead_table(options.trials, options.surrogate, options.repeats))


def _run_predict(options: argparse.Namespace) -> None:
    from bonas.benchmarks.prediction import predict, prediction_table
    from bonas.benchmarks.tables import NASBench201Table

    table = NASBench201Table(options.dataset, options.objectives, scores=options.scores)
    draws = range(options.first_draw, options.first_draw + options.draws)
    arguments = options.surrogates, options.sizes, draws, options.values, options.encoders
    found = list(predict(table, *arguments))
    print(prediction_table(found))


def _run_fidelity(options: argparse.Namespace) -> None:
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


def _run_memory(options: argparse.Namespace) -> None:
    from bonas.benchmarks.memory import memory_errors, memory_problems, memory_table

    names = options.spaces or list(memory_problems())
    print(memory_table([memory_errors(n, options.networks, seed=options.seed) for n in names]))


def _run_scores(options: argparse.Namespace) -> None:
    from bonas.benchmarks.scores import agreement_table, score_agreements, scored_cells
    from bonas.evaluation.zero_cost import SCORES, ZeroCost

    zero_cost = ZeroCost(options.names or SCORES, batch_size=options.batch_size)
    found = score_agreements(scored_cells(options.folder), zero_cost, options.cells)
    print(agreement_table(found))


def _run_curves(options: argparse.Namespace) -> None:
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


def _run_inherit(options: argparse.Namespace) -> None:
    from bonas.benchmarks.inheritance import inheritance_table, measure_inheritance

    print(inheritance_table(measure_inheritance(children=options.children, seed=options.seed)))


def _run_feasibility(options: argparse.Namespace) -> None:
    from bonas.benchmarks import feasibility as bench
    from bonas.benchmarks.comparison.execution import quiet

    seeds = range(options.seeds)
    if "prediction" in options.parts:
        found = list(bench.predict_failures(options.trials, range(options.draws)))
        print(bench.predicted_table(found), flush=True)
    with quiet():
        for case in ("large", "edge_tpu", "accidents"):
            if case in options.parts:
                lost = list(bench.search_with_failures(options.budget, seeds, case))
                print(f"\n{bench.searched_table(lost)}", flush=True)
        if "constraint" in options.parts:
            told = list(bench.search_with_constraint(options.budget, seeds))
            print(f"\n{bench.searched_table(told)}", flush=True)


def _run_supernet(options: argparse.Namespace) -> None:
    from bonas.benchmarks.supernets import SupernetBench, Training

    training = Training(options.paths, options.rule)
    numbers = options.networks, options.seeds, options.supernets
    benches = [SupernetBench(name, options.folder, *numbers, training) for name in options.problems]
    for bench in benches:
        if "steps" in options.parts:
            print(f"{bench.steps()}\n", flush=True)
        if "ranking" in options.parts:
            print(f"{bench.ranking()}\n", flush=True)
        if "surrogate" in options.parts:
            print(f"{bench.surrogate(options.sizes, options.draws)}\n", flush=True)
        if "search" in options.parts:
            print(f"{bench.search(options.budget, options.searches)}\n", flush=True)


def _run_knowledge(options: argparse.Namespace) -> None:
    from bonas.benchmarks.knowledge import KnowledgeBench, worth_table

    found = KnowledgeBench(options.dataset, options.known).worth(
        options.kinds,
        options.doors,
        seeds=range(options.first_seed, options.first_seed + options.seeds),
        budget=options.budget,
        storage=options.storage,
    )
    print(worth_table(list(found)))
