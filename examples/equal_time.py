"""Searches of equal time on Fashion-MNIST: what cheap measurements, scores and stopping gain.

    apt-get install dataset-fashion-mnist      # or set BONAS_DATA to a folder with the IDX files
    python examples/equal_time.py --seeds 0 1 2 3 4 --jobs 2

Each run searches mobile networks on one core: bonas as it is, without what is cheap (zero-cost
scores, latencies measured before the choice), with early stopping, and Optuna's TPE and random
search. Time is CPU time, which other programs hardly change. Runs are stored in ``--out`` as they
end; the same command goes on. Latencies of all fronts are then measured again, all in one process:
a low value may have been luck. The table says how far each method is from the hypervolume of all
that was evaluated in the same time, and how many networks it trained.
"""

import argparse
import itertools
import json
import multiprocessing
import time
from pathlib import Path

import numpy as np
import optuna
import torch

import bonas
from bonas.evaluation import Candidate, Latency, ShortTraining, load
from bonas.spaces import MobileSpace, Stage

STAGES = (
    Stage((8, 16), stride=2, depths=(1, 2)),
    Stage((16, 24, 32), stride=2, depths=(1, 2, 3)),
)
BONAS = {
    "bonas": {},
    "bonas without scores": {"zero_cost": False},
    "bonas at full price": {"zero_cost": False, "measure_first": False},
    "bonas with stopping": {"stopping": "default"},
}
SAMPLERS = {
    "TPE": lambda seed: optuna.samplers.TPESampler(seed=seed, multivariate=True, group=True),
    "random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
}
MORE = 1.3  # trainings of the samplers, whose proposals take no time


def evaluators(options):
    """Return the space and what is measured: a short training, and a latency on this CPU."""
    images, labels = load("fashion-mnist").train[: options.rows]
    space = MobileSpace(STAGES, stem=8, head=128, in_channels=1, image_size=28)
    training = ShortTraining(
        (images, labels), epochs=options.epochs, validation=options.validation, test=0.0
    )
    return space, [training, Latency((1, 28, 28))]


def bonas_run(settings, seed, options, note):
    """Search with bonas."""
    space, evaluate = evaluators(options)
    bonas.optimize(
        space,
        options.budget,
        evaluate=evaluate,
        seed=seed,
        progress=False,
        callbacks=[lambda _, trial: note(trial)],
        **settings,
    )


def sampler_run(make, seed, options, note):
    """Search with a sampler of Optuna."""
    space, evaluate = evaluators(options)
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=make(seed))
    for _ in range(int(MORE * options.budget)):
        trial = study.ask()
        space.suggest(trial)
        values = {}
        for each in evaluate:
            values |= each(Candidate.of(space, trial))
        study.tell(trial, [values["accuracy"], values["latency"]])
        note(study.trials[-1])


def run(task):
    """Run one method with one seed; store what it evaluated, and when."""
    method, seed, options = task
    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    _ = evaluators(options)[1][0].splits  # loaded before the clock runs
    rows, began, wall = [], time.process_time(), time.perf_counter()

    def note(trial):
        is_whole = trial.state == optuna.trial.TrialState.COMPLETE
        rows.append(
            {
                "at": time.process_time() - began,
                "values": list(trial.values) if is_whole else None,
                "choices": trial.params,
            }
        )

    if method in BONAS:
        bonas_run(BONAS[method], seed, options, note)
    else:
        sampler_run(SAMPLERS[method], seed, options, note)
    path = stored(options, method, seed)
    path.write_text(json.dumps(rows))
    return f"{path.name}: {len(rows)} trials, {time.perf_counter() - wall:.0f} s"


def stored(options, method, seed):
    """Return the file of a run."""
    return Path(options.out) / f"{method.replace(' ', '_')}-{seed}.json"


def hypervolume(points, reference):
    """Return the area that ``n x 2`` accuracies and latencies dominate, above the reference."""
    area, best = 0.0, reference[0]
    for accuracy, latency in sorted(points, key=lambda point: (point[1], -point[0])):
        if accuracy > best and latency < reference[1]:
            area += (accuracy - best) * (reference[1] - latency)
            best = accuracy
    return area


def front(rows):
    """Return the rows that no other dominates."""
    found, best = [], -np.inf
    for row in sorted(rows, key=lambda row: (row["values"][1], -row["values"][0])):
        if row["values"][0] > best:
            found.append(row)
            best = row["values"][0]
    return found


def measured_again(rows, options):
    """Return the latency of each of these networks: the least of five, in five rounds."""
    space, (_, latency) = evaluators(options)
    candidates = {key(row): Candidate.without_trial(space, row["choices"]) for row in rows}
    rounds = [{k: latency(c)["latency"] for k, c in candidates.items()} for _ in range(5)]
    return {k: min(each[k] for each in rounds) for k in candidates}


def key(row):
    """Return what a network is known by."""
    return json.dumps(row["choices"], sort_keys=True)


def report(options):
    """Print the hypervolume gap over time, the trainings, and the time that was no training."""
    runs = {
        (method, seed): json.loads(stored(options, method, seed).read_text())
        for method, seed in itertools.product(options.methods, options.seeds)
    }
    end = min(rows[-1]["at"] for rows in runs.values())
    times = [share * end for share in (0.25, 0.5, 0.75, 1.0)]

    def fronts(t):
        whole = {k: [r for r in rows if r["values"] and r["at"] <= t] for k, rows in runs.items()}
        return {k: front(rows) for k, rows in whole.items()}

    at = {t: fronts(t) for t in times}
    everyone = [row for each in at.values() for rows in each.values() for row in rows]
    again = measured_again(everyone, options)

    def points(rows):
        return [(row["values"][0], again[key(row)]) for row in rows]

    union = points(everyone)
    reference = min(a for a, _ in union), max(b for _, b in union)
    whole = hypervolume(union, reference)
    print("gap in % to the hypervolume of all, by CPU seconds; mean ± standard error")
    print("method".ljust(24), *(f"{t:.0f} s".rjust(14) for t in times), " trained in that time")
    for method in options.methods:
        mine = [(method, seed) for seed in options.seeds]
        cells = []
        for t in times:
            areas = [hypervolume(points(at[t][each]), reference) for each in mine]
            gaps = 100 * (1 - np.array(areas) / whole)
            error = gaps.std(ddof=1) / np.sqrt(len(gaps)) if len(gaps) > 1 else np.nan
            cells.append(f"{gaps.mean():.2f} ± {error:.2f}".rjust(14))
        whole_ones = [sum(r["at"] <= end and bool(r["values"]) for r in runs[k]) for k in mine]
        count = np.mean(whole_ones)
        print(method.ljust(24), *cells, f"{count:8.1f}")


def main():
    """Run what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--budget", type=int, default=40, help="full trainings of bonas")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--methods", nargs="+", default=[*BONAS, *SAMPLERS])
    parser.add_argument("--rows", type=int, default=2_000, help="images")
    parser.add_argument("--validation", type=float, default=0.6, help="share of them")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--jobs", type=int, default=1, help="runs at once")
    parser.add_argument("--out", default="equal-time")
    options = parser.parse_args()
    Path(options.out).mkdir(exist_ok=True)
    tasks = [
        (method, seed, options)
        for seed, method in itertools.product(options.seeds, options.methods)
        if not stored(options, method, seed).exists()
    ]
    with multiprocessing.get_context("spawn").Pool(options.jobs, maxtasksperchild=1) as pool:
        for line in pool.imap_unordered(run, tasks, chunksize=1):
            print(line, flush=True)
    report(options)


if __name__ == "__main__":
    main()
