"""SearchClassifier and SearchRegressor against a random forest, a fixed network and Optuna's TPE.

    python examples/estimators.py --data digits breast_cancer diabetes --seeds 5
    apt-get install dataset-fashion-mnist
    python examples/estimators.py --data fashion --budget 12 --epochs 4 --seeds 5

Each seed draws a test quarter that all methods share. TPE searches the same space with as many
trainings of the same length, and its best network is retrained in the same way. The fixed network
is scikit-learn's perceptron on standardised columns, or for Fashion-MNIST (1,000 training images) a
small convolutional network that trains for as long as the estimator's ``fit`` took. Scores are test
accuracies in %, or R² in % for diabetes; intervals are Student's, 95 %, over seeds.
"""

import argparse
import time

import numpy as np
import optuna
import torch
from scipy import stats
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

import bonas
from bonas.benchmarks.baselines import METHODS

TABLES = {"digits": load_digits, "breast_cancer": load_breast_cancer, "diabetes": load_diabetes}
FASHION_ROWS = 1_000


def split(name, seed):
    """Return training rows, test rows and their targets."""
    if name != "fashion":
        X, y = TABLES[name](return_X_y=True)
        labels = None if name == "diabetes" else y
        return train_test_split(X, y, test_size=0.25, random_state=seed, stratify=labels)
    images, labels = (part.numpy() for part in bonas.evaluation.load("fashion-mnist").train.tensors)
    return train_test_split(
        images, labels, train_size=FASHION_ROWS, test_size=5_000, random_state=seed, stratify=labels
    )


def best_of_tpe(fitted, budget, seed):
    """Return the best candidate of Optuna's TPE over the space of a fitted estimator."""
    search = fitted.search_
    training = search.evaluator
    goal = search.goals[0]
    sampler = METHODS["tpe"].make(search.space, seed)
    study = optuna.create_study(direction=goal.direction, sampler=sampler)
    for _ in range(budget):
        trial = study.ask()
        search.space.suggest(trial)
        candidate = bonas.Candidate.of(search.space, trial)
        study.tell(trial, training(candidate)[goal.name])
    return bonas.Candidate.of(search.space, study.best_trial)


def convolutional_score(train, test, labels, truth, seconds, seed):
    """Train a small convolutional network for so many seconds; return its test accuracy."""
    torch.manual_seed(seed)
    network = nn.Sequential(
        *(nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(64 * 49, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10)),
    )
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    images, classes = torch.from_numpy(train), torch.from_numpy(labels)
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        for rows in torch.randperm(len(images)).split(64):
            loss = nn.functional.cross_entropy(network(images[rows]), classes[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    network.eval()
    with torch.inference_mode():
        found = torch.cat([network(part).argmax(1) for part in torch.from_numpy(test).split(500)])
    return float((found.numpy() == truth).mean())


def scores_of(name, seed, budget, epochs):
    """Return the test score of each method, and the seconds of the estimator's fit."""
    train, test, y, truth = split(name, seed)
    numbers = name == "diabetes"
    estimator = bonas.SearchRegressor if numbers else bonas.SearchClassifier
    settings = {"epochs": epochs, "random_state": seed}
    began = time.perf_counter()
    fitted = estimator(budget=budget, **settings).fit(train, y)
    seconds = time.perf_counter() - began
    candidate = best_of_tpe(fitted, budget, seed)
    tpe = estimator(budget=1, select=lambda _: candidate, **settings).fit(train, y)
    forest = (RandomForestRegressor if numbers else RandomForestClassifier)(random_state=seed)
    flat, flat_test = train.reshape(len(train), -1), test.reshape(len(test), -1)
    scores = {
        "bonas": fitted.score(test, truth),
        "tpe": tpe.score(test, truth),
        "forest": forest.fit(flat, y).score(flat_test, truth),
    }
    if name == "fashion":
        scores["fixed"] = convolutional_score(train, test, y, truth, seconds, seed)
    else:
        perceptron = (MLPRegressor if numbers else MLPClassifier)(max_iter=1_000, random_state=seed)
        fixed = make_pipeline(StandardScaler(), perceptron)
        scores["fixed"] = fixed.fit(train, y).score(test, truth)
    return {method: 100 * score for method, score in scores.items()}, seconds


def interval(values):
    """Return the mean and half the width of the 95 % interval."""
    n = len(values)
    half = stats.t.ppf(0.975, n - 1) * np.std(values, ddof=1) / np.sqrt(n) if n > 1 else np.nan
    return f"{np.mean(values):.2f} ± {half:.2f}"


def main():
    """Compare the methods on each data set."""
    parser = argparse.ArgumentParser(description=__doc__)
    names = (*TABLES, "fashion")
    parser.add_argument("--data", nargs="+", choices=names, default=list(TABLES))
    parser.add_argument("--budget", type=int, default=30, help="trainings of a search")
    parser.add_argument("--epochs", type=int, default=None, help="of a training")
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    for name in given.data:
        runs, seconds = [], []
        for seed in range(given.seeds):
            scores, took = scores_of(name, seed, given.budget, given.epochs)
            runs.append(scores)
            seconds.append(took)
            shown = ", ".join(f"{method} {score:.2f}" for method, score in scores.items())
            print(f"{name}, seed {seed}: {shown}, fit {took:.0f} s", flush=True)
        for method in runs[0]:
            own = np.array([run[method] for run in runs])
            ahead = np.array([run["bonas"] for run in runs]) - own
            note = "" if method == "bonas" else f", bonas ahead by {interval(ahead)}"
            print(f"{name}, {method}: {interval(own)}{note}", flush=True)
        print(f"{name}, seconds of a fit: {interval(seconds)}", flush=True)


if __name__ == "__main__":
    main()
