"""Facts about the pages of ``bonas watch``, asked for without a socket."""

from __future__ import annotations

import re
import sqlite3
import threading
from pathlib import Path
from urllib.parse import quote

import optuna
import pytest
from watched import EVERY, HOSTILE, add, address_of, client_of, stored

from bonas.errors import InvalidArgument, StorageUnavailable, StudyMismatch
from bonas.live import watch

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
KINDS = ["sqlite", "journal"]


@pytest.mark.parametrize("kind", KINDS)
def test_all_studies_are_side_by_side(kind: str, tmp_path: Path) -> None:
    storage = address_of(kind, tmp_path)
    stored(storage, "one")
    stored(storage, "two", [])
    client, _ = client_of(storage)
    page = client.get("/")
    assert page.status_code == 200
    assert page.text.count('<article class="card">') == 2
    assert "/report?study=one" in page.text
    assert re.search(r"best accuracy</dt><dd>90\s%</dd>", page.text)
    assert "Nothing is measured yet." in page.text


def test_a_report_refreshes_itself_and_can_ask_its_server_only(tmp_path: Path) -> None:
    stored(storage := address_of("sqlite", tmp_path), "one")
    client, watcher = client_of(storage)
    watcher.state("one")
    watcher.look()
    page = client.get("/report?study=one")
    assert page.status_code == 200
    version = client.get("/state?study=one").json()["version"]
    assert version
    assert f'const VERSION = "{version}";' in page.text
    assert "connect-src &#x27;self&#x27;" in page.text or "connect-src 'self'" in page.text
    assert '<a href="/">All studies</a>' in page.text
    assert page.headers["content-security-policy"] == "frame-ancestors 'none'"
    assert page.headers["x-content-type-options"] == "nosniff"


def test_what_a_browser_has_is_not_sent_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bonas.live.watcher._SHARE", 1.0)  # no pause after a page
    study = stored(storage := address_of("sqlite", tmp_path), "one")
    client, watcher = client_of(storage)
    watcher.state("one")
    watcher.look()
    for path in ("/", "/report?study=one"):
        tag = client.get(path).headers["etag"]
        assert client.get(path, headers={"If-None-Match": tag}).status_code == 304
        assert client.get(path, headers={"If-None-Match": f'"x", {tag}'}).status_code == 304
        assert client.get(path, headers={"If-None-Match": '"x"'}).status_code == 200
        add(study, [95.0, 3.0])
        watcher.look()
        assert client.get(path, headers={"If-None-Match": tag}).status_code == 200


def test_a_study_with_a_hostile_name_is_shown_and_runs_nothing(tmp_path: Path) -> None:
    stored(storage := address_of("journal", tmp_path), HOSTILE)
    for odd in ("../..", "a/b?c#d", "ä %2e", " "):
        stored(storage, odd)
    client, watcher = client_of(storage)
    index = client.get("/").text
    assert "<script>alert" not in index
    links = re.findall(r'href="(/report[^"]*)"', index)
    assert len(links) == 5
    for name in (HOSTILE, "../..", "a/b?c#d", "ä %2e", " "):
        path = f"/report?study={quote(name, safe='')}"
        assert path in links
        watcher.state(name)
        watcher.look()
        page = client.get(path)
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert page.text.count("</script>") == page.text.count("<script")


def test_a_study_that_does_not_exist_is_answered_with_those_that_do(tmp_path: Path) -> None:
    stored(storage := address_of("sqlite", tmp_path), "one")
    client, _ = client_of(storage)
    page = client.get("/report", params={"study": HOSTILE})
    assert page.status_code == 404
    assert 'href="/report?study=one"' in page.text
    assert "<script>alert" not in page.text
    assert client.get("/report").status_code == 404
    assert client.get("/else").status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", ["/", "/report?study=one", "/state"])
def test_nothing_can_be_written(method: str, path: str, tmp_path: Path) -> None:
    stored(storage := address_of("sqlite", tmp_path), "one")
    client, _ = client_of(storage)
    assert client.request(method, path, content="x").status_code == 405


@pytest.mark.parametrize(
    ("bound", "host", "is_answered"),
    [
        ("127.0.0.1", "127.0.0.1:8000", True),
        ("127.0.0.1", "localhost:8000", True),
        ("127.0.0.1", "[::1]:8000", True),
        ("127.0.0.1", "evil.example", False),
        ("127.0.0.1", "evil.example:8000", False),
        ("127.0.0.1", "127.0.0.1.evil.example", False),
        ("127.0.0.1", "localhost@evil.example", False),
        ("127.0.0.1", "evil.example#127.0.0.1", False),
        ("127.0.0.1", "", False),
        ("0.0.0.0", "10.1.2.3:8000", True),
        ("0.0.0.0", "evil.example:8000", False),
        ("build.example", "build.example:8000", True),
    ],
)
def test_a_name_that_an_attacker_could_own_is_refused(
    bound: str, host: str, is_answered: bool, tmp_path: Path
) -> None:
    stored(storage := address_of("sqlite", tmp_path), "one")
    client, _ = client_of(storage, host=bound)
    found = client.get("/", headers={"Host": host})
    assert found.status_code == (200 if is_answered else 421)
    assert ("one" in found.text) == is_answered


