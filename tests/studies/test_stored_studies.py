"""Studies that an earlier state of bonas stored still open, resume, and fork.

``stored/`` holds a journal and an SQLite file, each with three studies of NAS-Bench-201:

- ``early``: 9 trials of accuracy and latency with standard deviations; a call that was interrupted
  at trial 3, which trial 4 tries again; trial 5 failed, trial 6 was pruned; budget 8, seed 3.
- ``modelled``: 16 trials, the last ones proposed by a Gaussian process, one of them known before.
- ``early-2``: the fork of ``early`` that searches accuracy alone; 6 trials came along.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from pathlib import Path

import optuna
import pytest

import bonas
from bonas.errors import StudyMismatch
from bonas.evaluation import ACCURACY, LATENCY, Candidate, Objective
from bonas.spaces import Choices, NASBench201

STORED = Path(__file__).with_name("stored")
TWO = (ACCURACY, LATENCY)
SHORT = {
    "none": "0",
    "skip_connect": "skip",
    "nor_conv_1x1": "1x1",
    "nor_conv_3x3": "3x3",
    "avg_pool_3x3": "pool",
}


def value(name: str, choices: Choices) -> float:
    """The value with which the stored studies were made: a function of the choices."""
    text = json.dumps([name, sorted((key, str(x)) for key, x in choices.items())])
    digest = hashlib.blake2b(text.encode(), digest_size=4).digest()
    return round(int.from_bytes(digest, "big") / 2**32 * 100, 3)


def evaluate(candidate: Candidate) -> dict[str, float]:
    return {name: value(name, candidate.choices) for name in ("accuracy", "latency")}


@pytest.fixture(params=["log", "db"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    path = tmp_path / f"study.{request.param}"
    packed = STORED / f"nas_bench_201.{request.param}.gz"
    path.write_bytes(gzip.decompress(packed.read_bytes()))
    return f"sqlite:///{path}" if request.param == "db" else str(path)


def resumed(
    storage: str, name: str, budget: int, objectives: tuple[Objective, ...] = TWO
) -> optuna.Study:
    result = bonas.optimize(
        NASBench201(),
        budget,
        evaluate=evaluate,
        objectives=objectives,
        surrogate="gp",
        storage=storage,
        study_name=name,
        progress=False,
    )
    return result.study


def test_a_stored_study_goes_on_as_the_state_that_stored_it_would(storage: str) -> None:
    study = resumed(storage, "early", 12)
    states = [trial.state.name for trial in study.trials]
    assert states == [
        *("COMPLETE", "COMPLETE", "COMPLETE", "FAIL", "COMPLETE", "FAIL", "PRUNED"),
        *("COMPLETE",) * 7,
    ]
    assert [trial.values for trial in study.trials if trial.number in (0, 4, 8)] == [
        [17.035, 33.241],
        [45.496, 60.522],
        [74.539, 97.136],
    ]
    again, *new = study.trials[9:]
    assert again.params == study.trials[5].params  # what failed is tried again first
    assert [" ".join(SHORT[x] for x in trial.params.values()) for trial in new] == [
        "0 skip 1x1 pool 3x3 1x1",
        "skip pool 1x1 skip skip pool",
        "0 3x3 1x1 skip 0 3x3",
        "0 1x1 0 0 0 1x1",
    ]
    assert study.user_attrs["bonas:seed"] == 3


def test_a_stored_study_with_a_model_goes_on_with_a_model(storage: str) -> None:
    study = resumed(storage, "modelled", 17)
    assert len(study.trials) == 20  # one released, one known before, one failed and tried again
    assert all(trial.state.name == "COMPLETE" for trial in study.trials[16:])
    last = study.trials[-1]
    expected = json.loads(last.system_attrs["bonas:prediction"])
    assert len(expected["mean"]) == len(expected["sd"]) == 2


def test_a_stored_fork_is_found_by_the_call_that_made_it(storage: str) -> None:
    with pytest.raises(StudyMismatch, match=re.escape("objectives.latency is missing")):
        resumed(storage, "early", 10, (ACCURACY,))
    study = resumed(storage, "early-2", 10, (ACCURACY,))
    assert len(study.trials) == 10
    assert study.trials[0].values == [17.035]


def test_a_stored_study_is_shown_with_its_standard_deviations(storage: str) -> None:
    study = optuna.load_study(study_name="early", storage=bonas.studies.open(storage))
    done = [trial for trial in study.trials if trial.state.name == "COMPLETE"]
    assert {trial.user_attrs["accuracy_sd"] for trial in done} == {0.5}
