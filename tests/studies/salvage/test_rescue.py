"""A rescue copies what can be read of a damaged study, and the search goes on with it."""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

import bonas
from bonas.cli import main
from bonas.errors import InvalidArgument, StorageUnavailable, StudyMismatch
from bonas.evaluation import Candidate
from bonas.evaluation.candidate import INDEX
from bonas.spaces import MLPSpace
from bonas.studies import rescue
from bonas.studies.outcomes import counts
from bonas.studies.records import RELEASED
from bonas.studies.storages.opening import open_storage

SPACE = MLPSpace(inputs=4, classes=2, depths=(1,), widths=(8, 16, 32, 64))
Searched = Callable[[str], tuple[Path, list[FrozenTrial]]]
URLS = {"journal": "{}/{}.log", "sqlite": "sqlite:///{}/{}.db"}


def _evaluate(candidate: Candidate) -> dict[str, float]:
    return {"accuracy": float(candidate.number), "seconds": 1.0}


def _search(storage: str, budget: int) -> list[FrozenTrial]:
    return bonas.optimize(
        SPACE,
        budget,
        evaluate=_evaluate,
        objectives={"accuracy": "maximize"},
        surrogate="random",
        storage=storage,
        seed=0,
        progress=False,
    ).study.trials


@pytest.fixture(scope="module")
def originals(
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, tuple[Path, list[FrozenTrial]]]:
    """Return searches of six trials, in a journal and in SQLite."""
    folder = tmp_path_factory.mktemp("originals")
    journal, database = folder / "a.log", folder / "a.db"
    return {
        "a.log": (journal, _search(str(journal), 6)),
        "a.db": (database, _search(f"sqlite:///{database}", 6)),
    }


@pytest.fixture
def searched(tmp_path: Path, originals: dict[str, tuple[Path, list[FrozenTrial]]]) -> Searched:
    """Return what copies one of them, to be damaged, and its trials."""

    def copied(name: str) -> tuple[Path, list[FrozenTrial]]:
        path, trials = originals[name]
        return Path(shutil.copy(path, tmp_path)), trials

    return copied


def _named(storage: str, name: str = "bonas") -> optuna.Study:
    return optuna.load_study(study_name=name, storage=open_storage(storage))


def _lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def _essence(trial: FrozenTrial) -> tuple[object, ...]:
    return (
        trial.state,
        trial.values,
        trial.params,
        trial.distributions,
        trial.user_attrs,
        trial.system_attrs,
        trial.intermediate_values,
        trial.datetime_start,
        trial.datetime_complete,
    )


# Whole storages


def _rich(storage: str) -> optuna.Study:
    study = optuna.create_study(
        storage=open_storage(storage), study_name="rich", directions=["minimize", "maximize"]
    )
    study.set_user_attr("about", {"a": [1, None]})
    study._storage.set_study_system_attr(study._study_id, "study:metric_names", ["loss", "gain"])
    x = {"x": FloatDistribution(0.0, 1.0, step=0.5)}
    for number in range(3):
        trial = study.ask(x)
        trial.set_user_attr("é", "\ud800")
        study.tell(trial, [float("inf"), float(number)])
    study.tell(study.ask(x), state=TrialState.FAIL)
    study.enqueue_trial({"x": 0.5})
    study.add_trial(create_trial(state=TrialState.PRUNED, intermediate_values={0: 1.5, 7: 2.5}))
    study.add_trial(
        create_trial(values=[1.0, 2.0], params={"x": 0.5}, distributions=x, user_attrs={"k": 1})
    )
    return study


@pytest.mark.parametrize("old", URLS.values(), ids=URLS)
@pytest.mark.parametrize("new", URLS.values(), ids=URLS)
def test_a_whole_study_is_copied_as_it_is(tmp_path: Path, old: str, new: str) -> None:
    old, new = old.format(tmp_path, "old"), new.format(tmp_path, "new")
    study = _rich(old)
    found = rescue(old, new)
    assert (found.studies, found.trials, found.lost, found.unreadable) == (("rich",), 7, 0, ())
    copied = _named(new, "rich")
    assert copied.directions == study.directions
    assert copied.metric_names == ["loss", "gain"]
    assert copied.user_attrs == study.user_attrs
    assert list(map(_essence, copied.trials)) == list(map(_essence, study.trials))


