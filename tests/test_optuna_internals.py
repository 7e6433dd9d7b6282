"""Private names of Optuna are used in one module, which gives the reason of each."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from bonas import optuna_internals as internals

ROOT = Path(__file__).parents[1]
FOLDERS = ("bonas", "encoders", "studies", "surrogates")
SOURCES = [path for folder in FOLDERS for path in ROOT.glob(f"{folder}/**/*.py")]
NAMED = set(re.findall(r"``(?:study\.|trial\.)?(_\w+)``", internals.__doc__ or ""))
WRAPPED = {"_create_new_trial", "_set_trial_param"}
DASHBOARD = {"_note"}  # of optuna-dashboard, whose public function wants a trial that runs


def _private_names(path: Path) -> set[str]:
    """Return the names of Optuna that a module takes of another object, or imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and node.attr in NAMED:
            if ast.unparse(node.value) not in ("self", "cls"):
                found.add(node.attr)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("optuna"):
            parts = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
            found |= {part for part in parts if part.startswith("_")}
    return found


def test_the_table_names_what_the_module_uses() -> None:
    assert {"_storage", "_suggest", "_file_path", *WRAPPED} <= NAMED
    used = _private_names(ROOT / "bonas" / "optuna_internals.py")
    assert used - {"_frozen"} <= NAMED


def test_no_other_module_uses_a_private_name_of_optuna() -> None:
    allowed = {"optuna_internals.py": None, "sqlite.py": WRAPPED, "shown.py": DASHBOARD}
    for path in SOURCES:
        names = _private_names(path)
        permitted = allowed.get(path.name, set())
        assert permitted is None or names <= permitted, f"{path}: {names}"


@pytest.fixture
def study() -> optuna.Study:
    return optuna.create_study()


def test_another_process_can_write_to_a_trial_until_it_is_finished(study: optuna.Study) -> None:
    study.ask()
    trial = study.get_trials()[0]
    internals.set_user_attr(study, trial, "a", 1)
    internals.set_system_attr(study, trial, "b", 2)
    found = internals.read_afresh(study, trial)
    assert (found.user_attrs, found.system_attrs) == ({"a": 1}, {"b": 2})
    assert internals.finish(study, trial, TrialState.COMPLETE, [3.0])
    assert study.trials[0].value == 3.0
    for write in (internals.set_user_attr, internals.set_system_attr):
        with pytest.raises(optuna.exceptions.UpdateFinishedTrialError):
            write(study, trial, "a", 2)
    with pytest.raises(optuna.exceptions.UpdateFinishedTrialError):
        internals.finish(study, trial, TrialState.FAIL)


def test_a_trial_is_created_with_all_that_its_template_holds(study: optuna.Study) -> None:
    template = optuna.create_trial(state=TrialState.RUNNING, user_attrs={"worker": "w"})
    found = internals.create_trial(study, template)
    assert (found.number, found.state) == (0, TrialState.RUNNING)
    assert found.user_attrs == {"worker": "w"}
    live = internals.live(study, found)
    live.suggest_float("x", 0.0, 1.0)
    assert internals.frozen(live).params == internals.read_afresh(study, live).params != {}


def test_the_next_enqueued_trial_is_taken_once(study: optuna.Study) -> None:
    study.enqueue_trial({"x": 1})
    found = internals.take_enqueued(study)
    assert found is not None
    assert found.state == TrialState.RUNNING
    assert found.system_attrs["fixed_params"] == {"x": 1}
    assert internals.take_enqueued(study) is None


def test_a_study_can_be_stopped_within_the_block_only(study: optuna.Study) -> None:
    with internals.stoppable(study):
        assert not internals.is_stopped(study)
        study.stop()
        assert internals.is_stopped(study)
    with pytest.raises(RuntimeError, match="stop"):
        study.stop()
    with internals.stoppable(study):
        assert not internals.is_stopped(study)  # of the block before


def test_a_parameter_of_any_distribution_is_suggested(study: optuna.Study) -> None:
    trial = study.ask()
    kind = internals.suggest(trial, "kind", CategoricalDistribution(["a", "b"]))
    assert kind in ("a", "b")
    assert trial.params == {"kind": kind}


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.5, True), (0.0, True), (1.5, False), (float("nan"), False), ("a", False), (None, False)],
)
def test_a_distribution_contains_the_values_within_its_bounds(
    value: object, expected: bool
) -> None:
    assert internals.contains(FloatDistribution(0.0, 1.0), value) == expected


def test_a_categorical_distribution_contains_its_choices() -> None:
    choices = CategoricalDistribution(["a", None, 3])
    assert all(internals.contains(choices, value) for value in ("a", None, 3))
    assert not internals.contains(choices, "b")


def test_system_attributes_and_ids_are_those_of_the_storage(
    study: optuna.Study, tmp_path: Path
) -> None:
    internals.set_study_system_attr(study, "a", [1])
    storage, number = internals.storage_of(study), internals.id_of(study)
    assert internals.study_system_attrs(study) == storage.get_study_system_attrs(number)
    assert internals.study_system_attrs(study)["a"] == [1]
    (frozen,) = storage.get_all_studies()
    assert internals.id_of(frozen) == number
    journal = JournalFileBackend(str(tmp_path / "a.log"))
    assert internals.backend_of(JournalStorage(journal)) is journal
    assert internals.path_of(journal) == str(tmp_path / "a.log")