def test_a_locked_storage_shows_what_was_seen_last(tmp_path: Path) -> None:
    study = stored(storage := address_of("sqlite", tmp_path), "one")
    client, watcher = client_of(storage)
    before = client.get("/").text
    add(study, [95.0, 3.0])
    (tmp_path / "a.db").rename(tmp_path / "away.db")
    watcher.look()
    state = client.get("/state").json()
    assert state["late"]
    assert state["trouble"]
    assert re.fullmatch(r"\d\d:\d\d:\d\d", state["seen"])
    assert client.get("/").text == before
    (tmp_path / "away.db").rename(tmp_path / "a.db")
    watcher.look()
    assert not client.get("/state").json()["trouble"]
    assert "95" in client.get("/").text


def test_what_was_read_long_ago_is_said_to_be_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(storage := address_of("sqlite", tmp_path), "one")
    client, watcher = client_of(storage)
    read = watcher.state().read_at
    assert read is not None
    for seconds, is_late in ((3 * EVERY, False), (3 * EVERY + 2.0, True)):
        monkeypatch.setattr("bonas.live.app.time.time", lambda now=read + seconds: now)
        assert client.get("/state").json()["late"] == is_late


def test_a_page_is_answered_while_a_writer_holds_the_lock(tmp_path: Path) -> None:
    stored(storage := address_of("sqlite", tmp_path), "one")
    client, watcher = client_of(storage)
    with sqlite3.connect(tmp_path / "a.db", isolation_level=None) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        reading = threading.Thread(target=watcher.look)
        reading.start()
        assert "one" in client.get("/").text
        assert reading.is_alive()  # it waits for the lock, and no page waits for it
        writer.execute("ROLLBACK")
    reading.join()
    assert not client.get("/state").json()["trouble"]
    writer.close()


@pytest.mark.parametrize("kind", KINDS)
def test_no_byte_of_a_storage_is_written(kind: str, tmp_path: Path) -> None:
    stored(storage := address_of(kind, tmp_path), "one")
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    client, watcher = client_of(storage)
    watcher.state("one")
    watcher.look()
    assert client.get("/report?study=one").status_code == 200
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_a_database_of_something_else_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "a.db"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE mine (x)")
    connection.close()
    before = file.read_bytes()
    with pytest.raises(StorageUnavailable, match="expected a database with studies of Optuna"):
        watch(f"sqlite:///{file}")
    assert file.read_bytes() == before
    with pytest.raises(StorageUnavailable, match="there is no file"):
        watch(f"sqlite:///{tmp_path / 'b.db'}")
    assert [each.name for each in tmp_path.iterdir()] == ["a.db"]


def test_only_the_named_studies_are_shown(tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        stored(storage := address_of("sqlite", tmp_path), name)
    client, _ = client_of(storage, "one", "three", "later")
    page = client.get("/").text
    assert [f"study={name}" in page for name in ("one", "two", "three")] == [True, False, True]
    with pytest.raises(StudyMismatch, match=r"no study 'four' .* there are \['one'"):
        watch(storage, ["four"])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"port": 70_000}, "port from 0 to 65535"),
        ({"port": "8000"}, "port from 0 to 65535"),
        ({"host": ""}, "expected a host"),
        ({"host": "no.such.host.invalid", "port": 0}, "cannot listen on"),
        ({"every": 0.0}, "every"),
        ({"every": float("nan")}, "every"),
    ],
)
def test_what_cannot_be_served_is_refused(
    given: dict[str, object], message: str, tmp_path: Path
) -> None:
    stored(storage := address_of("journal", tmp_path), "one")
    with pytest.raises(InvalidArgument, match=message):
        watch(storage, **given)  # type: ignore[arg-type]  # what a user may give


def test_a_deleted_study_disappears(tmp_path: Path) -> None:
    for name in ("one", "two"):
        stored(storage := address_of("sqlite", tmp_path), name)
    client, watcher = client_of(storage)
    optuna.delete_study(study_name="one", storage=storage)
    watcher.look()
    page = client.get("/").text
    assert "study=one" not in page
    assert "study=two" in page
