"""Every key that a study stores: what is written is read, and what is foreign is refused."""

from __future__ import annotations

import json
import logging
import math
from typing import Any

import optuna
import pytest
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

from bonas.evaluation.candidate import INDEX
from bonas.optuna_internals import (
    set_study_system_attr,
    set_system_attr,
    storage_of,
    study_system_attrs,
)
from bonas.studies import records
from bonas.studies.attributes import StudyAttribute, TrialAttribute
from bonas.studies.records import (
    ERROR,
    OFFER,
    PREDICTION,
    PROPOSAL,
    RELEASED,
    Proposal,
    are_stopped,
    directions,
    enqueued,
    index_made,
    is_proposed,
    names_of,
    offered,
    proposed,
    sd_of,
    stop_workers,
    values_of,
)
from bonas.texts import RESERVED

EXAMPLES: dict[str, Any] = {
    "SEED": 7,
    "BUDGET": 0,
    "REOPENED": 12,
    "DESCRIPTION": {"objectives": {"accuracy": "maximize"}},
    "ORIGIN": {"root": "s", "study": "s", "trials": 3},
    "SUCCESSOR": "s.v2",
    "SCORED_NETWORKS": 300,
    "WORKER": {"name": "a", "lease": 30.0},
    "RENEWED": 3,
    "OFFER": {"index": 3, "params": {"width": 8}, "prediction": None},
    "PROPOSAL": {"width": 8, "rate": 0.5, "kind": None},
    "PREDICTION": {"mean": [1.0], "sd": [0.5], "weights": {}},
    "NETWORK": {"hash": "ab", "by": "1"},
    "FAILURE": {"kind": "crash", "phase": "training", "signal": 11},
    "ERROR": "Traceback",
    "CONSTRAINTS": {"latency": {"upper": 5.0}},
    "STOPPED_EARLY": {"reason": "place 3 of 4", "fidelity": 0.1},
    "SECONDS": 12.5,
    "RELEASED": "its worker died",
    "KNOWN": "ab-0",
    "COPIED": "s#3",
    "CANDIDATES": {"0a": {"source": "gdas", "key": "1b", "batches": 1}},
    "PROPOSED_BY": "gdas",
}
ATTRIBUTES = {name: getattr(records, name) for name in EXAMPLES}
OF_STUDIES = [name for name, x in ATTRIBUTES.items() if isinstance(x, StudyAttribute)]
OF_TRIALS = [name for name, x in ATTRIBUTES.items() if isinstance(x, TrialAttribute)]
FOREIGN = [5.5, True, [1], "no JSON", "[]", "5", -1, {"a": 1}, 5]


def study_of(kind: str, folder: Any) -> optuna.Study:
    """Return a new study of two objectives in memory or in a database."""
    storage = InMemoryStorage() if kind == "memory" else f"sqlite:///{folder / 'a.db'}"
    return optuna.create_study(storage=storage, directions=["maximize", "minimize"])


def trial_of(study: optuna.Study) -> FrozenTrial:
    """Return the study's first trial as it is stored."""
    return study.trials[0]


def foreign(attribute: Any) -> list[object]:
    """Return values that are none of an attribute's type."""
    return [x for x in FOREIGN if attribute.parse(x) is None]


def test_each_record_is_among_the_examples() -> None:
    kinds = (StudyAttribute, TrialAttribute)
    assert {n for n, x in vars(records).items() if isinstance(x, kinds)} == EXAMPLES.keys()


def test_all_keys_are_different_and_begin_with_the_reserved_prefix() -> None:
    keys = [attribute.key for attribute in ATTRIBUTES.values()]
    assert len(set(keys)) == len(keys)
    assert all(key.startswith(RESERVED) for key in [*keys, INDEX])


