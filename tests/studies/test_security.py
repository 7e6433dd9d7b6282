"""A study runs no code, is never unpickled, and writes no file outside its folder."""

from __future__ import annotations

import ast
import json
import pickle
from pathlib import Path

import optuna
import pytest

import bonas
from bonas.errors import InvalidArgument
from bonas.spaces import NASBench201
from bonas.studies import ArchitectureSampler, open
from bonas.studies.lease import Watch
from bonas.studies.records import PREDICTION, PROPOSAL, STOPPED, WORKER
from bonas.studies.running import trials
from bonas.studies.search import Search

ROOT = Path(__file__).parents[2]
SPACE = NASBench201(channels=4, cells=1, stages=1)
FOLDERS = ("bonas", "encoders", "studies", "surrogates")
SOURCES = [path for folder in FOLDERS for path in ROOT.glob(f"{folder}/**/*.py")]


class Boom:
    """An object that writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


def called(source: Path) -> set[str]:
    """Return the names that a module calls, qualified as they are written."""
    calls = [
        node.func for node in ast.walk(ast.parse(source.read_text())) if isinstance(node, ast.Call)
    ]
    return {ast.unparse(call) for call in calls}


@pytest.mark.parametrize("name", ["eval", "exec", "pickle.load", "pickle.loads", "marshal.loads"])
def test_no_module_runs_or_unpickles_data(name: str) -> None:
    assert len(SOURCES) > 100
    allowed = {
        # An export runs the source that it has just written, to compare it with the network.
        "eval": {"bonas/evaluation/export/source/constructors.py"},
        "exec": {"bonas/evaluation/export/source/network_source.py"},
        # What a child of this process has measured: over a pipe, or a file of the two alone.
        "pickle.load": {"bonas/checking/events.py"},
        "pickle.loads": {
            "bonas/evaluation/isolation/child.py",
            "bonas/evaluation/isolation/run.py",
        },
    }
    found = {str(path.relative_to(ROOT)) for path in SOURCES if name in called(path)}
    assert found == allowed.get(name, set())


def test_only_data_from_a_parent_or_child_process_are_unpacked() -> None:
    """What is packed goes through a pipe or an executor, never through a storage."""
    allowed = {
        # The contract of a space copies the space that the test itself has made.
        "cloudpickle.loads": {"pickling.py", "testing.py"},
        "unpacked": {"child.py", "job.py", "server.py", "worker_pool.py"},
    }
    for name, where in allowed.items():
        assert {path.name for path in SOURCES if name in called(path)} == where


def test_weights_load_as_weights_only() -> None:
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load":
                assert {k.arg: ast.unparse(k.value) for k in node.keywords}[
                    "weights_only"
                ] == "True"


def test_attributes_of_another_program_do_nothing(tmp_path: Path) -> None:
    """The texts are code, or a pickle, under the keys of proposals and workers."""
    bomb = pickle.dumps(Boom(tmp_path / "boom")).hex()
    study = optuna.create_study(
        directions=["maximize", "minimize"],
        sampler=ArchitectureSampler(SPACE, surrogate="random", seed=0),
    )
    for text in (bomb, "__import__('os').abort()", json.dumps({"py/object": "os.abort"}), "[1]"):
        trial = study.ask()
        for name in (PROPOSAL.key, PREDICTION.key):
            study._storage.set_trial_system_attr(trial._trial_id, name, text)
        trial.set_user_attr(WORKER.key, text)
        trial.set_user_attr("bonas:index", text)
        SPACE.suggest(trial)
        trials.release_abandoned(study, Watch())
        trials.release(study, study.trials[trial.number], STOPPED)
    assert SPACE.suggest(study.ask())
    assert not (tmp_path / "boom").exists()


def test_a_study_does_not_say_what_a_worker_runs(tmp_path: Path) -> None:
    """The reference comes from the command; attributes of a study are not read."""
    storage = str(tmp_path / "a.log")
    study = optuna.create_study(storage=open(storage), study_name="s", direction="maximize")
    for name in ("search", "bonas:search", "evaluate"):
        study.set_user_attr(name, "os:abort")
    with pytest.raises(InvalidArgument, match=r"expected module:name"):
        Search.named("os")
    with pytest.raises(InvalidArgument, match=r"must be or make a bonas.Search"):
        Search.named("os:getcwd")
    with pytest.raises(InvalidArgument, match="no 'nothing' in a module 'no_such_module'"):
        Search.named("no_such_module:nothing")


@pytest.mark.parametrize("name", ["../../escape", "/tmp/escape", "a/../../b", ".."])
def test_names_of_studies_stay_in_their_folder(name: str, tmp_path: Path) -> None:
    """bonas names the files of a report, whatever methods and problems are called."""
    from bonas.benchmarks.report import write

    folder = tmp_path / "in" / "report"

    def value(candidate: bonas.Candidate) -> dict[str, float]:
        return {"accuracy": float(sum(SPACE.costs(candidate.choices).values()))}

    found = bonas.ablate(
        SPACE,
        {name: "random"},
        budget=3,
        seeds=2,
        evaluate=value,
        objectives={"accuracy": "maximize"},
    )
    write(found, folder)
    written = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert written
    assert all(folder in path.parents for path in written)
