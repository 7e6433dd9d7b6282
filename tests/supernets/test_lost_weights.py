"""A search whose file of shared weights is gone goes on without it."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

import bonas
from bonas.errors import InvalidArgument, InvalidData, MissingData, StudyMismatch
from bonas.evaluation import ShortTraining
from bonas.supernets import InheritedLoss, Supernet
from tests.trained_supernets import IRIS as _SPACE
from tests.trained_supernets import ON_IRIS as _TRAINING
from tests.trained_supernets import trained

_SAID = "the weights of a supernet are gone"


@pytest.fixture(scope="module")
def supernet() -> Supernet:
    return trained(_SPACE, _TRAINING, 20, "uniform")


@pytest.fixture
def path(supernet: Supernet, tmp_path: Path) -> Path:
    supernet.save(tmp_path / "supernet.pt")
    return tmp_path / "supernet.pt"


def _loaded(path: Path) -> Supernet | None:
    return Supernet.load_if_exists(path, _SPACE, _TRAINING)


def test_a_file_that_is_there_is_loaded(path: Path, supernet: Supernet) -> None:
    found = _loaded(path)
    assert found is not None
    assert found.describe() == supernet.describe()


def test_a_file_that_is_gone_is_said_once_and_gives_none(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.unlink()
    with caplog.at_level(logging.WARNING, "bonas"):
        assert _loaded(path) is None
    assert caplog.text.count(_SAID) == 1
    assert str(path) in caplog.text
    with pytest.raises(MissingData):
        Supernet.load(path, _SPACE, _TRAINING)


def test_a_damaged_file_is_no_missing_one(path: Path) -> None:
    path.write_bytes(b"nothing")
    with pytest.raises(InvalidData):
        _loaded(path)


@pytest.mark.parametrize("listed", [False, True])
def test_a_resumed_search_goes_on_without_its_knowledge(
    path: Path, tmp_path: Path, listed: bool, caplog: pytest.LogCaptureFixture
) -> None:
    def search(budget: int) -> bonas.SearchResult:
        known = _loaded(path)
        return bonas.optimize(
            _SPACE,
            budget,
            evaluate=_TRAINING,
            warm_start=[known] if listed else known,
            storage=str(tmp_path / "search.log"),
            seed=0,
            progress=False,
        )

    before = search(3).study.trials
    path.unlink()
    with caplog.at_level(logging.WARNING, "bonas"):
        after = search(6).study.trials
    assert [trial.values for trial in after[:3]] == [trial.values for trial in before]
    assert len(after) == 6
    assert caplog.text.count(_SAID) == 1


def _from_weights(path: Path, storage: Path, budget: int, **settings: object) -> bonas.SearchResult:
    short = ShortTraining("iris", epochs=1, batch_size=16, initial=_loaded(path))
    arguments: dict[str, object] = {"seed": 0, "progress": False, **settings}
    return bonas.optimize(_SPACE, budget, evaluate=short, storage=str(storage), **arguments)  # type: ignore[arg-type]  # of several types


def test_trainings_from_lost_weights_go_on_from_scratch_in_a_fork_that_mixes_no_values(
    path: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    storage = tmp_path / "search.log"
    _from_weights(path, storage, 3)
    path.unlink()
    with pytest.raises(StudyMismatch, match="initial is missing"):
        _from_weights(path, storage, 5)
    caplog.clear()
    with caplog.at_level(logging.WARNING, "bonas"):
        found = _from_weights(path, storage, 5, on_mismatch="fork")
    assert found.study.study_name == "bonas-2"
    assert len(found.study.trials) == 5
    assert caplog.text.count(_SAID) == 1


def test_workers_need_no_file(path: Path, tmp_path: Path) -> None:
    loaded = _loaded(path)
    path.unlink()
    short = ShortTraining("iris", epochs=1, batch_size=16, initial=loaded)
    result = bonas.optimize(
        _SPACE,
        4,
        evaluate=short,
        storage=str(tmp_path / "search.log"),
        n_jobs=2,
        seed=0,
        progress=False,
    )
    assert len(result.candidates) == 4
    assert not result.failures


def test_inherited_losses_cannot_be_measured_without_the_weights(path: Path) -> None:
    path.unlink()
    with pytest.raises(InvalidArgument, match="the file of its weights is gone"):
        InheritedLoss(_loaded(path))  # type: ignore[arg-type]  # what load_if_exists may return