def test_a_running_trial_is_released_and_evaluated_again(
    tmp_path: Path, searched: Searched
) -> None:
    (old, before), new = searched("a.log"), f"{tmp_path}/b.log"
    lines = _lines(old)
    last = max(n for n, line in enumerate(lines) if json.loads(line)["op_code"] == 6)
    old.write_bytes(b"".join(lines[:last]))  # as if it were still evaluated
    assert rescue(old, new).trials == 6
    given_up = _named(new).trials[5]
    assert given_up.state == TrialState.FAIL
    assert RELEASED.is_in(given_up)
    after = _search(new, 6)
    assert [trial.params for trial in after if counts(trial)] == [trial.params for trial in before]


# Journals


def _garble(line: bytes) -> bytes:
    return b"\xff" * (len(line) - 1) + b"\n"


@pytest.mark.parametrize("code", [0, 2, 3, 4, 5, 6, 8, 9])  # that a search of bonas writes
def test_the_search_goes_on_whatever_line_of_a_journal_is_lost(
    tmp_path: Path, searched: Searched, code: int
) -> None:
    """One line of each kind is lost, in the middle."""
    (old, before), new = searched("a.log"), tmp_path / "b.log"
    lines = _lines(old)
    of_kind = [n for n, line in enumerate(lines) if json.loads(line)["op_code"] == code]
    bad = of_kind[len(of_kind) // 2]
    lines[bad] = _garble(lines[bad])
    old.write_bytes(b"".join(lines))
    with pytest.raises(StorageUnavailable, match=f"damaged: line {bad + 1} .*bonas rescue"):
        open_storage(old)
    found = rescue(old, new, "bonas")
    assert len(found.unreadable) == 1
    assert found.unreadable[0].startswith(f"line {bad + 1} (")
    assert (found.trials, found.lost) == (6, 0)
    known = {tuple(t.params.items()): t.values for t in before}
    for trial in _named(str(new)).trials:
        if trial.state == TrialState.COMPLETE and len(trial.params) == len(before[0].params):
            assert known[tuple(trial.params.items())] == trial.values
    after = _search(str(new), 8)
    assert sum(counts(trial) for trial in after) == 8


def test_a_parameter_out_of_its_range_costs_nothing_else(tmp_path: Path) -> None:
    """Optuna replays such a line, but no new trial can have the value."""
    old, new = tmp_path / "a.log", tmp_path / "b.log"
    study = optuna.create_study(storage=open_storage(old), study_name="s")
    for value in (1.0, 2.0):
        x, y = FloatDistribution(0.0, 1.0), FloatDistribution(0.0, 1.0)
        study.tell(study.ask({"x": x, "y": y}), value)
    lines = [json.loads(line) for line in _lines(old)]
    bad = next(log for log in lines if log["op_code"] == 5 and log["trial_id"] == 1)
    bad["param_value_internal"] = 7.0
    old.write_text("".join(json.dumps(log) + "\n" for log in lines))
    found = rescue(old, new)
    assert (found.trials, found.lost) == (2, 0)
    assert found.unreadable == ("SET_TRIAL_PARAM of a trial (no value of 'x': 7.0)",)
    copied = _named(str(new), "s").trials
    assert [(trial.value, sorted(trial.params)) for trial in copied] == [
        (1.0, ["x", "y"]),
        (2.0, ["y"]),
    ]


OTHERS = [
    optuna.distributions.CategoricalDistribution([8, 16, 33]),
    optuna.distributions.IntDistribution(0, 5),
]


@pytest.mark.parametrize("new", URLS.values(), ids=URLS)
@pytest.mark.parametrize("other", OTHERS, ids=["other options", "another kind"])
def test_a_distribution_unlike_that_of_other_trials_costs_its_value_only(
    tmp_path: Path, new: str, other: optuna.distributions.BaseDistribution
) -> None:
    """No study holds both; the one that most trials have is the right one."""
    old, new = tmp_path / "a.log", new.format(tmp_path, "b")
    study = optuna.create_study(storage=open_storage(old), study_name="s")
    widths = optuna.distributions.CategoricalDistribution([8, 16, 32])
    for value in (1.0, 2.0, 3.0):
        study.tell(study.ask({"x": widths, "y": FloatDistribution(0.0, 1.0)}), value)
    lines = [json.loads(line) for line in _lines(old)]
    bad = next(log for log in lines if log["op_code"] == 5 and log["param_name"] == "x")
    bad["distribution"] = optuna.distributions.distribution_to_json(other)
    old.write_text("".join(json.dumps(log) + "\n" for log in lines))
    found = rescue(old, new)
    assert (found.trials, found.lost) == (3, 0)
    assert found.unreadable == (f"the parameter 'x' of a trial ({other})",)
    copied = _named(new, "s").trials
    assert [sorted(trial.params) for trial in copied] == [["y"], ["x", "y"], ["x", "y"]]
    assert [trial.value for trial in copied] == [1.0, 2.0, 3.0]
    assert _named(new, "s").ask({"x": widths}).params["x"] in (8, 16, 32)


@pytest.mark.parametrize("lost", [1, 2])
def test_trials_after_a_lost_one_keep_their_parameters_and_values(
    tmp_path: Path, searched: Searched, lost: int
) -> None:
    """All lines of trials 2 (and 3) are one stretch of garbage without line breaks."""
    (old, before), new = searched("a.log"), tmp_path / "b.log"
    lines = _lines(old)
    made = [n for n, line in enumerate(lines) if json.loads(line)["op_code"] == 4]
    start, end = made[2], made[2 + lost]
    lines[start:end] = [_garble(b"".join(lines[start:end]))]
    old.write_bytes(b"".join(lines))
    found = rescue(old, new)
    assert (found.trials, found.lost) == (6 - lost, lost)
    kept = [t for t in before if t.number not in range(2, 2 + lost)]
    copied = _named(str(new)).trials
    assert [(t.params, t.values) for t in copied] == [(t.params, t.values) for t in kept]
    assert [t.user_attrs.get(INDEX, t.number) for t in copied] == [t.number for t in kept]
    assert sum(counts(trial) for trial in _search(str(new), 8)) == 8


def test_lines_whose_breaks_were_overwritten_are_read(tmp_path: Path, searched: Searched) -> None:
    (old, before), new = searched("a.log"), tmp_path / "b.log"
    lines = _lines(old)
    lines[20:23] = [lines[20][:-1] + b"\xff\xff\xff" + lines[21][:-1] + b"\x00" + lines[22]]
    old.write_bytes(b"".join(lines))
    assert len(rescue(old, new).unreadable) == 1
    assert list(map(_essence, _named(str(new)).trials)) == list(map(_essence, before))


def test_several_studies_of_a_journal_are_kept_apart(tmp_path: Path) -> None:
    old, new = tmp_path / "a.log", tmp_path / "b.log"
    storage = open_storage(old)
    one, other = (optuna.create_study(storage=storage, study_name=n) for n in ("one", "other"))
    x = {"x": FloatDistribution(0.0, 1.0)}
    for _ in range(5):
        for study in (one, other):
            study.tell(study.ask(x), 1.0 if study is one else 2.0)
    optuna.delete_study(study_name="one", storage=storage)
    one = optuna.create_study(storage=storage, study_name="one")
    one.tell(one.ask(x), 1.0)
    lines = _lines(old)
    made = [n for n, line in enumerate(lines) if json.loads(line)["op_code"] == 4]
    lines[made[4]] = _garble(lines[made[4]])
    old.write_bytes(b"".join(lines))
    found = rescue(old, new)
    assert (found.studies, found.lost) == (("other", "one"), 1)  # it may have been of either
    assert [trial.value for trial in _named(str(new), "other").trials] == [2.0] * 5
    assert [trial.value for trial in _named(str(new), "one").trials] == [1.0]
    assert rescue(old, tmp_path / "c.log", "one").trials == 1


def test_lost_directions_come_from_the_description_or_the_study_is_lost(tmp_path: Path) -> None:
    """The line that created a study of another program is lost; its trials are counted."""
    old = tmp_path / "a.log"
    study = optuna.create_study(storage=open_storage(old), study_name="s")
    study.tell(study.ask({"x": FloatDistribution(0.0, 1.0)}), 1.0)
    study.set_user_attr("bonas:description", "no JSON")
    lines = _lines(old)
    old.write_bytes(b"".join([_garble(lines[0]), *lines[1:]]))
    with pytest.raises(StudyMismatch, match="no study 's' can be read"):
        rescue(old, tmp_path / "b.log", "s")
    assert not (tmp_path / "b.log").exists()


def test_what_a_journal_repeats_is_copied_once(tmp_path: Path) -> None:
    """Another writer of the same study: a second creation, and writes after the end of a trial."""
    old, new = tmp_path / "a.log", tmp_path / "b.log"
    study = optuna.create_study(storage=open_storage(old), study_name="s")
    trial = study.ask({"x": FloatDistribution(0.0, 1.0)})
    trial.report(1.5, 3)
    trial.report(float("nan"), 4)
    study.tell(trial, 1.0)
    lines = _lines(old)
    late = next(line for line in lines if json.loads(line)["op_code"] == 7)
    changed = json.loads(late) | {"step": 9}
    old.write_bytes(b"".join([*lines, lines[0], json.dumps(changed).encode() + b"\n"]))
    found = rescue(old, new)
    assert (found.studies, found.trials, found.lost, found.unreadable) == (("s",), 1, 0, ())
    (copy,) = _named(str(new), "s").trials
    assert copy.intermediate_values[3] == 1.5
    assert sorted(copy.intermediate_values) == [3, 4]


def test_a_trial_of_a_deleted_study_stays_deleted(tmp_path: Path) -> None:
    old, new = tmp_path / "a.log", tmp_path / "b.log"
    storage = open_storage(old)
    optuna.create_study(storage=storage, study_name="gone")
    kept = optuna.create_study(storage=storage, study_name="kept")
    kept.tell(kept.ask({"x": FloatDistribution(0.0, 1.0)}), 1.0)
    optuna.delete_study(study_name="gone", storage=storage)
    late = next(line for line in _lines(old) if json.loads(line)["op_code"] == 4)
    late = json.dumps(json.loads(late) | {"study_id": 0}).encode() + b"\n"
    old.write_bytes(old.read_bytes() + late)  # as a worker writes that has not read the deletion
    kept = optuna.load_study(study_name="kept", storage=open_storage(old))
    kept.tell(kept.ask({"x": FloatDistribution(0.0, 1.0)}), 2.0)
    found = rescue(old, new)
    assert (found.studies, found.trials, found.lost) == (("kept",), 2, 0)
    assert [trial.value for trial in _named(str(new), "kept").trials] == [1.0, 2.0]


# SQLite


def _page_of(path: Path, table: str) -> int:
    with sqlite3.connect(path) as opened:
        (root,) = opened.execute(
            "select rootpage from sqlite_master where name = ?", [table]
        ).fetchone()
    opened.close()
    return int(root)


def _overwrite(path: Path, page: int, start: int = 0, end: int = 4096) -> None:
    with path.open("r+b") as file:
        file.seek(4096 * (page - 1) + start)
        file.write(b"\xff" * (end - start))


def _grown(path: Path) -> optuna.Study:
    """Return a study whose tables have many pages each."""
    study = optuna.create_study(storage=f"sqlite:///{path}", study_name="s")
    study.add_trials(
        create_trial(value=float(n), user_attrs={"text": "x" * 300}) for n in range(120)
    )
    return study


def test_the_rows_before_and_after_a_damaged_page_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    _grown(path)
    with sqlite3.connect(path) as opened:
        try:
            leaves = [
                page
                for (page,) in opened.execute(
                    "select pageno from dbstat where name = 'trial_user_attributes'"
                    " and pagetype = 'leaf' order by path"
                )
            ]
        except sqlite3.OperationalError:
            pytest.skip("this SQLite does not tell where its pages lie")
    opened.close()
    _overwrite(path, leaves[len(leaves) // 2])
    found = rescue(f"sqlite:///{path}", f"{tmp_path}/b.log")
    assert (found.trials, found.lost) == (120, 0)
    assert "of the table trial_user_attributes" in str(found)
    trials = _named(f"{tmp_path}/b.log", "s").trials
    assert [trial.value for trial in trials] == [float(n) for n in range(120)]
    with_text = [trial.number for trial in trials if trial.user_attrs]
    assert 100 < len(with_text) < 120
    assert {0, 119} <= set(with_text)


TABLES = ["studies", "study_directions", "study_user_attributes", "trials", "trial_params"]
TABLES += ["trial_values", "trial_system_attributes"]


@pytest.mark.parametrize("table", TABLES)
def test_the_search_goes_on_whatever_table_is_lost(
    tmp_path: Path, searched: Searched, table: str
) -> None:
    (old, _), new = searched("a.db"), f"{tmp_path}/b.log"
    _overwrite(old, _page_of(old, table))
    found = rescue(f"sqlite:///{old}", new, "bonas")
    assert found.trials == 6
    assert table in str(found)
    assert sum(counts(trial) for trial in _search(new, 8)) == 8


def test_what_an_interrupted_write_left_beside_the_database_is_read(
    tmp_path: Path, searched: Searched
) -> None:
    """The write-ahead log holds what is not in the database file yet."""
    (old, before), new = searched("a.db"), f"{tmp_path}/b.log"
    writer = sqlite3.connect(old)
    writer.execute("pragma journal_mode = wal")
    writer.execute("update trial_values set value = 77 where trial_id = 1")
    writer.commit()
    assert old.with_name("a.db-wal").stat().st_size > 0
    rescue(f"sqlite:///{old}", new)
    assert old.with_name("a.db-wal").stat().st_size > 0
    writer.close()
    assert [t.value for t in _named(new).trials] == [77.0, *(t.value for t in before[1:])]


def test_a_database_that_lost_its_first_page_is_read(tmp_path: Path, searched: Searched) -> None:
    (old, before), new = searched("a.db"), f"{tmp_path}/b.log"
    _overwrite(old, 1)
    found = rescue(f"sqlite:///{old}", new)
    assert (found.trials, found.lost) == (6, 0)
    assert list(map(_essence, _named(new).trials)) == list(map(_essence, before))


def test_an_invalid_row_costs_nothing_else(tmp_path: Path, searched: Searched) -> None:
    (old, before), new = searched("a.db"), f"{tmp_path}/b.log"
    with sqlite3.connect(old) as opened:
        opened.execute("update trials set state = 'NONSENSE' where number = 2")
        opened.execute("update trial_user_attributes set value_json = '{' where trial_id = 2")
        opened.execute("update trial_params set param_value = 99 where trial_id = 5")
        opened.execute("delete from trials where number = 3")
    opened.close()
    found = rescue(f"sqlite:///{old}", new)
    assert [trial.value for trial in _named(new).trials] == [trial.value for trial in before]
    assert found.lost == 0
    assert "row 3 of the table trials" in str(found)
    assert "no value of 'layer1_width': 99.0" in str(found)


# Any damage


def _damage(data: bytearray, rng: random.Random, cuts: bool) -> None:
    """Overwrite some bytes at random places, or cut some out."""
    for _ in range(rng.choice([1, 3, 20])):
        place, count = rng.randrange(len(data)), rng.choice([1, 2, 5, 50, 500])
        match rng.randrange(3 if cuts else 2):
            case 0:
                data[place : place + count] = rng.randbytes(min(count, len(data) - place))
            case 1:
                data[place] = rng.choice(b'0123456789"{}[],:-eE.')  # may still be JSON
            case 2:
                del data[place : place + count]


@pytest.mark.parametrize("seed", range(24))
@pytest.mark.parametrize(("name", "url"), [("a.log", "{}"), ("a.db", "sqlite:///{}")])
def test_whatever_the_damage_a_rescue_succeeds_or_says_why_not(
    tmp_path: Path, searched: Searched, name: str, url: str, seed: int
) -> None:
    (old, before), new = searched(name), f"{tmp_path}/new.log"
    data = bytearray(old.read_bytes())
    _damage(data, random.Random(seed), cuts=name == "a.log")
    old.write_bytes(data)
    try:
        found = rescue(url.format(old), new)
    except (StorageUnavailable, StudyMismatch, InvalidArgument):
        return
    copied = [t for n in found.studies for t in _named(new, n).trials]
    assert len(copied) == found.trials <= len(before)
    whole = [trial.value for trial in copied if trial.state == TrialState.COMPLETE]
    assert len(whole) >= len(before) // 2 or found.unreadable


# What cannot be rescued


@pytest.mark.parametrize(("name", "url"), [("a.log", "{}"), ("a.db", "sqlite:///{}")])
def test_the_old_storage_is_left_as_it_is(
    tmp_path: Path, searched: Searched, name: str, url: str
) -> None:
    old, _ = searched(name)
    before = old.read_bytes()
    rescue(url.format(old), tmp_path / "new.log")
    assert old.read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == sorted([name, "new.log"])


def _diary(path: Path) -> None:
    path.write_bytes(b"my diary\n" * 100)


@pytest.mark.parametrize(
    ("old", "make", "error", "message"),
    [
        ("{}/a.log", None, StorageUnavailable, "cannot read .*No such file"),
        ("sqlite:///{}/a.db", None, StorageUnavailable, "cannot read .*No such file"),
        ("{}/a.log", _diary, StorageUnavailable, "nothing of a study can be read .*line 1"),
        ("sqlite:///{}/a.db", _diary, StorageUnavailable, "nothing of a study can be read"),
        ("{}/a.log", Path.touch, StorageUnavailable, "nothing of a study can be read"),
        ("postgresql://me:hush@h/d", None, InvalidArgument, "expected a journal such as"),
        ("{}/new.log", None, InvalidArgument, "into itself"),
    ],
)
def test_what_cannot_be_rescued_is_reported(
    tmp_path: Path,
    old: str,
    make: Callable[[Path], None] | None,
    error: type[Exception],
    message: str,
) -> None:
    old = old.format(tmp_path)
    if make is not None:
        make(Path(old.removeprefix("sqlite:///")))
    with pytest.raises(error, match=message) as caught:
        rescue(old, tmp_path / "new.log")
    assert "hush" not in str(caught.value)
    assert not (tmp_path / "new.log").exists()


def test_an_existing_study_is_not_overwritten(tmp_path: Path, searched: Searched) -> None:
    (old, _), new = searched("a.log"), f"{tmp_path}/b.log"
    shutil.copy(old, new)
    before = Path(new).read_bytes()
    with pytest.raises(StudyMismatch, match=r"holds the studies \['bonas'\] already"):
        rescue(old, new)
    assert Path(new).read_bytes() == before
    with pytest.raises(StudyMismatch, match=r"no study 'other' .*\['bonas'\]"):
        rescue(old, f"{tmp_path}/c.log", "other")


def test_the_command_prints_what_it_copied(
    tmp_path: Path, searched: Searched, capsys: pytest.CaptureFixture[str]
) -> None:
    old, _ = searched("a.log")
    lines = _lines(old)
    old.write_bytes(b"".join([*lines[:10], b"garbage\n", *lines[10:]]))
    assert main(["rescue", str(old), f"{tmp_path}/b.log"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("6 trials copied of 'bonas'; 0 lost; unreadable: line 11 (")
    assert main(["rescue", str(old), f"{tmp_path}/c.log", "--study", "none"]) == 2
