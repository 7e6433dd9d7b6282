"""Real databases: PostgreSQL restarted under load, SQLite locked, disks full, files damaged."""

from __future__ import annotations

import ast
import importlib
import os
import resource
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import optuna
import pytest
import servers
from optuna.distributions import FloatDistribution
from optuna.storages import BaseStorage, InMemoryStorage
from optuna.study import StudyDirection
from optuna.trial import TrialState
from ports import free_port

import bonas
from bonas.errors import StorageUnavailable
from bonas.evaluation import Candidate
from bonas.spaces import MLPSpace
from bonas.studies import open
from bonas.studies.storages import opening, retry

postgresql = pytest.fixture(scope="module")(servers.postgresql)


def _study(opened: BaseStorage) -> optuna.Study:
    return optuna.create_study(storage=opened, study_name="s", load_if_exists=True)


def _run(study: optuna.Study, trials: int, evaluated: threading.Event | None = None) -> None:
    for _ in range(trials):
        trial = study.ask({"x": FloatDistribution(0.0, 1.0)})
        trial.set_user_attr("worker", {"pid": 1})
        if evaluated is not None:
            time.sleep(0.02)
            evaluated.set()
        study.tell(trial, trial.params["x"])


def _values(study: optuna.Study) -> list[float | None]:
    return [trial.value for trial in study.get_trials(deepcopy=False)]


# What can be opened


def test_nothing_and_what_is_open_already_are_storages(tmp_path: Path) -> None:
    memory = open(None)
    assert isinstance(memory, InMemoryStorage)
    assert open(memory) is memory


def test_a_path_may_hold_braces(tmp_path: Path) -> None:
    _run(_study(open(f"sqlite:///{tmp_path}/{{a}}.db")), 1)
    assert (tmp_path / "{a}.db").exists()


@pytest.mark.parametrize(
    ("module", "url", "extra"),
    [
        ("psycopg", "postgresql://h/d", "postgres"),
        ("pymysql", "mysql://h/d", "mysql"),
        ("pymysql", "mariadb://h/d", "mysql"),
        ("grpc", "grpc://h:1", "grpc"),
    ],
)
def test_a_missing_driver_is_reported_with_the_extra_that_brings_it(
    monkeypatch: pytest.MonkeyPatch, module: str, url: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setattr(opening, "GrpcStorageProxy", lambda **_: importlib.import_module(module))
    with pytest.raises(StorageUnavailable, match=rf'pip install "bonas\[{extra}\]"'):
        open(url)


# SQLite


@pytest.mark.parametrize("url", ["sqlite:///{}/a.db", "{}/a.log"])
def test_many_open_a_new_storage_and_work_in_it_at_once(tmp_path: Path, url: str) -> None:
    def work(_: int) -> None:
        _run(_study(open(url.format(tmp_path))), 5)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    trials = _study(open(url.format(tmp_path))).trials
    assert [trial.number for trial in trials] == list(range(20))
    assert all(trial.state == TrialState.COMPLETE for trial in trials)


def _locked(path: Path) -> sqlite3.Connection:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("begin immediate")
    return other


def test_a_locked_database_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A read that becomes a write is refused at once, however long SQLite may wait: here, always.
    monkeypatch.setattr(opening, "_WAIT", 0.0)
    opened = open(f"sqlite:///{tmp_path / 'a.db'}")
    study = opened.create_new_study([StudyDirection.MINIMIZE], "s")
    other = _locked(tmp_path / "a.db")
    with ThreadPoolExecutor(1) as pool:
        written = pool.submit(opened.set_study_user_attr, study, "key", 3)
        time.sleep(0.3)
        assert not written.done()
        other.execute("commit")
        written.result()
    assert opened.get_study_user_attrs(study) == {"key": 3}
    other.close()


def test_a_database_that_stays_locked_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "_WAIT", 0.0)
    opened = open(f"sqlite:///{tmp_path / 'a.db'}", patience=0.2)
    study = opened.create_new_study([StudyDirection.MINIMIZE], "s")
    other = _locked(tmp_path / "a.db")
    with pytest.raises(StorageUnavailable, match=r"gave no answer .*: database is locked"):
        opened.set_study_user_attr(study, "key", 3)
    other.close()


# Files that cannot be used