def test_the_table_names_each_record() -> None:
    table = (records.__doc__ or "").split("``INDEX`` is declared")[0]
    rows = {line.split()[0]: line.split()[1] for line in table.splitlines() if len(line) > 60}
    assert rows.keys() >= EXAMPLES.keys()
    for name in (*OF_STUDIES, *OF_TRIALS):
        attribute = ATTRIBUTES[name]
        kind = "words" if getattr(attribute, "in_words", None) else "system"
        assert rows[name] == (kind if attribute.is_system else "user")


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
@pytest.mark.parametrize("name", OF_STUDIES)
def test_what_is_written_to_a_study_is_read(name: str, kind: str, tmp_path: Any) -> None:
    study, attribute = study_of(kind, tmp_path), ATTRIBUTES[name]
    assert (attribute.read(study), attribute.is_in(study)) == (None, False)
    attribute.write(study, EXAMPLES[name])
    assert (attribute.read(study), attribute.is_in(study)) == (EXAMPLES[name], True)
    held = study_system_attrs(study) if attribute.is_system else study.user_attrs
    assert held.keys() == {attribute.key}
    assert attribute.parsed(study.user_attrs, study_system_attrs(study)) == EXAMPLES[name]


@pytest.mark.parametrize("name", OF_STUDIES)
def test_what_an_earlier_version_kept_as_a_user_attribute_of_a_study_is_read(name: str) -> None:
    study, attribute = optuna.create_study(), ATTRIBUTES[name]
    study.set_user_attr(attribute.key, attribute.dump(EXAMPLES[name]))
    assert (attribute.read(study), attribute.is_in(study)) == (EXAMPLES[name], True)
    assert attribute.parsed(study.user_attrs, study_system_attrs(study)) == EXAMPLES[name]
    if attribute.is_system and isinstance(EXAMPLES[name], dict):
        attribute.write(study, {"later": 1})
        assert attribute.read(study) == {"later": 1}


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
@pytest.mark.parametrize("name", OF_TRIALS)
def test_what_is_written_to_a_trial_is_read(name: str, kind: str, tmp_path: Any) -> None:
    study, attribute = study_of(kind, tmp_path), ATTRIBUTES[name]
    live = study.ask()
    assert (attribute.read(trial_of(study)), attribute.is_in(trial_of(study))) == (None, False)
    attribute.write(study, live, EXAMPLES[name])
    found = trial_of(study)
    assert (attribute.read(found), attribute.is_in(found)) == (EXAMPLES[name], True)
    held = found.system_attrs if attribute.is_system else found.user_attrs
    assert held.keys() == {attribute.key}
    if attribute.is_system:
        assert found.user_attrs == attribute.words(EXAMPLES[name])


@pytest.mark.parametrize("name", OF_TRIALS)
def test_what_an_earlier_version_kept_as_a_user_attribute_of_a_trial_is_read(name: str) -> None:
    attribute = ATTRIBUTES[name]
    trial = create_trial(state=TrialState.FAIL, user_attrs=attribute.holding(EXAMPLES[name]))
    assert (attribute.read(trial), attribute.is_in(trial)) == (EXAMPLES[name], True)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("WORKER", {"host": "a 1b pid:[4]", "pid": 5, "lease": 60.0}, "process 5 on a"),
        ("WORKER", {}, "process ? on ?"),
        ("ERROR", "Traceback ...\n  x = 1\nValueError: no\n", "ValueError: no"),
        ("ERROR", "", ""),
        ("FAILURE", {"kind": "out_of_memory", "phase": "training"}, "out of memory in training"),
        ("FAILURE", {"kind": "crash", "phase": "", "signal": 11}, "crash, signal 11"),
        (
            "STOPPED_EARLY",
            {"step": 3, "fidelity": 0.3, "reason": "r"},
            "at step 3 after 30%: r",
        ),
        ("STOPPED_EARLY", {"fidelity": "x"}, "at step ?: ?"),
    ],
)
def test_people_read_words(name: str, value: Any, words: str) -> None:
    assert ATTRIBUTES[name].words(value) == {ATTRIBUTES[name].key: words}


@pytest.mark.parametrize("error", ["x" * 10_000, "E: " + "<b>\n" * 900, "a\n" + " y" * 500])
def test_words_are_few(error: str) -> None:
    (text,) = ERROR.words(error).values()
    assert len(text) <= 160
    assert "\n" not in text


@pytest.mark.parametrize("name", OF_TRIALS)
def test_a_trial_is_created_with_what_it_is_to_hold(name: str) -> None:
    attribute = ATTRIBUTES[name]
    given = {"system_attrs" if attribute.is_system else "user_attrs": None}
    given = dict.fromkeys(given, attribute.holding(EXAMPLES[name]))
    study = optuna.create_study()
    study.add_trial(create_trial(state=TrialState.RUNNING, **given))
    assert attribute.read(trial_of(study)) == EXAMPLES[name]


