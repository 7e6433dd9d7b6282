"""A study that an earlier release stored is opened, resumed, extended and forked by this one.

The keys and texts are literals: they are what is in users' databases.
"""

from __future__ import annotations

import json
from typing import Any

import optuna
import pytest
from lineages import OBJECTIVES, Widths, measured, opened, searched
from optuna.distributions import CategoricalDistribution
from optuna.samplers import RandomSampler
from optuna.trial import TrialState, create_trial

from bonas.errors import StudyMismatch
from bonas.evaluation import ShortTraining, as_objectives
from bonas.studies import open_study, outcomes
from bonas.studies.records import DESCRIPTION, ORIGIN

DISTRIBUTIONS = {
    "width": CategoricalDistribution((8, 16, 32, 64)),
    "kind": CategoricalDistribution(("relu", "gelu", "tanh")),
}
WIDER = Widths((8, 16, 32, 64, 128))


@pytest.fixture
def stored(quick: Any) -> Any:
    """Return a storage with the study of a release whose descriptions had no version."""
    description = {
        "space": "Widths",
        "parameters": {"width": [8, 16, 32, 64], "kind": ["relu", "gelu", "tanh"]},
        "widths": [8, 16, 32, 64],
        "kinds": ["relu", "gelu", "tanh"],
        "scale": 1,
        "max_params": None,
        "evaluation": {"accuracy": {"epochs": 1}, "latency": {"device": "cpu"}},
        "objectives": {"accuracy": "maximize", "latency": "minimize"},
    }
    current = DESCRIPTION.read(opened(Widths(), None)) or {}
    for later in ("bonas:version", "bonas:units"):
        del current[later]
    assert current.keys() == description.keys()  # else this is no longer what was stored
    study = optuna.create_study(storage=quick, study_name="s", directions=["maximize", "minimize"])
    study._storage.set_study_system_attr(
        study._study_id, "study:metric_names", ["accuracy", "latency"]
    )
    study.set_user_attr("bonas:description", json.dumps({**current, **description}))
    study.set_user_attr("bonas:seed", 0)
    study.set_user_attr("bonas:budget", 4)
    worker = {"host": "h", "pid": 1, "started": 1.0, "name": "w", "lease": 60.0, "asker": "w"}

    def add(width: int, **more: Any) -> None:
        params = {"width": width, "kind": "relu"}
        system = {"bonas:proposal": json.dumps(params), **more.pop("system_attrs", {})}
        user = {"bonas:worker": worker, **more.pop("user_attrs", {})}
        study.add_trial(
            create_trial(
                params=params,
                distributions=DISTRIBUTIONS,
                user_attrs=user,
                system_attrs=system,
                **more,
            )
        )

    add(8, values=[52.0, 8.0], user_attrs={"extra": 1.0})
    add(16, state=TrialState.FAIL, system_attrs={"bonas:released": "its worker died"})
    add(16, values=[54.0, 16.0], user_attrs={"bonas:index": 1})
    add(32, values=[58.0, 32.0])
    add(64, values=[66.0, 64.0], user_attrs={"bonas:known": "a-mark"})
    return quick


FOUR = [(8, "relu", 52.0, 8.0), (16, "relu", 54.0, 16.0), (32, "relu", 58.0, 32.0)]
KNOWN = (64, "relu", 66.0, 64.0)


def test_it_is_resumed_and_counts_what_it_counted(stored: Any) -> None:
    before = optuna.load_study(study_name="s", storage=stored)
    assert outcomes.evaluated(before) == 3  # neither the released nor the known trial
    study = searched(Widths(), 6, stored).study
    assert study.study_name == "s"
    assert measured(study)[:4] == [*FOUR, KNOWN]
    assert outcomes.evaluated(study) == 6
    assert (DESCRIPTION.read(study) or {})["bonas:version"] == 2


def test_options_are_added_to_it_in_a_successor(stored: Any) -> None:
    study = searched(WIDER, 5, stored).study
    assert study.study_name == "s.v2"
    assert measured(study)[:4] == [*FOUR, KNOWN]
    assert outcomes.evaluated(study) == 5
    assert all("bonas:released" not in trial.system_attrs for trial in study.trials)
    assert study.trials[3].user_attrs["bonas:known"] == "a-mark"
    assert [t.user_attrs.get("bonas:copied") for t in study.trials[:4]] == [
        "s#0",
        "s#2",
        "s#3",
        "s#4",
    ]
    assert searched(WIDER, 5, stored).study.study_name == "s.v2"


def test_a_fork_of_it_is_found_again(stored: Any) -> None:
    with pytest.raises(StudyMismatch, match=r"scale was 1, now 2"):
        opened(Widths(scale=2), stored)
    narrow = Widths((8, 16))
    fork = opened(narrow, stored, on_mismatch="fork")
    assert fork.study_name == "s-2"
    assert measured(fork) == FOUR[:2]
    again = opened(narrow, stored, on_mismatch="fork")
    assert (again.study_name, measured(again)) == ("s-2", FOUR[:2])


def test_a_successor_and_a_fork_of_a_release_go_on_together(stored: Any) -> None:
    """The fork was made by the release, out of a study that this version extends."""
    fork = opened(Widths((8, 16)), stored, on_mismatch="fork")
    description = DESCRIPTION.read(fork) or {}
    del description["bonas:version"]
    ORIGIN.write(fork, {**(ORIGIN.read(fork) or {}), "description": description})
    DESCRIPTION.write(fork, description)
    assert searched(WIDER, 5, stored).study.study_name == "s.v2"
    for _ in range(2):
        found = opened(Widths((8, 16)), stored, on_mismatch="fork")
        assert (found.study_name, measured(found)) == ("s-2", FOUR[:2])
    assert sorted(optuna.get_all_study_names(stored)) == ["s", "s-2", "s.v2"]


def test_it_knows_its_data_once_it_is_opened_with_them(quick: Any) -> None:
    """A release described arrays by their shape and targets, this one by their inputs too."""
    X, y = [[0.0], [1.0]] * 10, [0, 1] * 10

    def again(inputs: Any) -> optuna.Study:
        description = {"evaluation": ShortTraining((inputs, y)).describe()}
        return open_study(quick, "s", as_objectives(OBJECTIVES), description, RandomSampler())

    study = again(X)
    old = DESCRIPTION.read(study) or {}
    del old["bonas:version"]
    old["evaluation"]["accuracy"]["data"] = old["evaluation"]["accuracy"]["data"].split(", inp")[0]
    DESCRIPTION.write(study, old)
    assert again(X).study_name == "s"
    with pytest.raises(StudyMismatch, match="data was"):
        again([[5.0], [1.0]] * 10)