@contextmanager
def _full_disk(size: int) -> Iterator[None]:
    """Keep the files of this process from growing beyond ``size`` bytes in the block."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(
    ("url", "name", "message"),
    [
        ("sqlite:///{}/a.db", "a.db", r"refused: .*(full|disk)"),
        ("{}/a.log", "a.log", "cannot write to the journal .*File too large; all lines before"),
    ],
)
def test_a_full_disk_is_reported_at_once_and_loses_nothing(
    tmp_path: Path, url: str, name: str, message: str
) -> None:
    study = _study(open(url.format(tmp_path)))
    _run(study, 3)
    trial = study.ask()
    with (
        _full_disk((tmp_path / name).stat().st_size + 30),
        pytest.raises(StorageUnavailable, match=message),
    ):
        trial.set_user_attr("long", "x" * 300_000)
    trial.set_user_attr("short", "y")  # there is room again
    study.tell(trial, 0.5)
    again = _study(open(url.format(tmp_path)))
    assert _values(again) == _values(study)
    assert again.trials[3].user_attrs == {"short": "y"}


@pytest.mark.parametrize("url", ["sqlite:///{}/a.db", "{}/a.log"])
def test_what_a_search_measured_on_a_full_disk_can_be_given_back(tmp_path: Path, url: str) -> None:
    space = MLPSpace(inputs=4, classes=2)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    calls = []

    def evaluate(candidate: Candidate) -> dict[str, float]:
        calls.append(candidate.choices)
        if len(calls) == 3:
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limit[1]))  # both files are larger
        return {"accuracy": float(len(calls))}

    def search(known: object) -> bonas.SearchResult:
        return bonas.optimize(
            space,
            5,
            evaluate=evaluate,
            objectives={"accuracy": "maximize"},
            surrogate="random",
            storage=url.format(tmp_path),
            warm_start=known,
            seed=0,
            progress=False,
        )

    try:
        with pytest.raises(
            StorageUnavailable, match="were measured that it does not hold"
        ) as caught:
            search(None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    known = ast.literal_eval(str(caught.value).partition("warm_start=")[2])
    study = search(known).study
    assert sorted(t.value for t in study.trials if t.value is not None) == [1, 2, 3, 4, 5, 6]
    assert not any(trial.state == TrialState.RUNNING for trial in study.trials)


def test_a_database_opened_to_be_read_cannot_be_written(tmp_path: Path) -> None:
    _run(_study(open(f"sqlite:///{tmp_path / 'a.db'}")), 2)
    url = f"sqlite:///file:{tmp_path / 'a.db'}?mode=ro&uri=true"
    study = optuna.load_study(study_name="s", storage=open(url, create=False))
    assert len(study.trials) == 2
    with pytest.raises(StorageUnavailable, match="attempt to write a readonly database: the file"):
        study.set_user_attr("a", 1)


@contextmanager
def _read_only(folder: Path) -> Iterator[None]:
    """Make ``folder`` read-only in the block, for root too; skip the test if that is impossible."""
    folder.chmod(0o555)
    is_root = os.geteuid() == 0
    try:
        if is_root:
            done = subprocess.run(["chattr", "+i", folder], capture_output=True, check=False)
            if done.returncode != 0:
                pytest.skip("root writes everywhere, and this file system knows no chattr +i")
        yield
    finally:
        if is_root:
            subprocess.run(["chattr", "-i", folder], capture_output=True, check=False)
        folder.chmod(0o755)


@pytest.mark.parametrize("name", ["sqlite:///{}/a.db", "{}/a.log"])
def test_a_folder_that_cannot_be_written_is_reported(tmp_path: Path, name: str) -> None:
    with _read_only(tmp_path), pytest.raises(StorageUnavailable, match="can be written"):
        open(name.format(tmp_path))


@pytest.mark.parametrize("name", ["sqlite:///{}/a.log", "{}/a.log"])
def test_a_folder_in_place_of_a_file_is_reported(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.log").mkdir()
    with pytest.raises(StorageUnavailable, match=r"cannot open .*a\.log"):
        open(name.format(tmp_path))


def test_a_file_that_is_no_database_is_reported_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_bytes(b"my diary " * 1000)
    with pytest.raises(StorageUnavailable, match=r"file is not a database: .* choose another"):
        open(f"sqlite:///{tmp_path / 'a.db'}")
    assert (tmp_path / "a.db").read_bytes() == b"my diary " * 1000


def test_a_damaged_database_is_reported(tmp_path: Path) -> None:
    study = _study(open(f"sqlite:///{tmp_path / 'a.db'}"))
    _run(study, 3)
    with (tmp_path / "a.db").open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (file.seek(0, os.SEEK_END) - 4096))
        file.seek(4096)
        file.write(b"\xff" * 100_000)
    with pytest.raises(StorageUnavailable, match=r"malformed.*\.recover"):
        _run(_study(open(f"sqlite:///{tmp_path / 'a.db'}")), 1)


# Servers


def test_a_search_in_postgresql_goes_on_where_it_stopped(postgresql: servers.PostgreSQL) -> None:
    study = _study(open(postgresql.url))
    before = len(study.trials)
    _run(study, 3)
    again = _study(open(postgresql.url))
    assert _values(again) == _values(study)
    _run(again, 2)
    assert [trial.number for trial in study.trials] == list(range(before + 5))


def test_many_open_a_new_database_of_postgresql_at_once(postgresql: servers.PostgreSQL) -> None:
    postgresql.create("fresh")

    def work(_: int) -> None:
        _run(_study(open(postgresql.url.replace("/postgres", "/fresh"))), 3)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    trials = _study(open(postgresql.url.replace("/postgres", "/fresh"))).trials
    assert [trial.number for trial in trials] == list(range(12))


def test_a_search_outlives_a_restart_of_postgresql(
    postgresql: servers.PostgreSQL,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retry, "_LAST", 0.5)
    postgresql.create("stopped")
    study = _study(open(postgresql.url.replace("/postgres", "/stopped")))
    evaluated = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(_run, study, 10, evaluated)
        evaluated.wait()
        postgresql.stop()
        time.sleep(5.0)
        assert not running.done()
        postgresql.start()
        running.result()
    assert [trial.state for trial in study.trials].count(TrialState.COMPLETE) == 10
    assert caplog.text.count("does not answer") == caplog.text.count("answers again") == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"s3cret": "other"}, "password authentication failed .*; check the user, the password"),
        ({"/postgres": "/none"}, 'database "none" does not exist; check'),
    ],
)
def test_what_postgresql_refuses_is_reported_at_once(
    postgresql: servers.PostgreSQL, change: dict[str, str], message: str
) -> None:
    url = postgresql.url
    for old, new in change.items():
        url = url.replace(old, new)
    with pytest.raises(StorageUnavailable, match=message) as caught:
        open(url)
    assert "of bonas" not in str(caught.value)


def test_a_table_that_is_gone_is_reported_at_once(postgresql: servers.PostgreSQL) -> None:
    postgresql.create("dropped")
    study = _study(open(postgresql.url.replace("/postgres", "/dropped")))
    postgresql.execute("drop table trials cascade", "dropped")
    with pytest.raises(StorageUnavailable, match='refused: relation "trials" does not exist'):
        study.ask()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgresql://me:hush@127.0.0.1:1/x", "start the server, or correct host and port"),
        ("mysql://me:hush@127.0.0.1:1/x", "start the server, or correct host and port"),
        ("grpc://127.0.0.1:1", "nothing answers at 127.0.0.1:1; .*run_grpc_proxy_server"),
    ],
)
def test_a_server_that_is_not_there_is_reported(
    monkeypatch: pytest.MonkeyPatch, url: str, message: str
) -> None:
    monkeypatch.setattr(opening, "_GRPC_WAIT", 0.2)
    pytest.importorskip({"p": "psycopg", "m": "pymysql", "g": "grpc"}[url[0]])
    with pytest.raises(StorageUnavailable, match=message):
        open(url)


def test_a_search_outlives_a_restart_of_a_grpc_server(tmp_path: Path) -> None:
    pytest.importorskip("grpc")
    from optuna.storages._grpc.server import make_server  # the public function never returns

    port = free_port()
    behind = open(f"sqlite:///{tmp_path / 'a.db'}")
    server = make_server(behind, "127.0.0.1", port)
    server.start()
    study = _study(open(f"grpc://127.0.0.1:{port}"))
    evaluated = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(_run, study, 10, evaluated)
        evaluated.wait()
        server.stop(None).wait()
        time.sleep(0.5)
        assert not running.done()
        server = make_server(behind, "127.0.0.1", port)
        server.start()
        running.result()
    states = [trial.state for trial in _study(behind).trials]
    assert states.count(TrialState.COMPLETE) == 10
    server.stop(None).wait()
