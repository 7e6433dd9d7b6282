"""A network for a table, searched with its learning rate, and compared with boosted trees.

    python examples/gallery/tabular.py                  # breast cancer: five minutes on a core
    python examples/gallery/tabular.py --data wine

A third of the rows is set aside for the end. Width, depth, activation, norm and dropout of a
perceptron are searched together with learning rate and weight decay; a value is the mean over five
folds of the other rows, with its standard error, since one part of so small a table says little.
Gradient boosting and logistic regression get as many evaluations on the same folds. All of it is
done for several splits; the last rows printed are the answer, for the networks or against them.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import optuna
import torch
from scipy import stats
from sklearn import datasets
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import RandomizedSearchCV, StratifiedKFold, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import bonas
from bonas.evaluation import ParameterCount, ShortTraining
from bonas.spaces import MLPSpace

TABLES = {
    "breast-cancer": datasets.load_breast_cancer,
    "wine": datasets.load_wine,
    "digits": datasets.load_digits,
}
OTHERS = {
    "boosting": (
        HistGradientBoostingClassifier(random_state=0),
        {
            "learning_rate": stats.loguniform(0.01, 0.5),
            "max_iter": stats.randint(30, 300),
            "max_leaf_nodes": stats.randint(4, 48),
            "min_samples_leaf": stats.randint(3, 40),
            "l2_regularization": stats.loguniform(1e-4, 10),
        },
    ),
    "logistic": (
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=2_000)),
        {"logisticregression__C": stats.loguniform(1e-3, 1e2)},
    ),
}


def recipe(candidate, data, epochs):
    """Return the training of a candidate, whose numbers are searched with its network."""
    return ShortTraining(
        data,
        metric="cross_entropy",
        epochs=epochs,
        batch_size=32,
        label_smoothing=0.0,
        learning_rate=candidate.trial.suggest_float("learning_rate", 3e-4, 3e-2, log=True),
        weight_decay=candidate.trial.suggest_float("weight_decay", 1e-4, 1.0, log=True),
        test=0.0,
    )


def standardised(train, *others):
    """Return tables of the mean and deviation of the first, as float32."""
    scaler = StandardScaler().fit(train)
    return [scaler.transform(x).astype(np.float32) for x in (train, *others)]


def searched(x, y, folds, name, options):
    """Search a network for the rows."""

    def evaluate(candidate):
        losses = []
        for rows, held_out in folds:
            known, unknown = standardised(x[rows], x[held_out])
            training = recipe(candidate, ((known, y[rows]), (unknown, y[held_out])), options.epochs)
            losses.append(training(candidate)["cross_entropy"])
        error = np.std(losses, ddof=1) / len(losses) ** 0.5
        return {"cross_entropy": np.mean(losses), "cross_entropy_sd": error}

    space = MLPSpace(
        inputs=x.shape[1],
        classes=int(y.max()) + 1,
        depths=(1, 2, 3),
        widths=(8, 16, 32, 64, 128),
        max_dropout=0.5,
    )
    return bonas.optimize(
        space,
        options.budget,
        evaluate=[evaluate, ParameterCount()],
        objectives={"cross_entropy": "minimize", "parameters": "minimize"},
        storage=options.out / "search.log",
        study_name=name,
        seed=options.seed,
    )


def chances_of_networks(result, x, y, unseen, name, options):
    """Train the best network with several seeds on all rows; return their mean probabilities."""
    known, unknown = standardised(x, unseen)
    final = bonas.finalize(
        result,
        top_k=1,
        training=lambda candidate: recipe(candidate, (known, y), options.epochs),
        epochs=options.epochs,
        seeds=options.networks,
        folder=options.out / f"weights-{name}",
    )
    with torch.no_grad():
        each = [final.network(i)(torch.from_numpy(unknown)) for i in range(options.networks)]
    return torch.stack(each).softmax(dim=-1).mean(dim=0).numpy()


def one_split(x, y, split, options):
    """Return method -> accuracy [%] and cross entropy [nats] on rows that no choice has read."""
    x, unseen, y, answers = train_test_split(x, y, test_size=1 / 3, stratify=y, random_state=split)
    folds = list(StratifiedKFold(5, shuffle=True, random_state=split).split(x, y))
    name = f"{options.data}-{split}"
    began = time.process_time()
    result = searched(x, y, folds, name, options)
    chances = {"network": chances_of_networks(result, x, y, unseen, name, options)}
    seconds = {"network": time.process_time() - began}
    for method, (model, settings) in OTHERS.items():
        began = time.process_time()
        search = RandomizedSearchCV(
            model, settings, n_iter=options.budget, scoring="neg_log_loss", cv=folds, random_state=0
        )
        chances[method] = search.fit(x, y).predict_proba(unseen)
        seconds[method] = time.process_time() - began
    taken = ", ".join(f"{method} {each:.0f} s" for method, each in seconds.items())
    print(f"{name}: {taken}\n{result}", flush=True)
    if split == 0:
        figure = result.plot()
        figure.axes[0].set_xscale("log")
        figure.savefig(options.out / "front.svg")
        result.report(options.out / "report.html")
        result.best().draw(options.out / "network.svg")
    scores = {
        method: (100 * accuracy_score(answers, each.argmax(axis=1)), log_loss(answers, each))
        for method, each in chances.items()
    }
    shown = [f"{method} {right:.1f} {loss:.3f}" for method, (right, loss) in scores.items()]
    print(f"on unseen rows: {', '.join(shown)}", flush=True)
    return scores


def interval(values):
    """Return the mean and half the width of its 95 % interval."""
    half = stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / len(values) ** 0.5
    return f"{np.mean(values):.3f} ± {half:.3f}"


def main():
    """Compare on each split, and print the means."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", choices=TABLES, default="breast-cancer")
    parser.add_argument("--budget", type=int, default=25, help="evaluations per method")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--networks", type=int, default=5, help="trained at the end, and averaged")
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("tabular"))
    options = parser.parse_args()
    if options.splits < 2:
        parser.error("expected at least 2 for --splits: an interval needs two values")
    options.out.mkdir(parents=True, exist_ok=True)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    x, y = TABLES[options.data](return_X_y=True)
    scores = [one_split(x, y, split, options) for split in range(options.splits)]
    print(f"\n{options.data}, {options.splits} splits: accuracy [%], cross entropy [nats]")
    for method in scores[0]:
        own = np.array([each[method] for each in scores])
        worse = own - [each["network"] for each in scores]
        print(f"{method}: {interval(own[:, 0])}, {interval(own[:, 1])}", end="")
        note = f"; minus network: {interval(worse[:, 0])}, {interval(worse[:, 1])}"
        print(note if method != "network" else "")


if __name__ == "__main__":
    main()