@pytest.mark.parametrize("name", OF_STUDIES)
def test_a_foreign_value_of_a_study_is_ignored_with_one_warning(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    attribute, values = ATTRIBUTES[name], foreign(ATTRIBUTES[name])
    assert len(values) >= 5
    for value in values:
        study = optuna.create_study()
        study.set_user_attr(attribute.key, value)
        with caplog.at_level(logging.WARNING, logger="bonas"):
            assert attribute.read(study) is attribute.read(study) is None
        assert caplog.text.count("ignored") == 1
        assert f"ignored {attribute.key}: {attribute.expected} was expected" in caplog.text
        assert attribute.is_in(study)  # it is left as it is
        caplog.clear()


@pytest.mark.parametrize("name", OF_TRIALS)
def test_a_foreign_value_of_a_trial_is_ignored(name: str, caplog: pytest.LogCaptureFixture) -> None:
    attribute, values = ATTRIBUTES[name], foreign(ATTRIBUTES[name])
    assert len(values) >= 5
    for i, value in enumerate(values):
        held = {attribute.key: value}
        trial = create_trial(state=TrialState.FAIL, user_attrs=held, system_attrs=held)
        trial.number = 10_000 + i  # of no other test: it is logged once per process
        with caplog.at_level(logging.WARNING, logger="bonas"):
            assert attribute.read(trial) is attribute.read(trial) is None
        assert len(caplog.records) == 1
        assert f"has a {attribute.key} that cannot be read" in caplog.text
        caplog.clear()


def test_an_absent_value_is_no_foreign_one(caplog: pytest.LogCaptureFixture) -> None:
    study = optuna.create_study()
    study.set_user_attr(records.SEED.key, None)
    assert records.SEED.read(study) is None
    assert "ignored" not in caplog.text


def test_a_finished_trial_takes_no_attribute() -> None:
    study = optuna.create_study()
    trial = study.ask()
    study.tell(trial, 1.0)
    for attribute in (ERROR, RELEASED):
        with pytest.raises(UpdateFinishedTrialError):
            attribute.write(study, trial, "late")


def test_workers_of_one_asker_are_stopped_and_no_others() -> None:
    study = optuna.create_study()
    stop_workers(study, "a")
    assert are_stopped(study, "a")
    assert not are_stopped(study, "b")
    assert study.user_attrs == {}


# --- what Optuna keeps of a study and its trials


def test_directions_are_words() -> None:
    study = optuna.create_study(directions=["minimize", "maximize"])
    assert directions(study) == ["minimize", "maximize"]


@pytest.mark.parametrize("names", [["a"], ["a", "a"], ["a", 3], "ab", 5, {"a": 1}])
def test_names_that_do_not_fit_the_objectives_are_ignored(names: object) -> None:
    study = optuna.create_study(directions=["minimize", "maximize"])
    assert names_of(study) == []
    set_study_system_attr(study, "study:metric_names", names)
    assert names_of(study) == []


@pytest.mark.parametrize(
    ("values", "expected"),
    [([1.0, 2.0], [1.0, 2.0]), ([1.0], None), ([1.0, math.inf], None), ([math.nan, 1.0], None)],
)
def test_values_are_finite_and_one_per_objective(
    values: list[float], expected: list[float] | None
) -> None:
    study = optuna.create_study(directions=["minimize", "maximize"])
    trial_id = storage_of(study).create_new_trial(0)
    storage_of(study).set_trial_state_values(trial_id, TrialState.COMPLETE, values)
    assert values_of(trial_of(study), 2) == expected


def test_a_failed_trial_has_no_values() -> None:
    assert values_of(create_trial(state=TrialState.FAIL), 0) is None


@pytest.mark.parametrize(
    ("stored", "expected"),
    [(0.5, 0.5), (0, 0.0), (-0.1, None), ("0.5", None), (True, None), (math.inf, None)],
)
def test_a_standard_deviation_is_a_finite_number(stored: object, expected: float | None) -> None:
    trial = create_trial(value=1.0, user_attrs={"accuracy_sd": stored})
    found = sd_of(trial, "accuracy")
    assert found == expected if expected is not None else math.isnan(found)
    assert math.isnan(sd_of(trial, "latency"))


# --- proposals


def trial_with(**attributes: Any) -> FrozenTrial:
    """Return a running trial with these system attributes."""
    return create_trial(state=TrialState.RUNNING, system_attrs=attributes)


def test_a_trial_evaluates_what_was_enqueued_over_what_was_proposed() -> None:
    held = PROPOSAL.holding({"width": 8, "kind": "relu"})
    trial = trial_with(**held, fixed_params={"width": 16})
    assert enqueued(trial) == {"width": 16}
    assert proposed(trial) == {"width": 16, "kind": "relu"}
    assert is_proposed(trial)


@pytest.mark.parametrize("fixed", [None, 5, [1], "x"])
def test_foreign_parameters_of_a_queue_are_ignored(fixed: object) -> None:
    assert enqueued(trial_with(fixed_params=fixed)) == {}


def test_an_offer_is_not_a_proposal_until_it_is_settled() -> None:
    study = optuna.create_study()
    study.ask()
    offer = Proposal(0, {"width": 8}, {"mean": [1.0]})
    offer.offer(study, trial_of(study))
    assert not is_proposed(trial_of(study))
    assert offered(trial_of(study)) == {"width": 8}
    assert index_made(trial_of(study)) == 0
    assert Proposal.of(trial_of(study)) == offer
    offer.settle(study, trial_of(study))
    assert proposed(trial_of(study)) == {"width": 8}
    assert PREDICTION.read(trial_of(study)) == {"mean": [1.0]}
    assert Proposal.of(trial_of(study)) == offer


def test_a_withdrawn_offer_is_none() -> None:
    study = optuna.create_study()
    study.ask()
    Proposal(0, {"width": 8}, None).offer(study, trial_of(study))
    Proposal.withdraw(study, trial_of(study))
    assert Proposal.offered(trial_of(study)) is None
    assert index_made(trial_of(study)) is None
    assert offered(trial_of(study)) == {}


def test_an_index_is_stored_only_where_it_is_not_the_number() -> None:
    study = optuna.create_study()
    study.ask(), study.ask()
    for trial, index in zip(study.trials, (0, 0), strict=True):
        Proposal(index, {"width": 8}, None).settle(study, trial)
    assert INDEX not in study.trials[0].user_attrs
    assert study.trials[1].user_attrs[INDEX] == 0
    assert [index_made(trial) for trial in study.trials] == [0, 0]


def test_a_random_proposal_removes_the_prediction_of_the_one_before() -> None:
    study = optuna.create_study()
    study.ask()
    Proposal(0, {"width": 8}, {"mean": [1.0]}).settle(study, trial_of(study))
    Proposal(0, {"width": 16}, None).settle(study, trial_of(study))
    found = Proposal.of(trial_of(study))
    assert found == Proposal(0, {"width": 16}, None)


@pytest.mark.parametrize(
    "offer",
    [
        {},
        {"index": -1, "params": {}},
        {"index": True, "params": {}},
        {"index": 0, "params": [1]},
        {"params": {"width": 8}},
        {"index": 0},
    ],
)
def test_an_offer_that_cannot_be_read_is_none(offer: dict[str, Any]) -> None:
    assert Proposal.offered(trial_with(**OFFER.holding(offer))) is None


def test_an_offer_with_a_foreign_prediction_is_taken_without_it() -> None:
    held = OFFER.holding({"index": 0, "params": {"width": 8}, "prediction": 5})
    assert Proposal.offered(trial_with(**held)) == Proposal(0, {"width": 8}, None)


def test_a_finished_trial_is_offered_nothing() -> None:
    study = optuna.create_study()
    study.tell(study.ask(), 1.0)
    Proposal(0, {"width": 8}, None).offer(study, trial_of(study))
    Proposal.withdraw(study, trial_of(study))
    assert not OFFER.is_in(trial_of(study))
    with pytest.raises(UpdateFinishedTrialError):
        Proposal(0, {"width": 8}, None).settle(study, trial_of(study))


def test_a_proposal_is_stored_as_json() -> None:
    """Optuna keeps attributes as JSON, whose numbers and texts no reader may confuse."""
    study = optuna.create_study()
    trial = study.ask()
    Proposal(0, {"width": "8", "depth": 8}, None).settle(study, trial_of(study))
    stored = trial_of(study).system_attrs[PROPOSAL.key]
    assert json.loads(stored) == {"width": "8", "depth": 8}
    set_system_attr(study, trial, PROPOSAL.key, "{")
    assert proposed(trial_of(study)) == {}
