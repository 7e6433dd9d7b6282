"""Facts about Optuna's dashboard of bonas's and other studies, asked for without a socket."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import httpx
import optuna
import pytest
from lineages import Widths, searched
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState, create_trial
from watched import HOSTILE, address_of, stored

import bonas
from bonas.errors import InvalidArgument, StudyMismatch
from bonas.live import dashboard
from bonas.live.chosen import chosen
from bonas.live.opening import open_to_look
from bonas.live.shown import Shown
from bonas.live.spaces import KnownSpaces
from bonas.live.wsgi import make_application
from bonas.optuna_internals import id_of_trial
from bonas.spaces import NASBench201, Space

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
STORED = Path(__file__).parents[1] / "studies" / "stored"


def client_of(
    storage: Any, *names: str, space: Space | None = None, artifacts: Path | None = None
) -> httpx.Client:
    """Return a browser of the dashboard."""
    opened = open_to_look(storage)
    application = make_application(
        opened,
        lambda name: name in chosen(opened, names),
        KnownSpaces(space),
        host="127.0.0.1",
        artifacts=artifacts,
    )
    transport = httpx.WSGITransport(app=application)
    return httpx.Client(transport=transport, base_url="http://127.0.0.1:8080")


def detail_of(client: httpx.Client, number: int = 1) -> dict[str, Any]:
    """Return what the dashboard reads of a study."""
    answer = client.get(f"/api/studies/{number}")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


@pytest.fixture
def old(tmp_path: Path) -> str:
    """Return the studies of an earlier version, which kept JSON in user attributes."""
    path = tmp_path / "old.db"
    path.write_bytes(gzip.decompress((STORED / "nas_bench_201.db.gz").read_bytes()))
    return f"sqlite:///{path}"


def test_a_study_of_an_earlier_version_reads_well(old: str) -> None:
    client = client_of(old)
    names = [s["study_name"] for s in client.get("/api/studies").json()["study_summaries"]]
    detail = detail_of(client, 1 + names.index("early"))
    for attribute in detail["user_attrs"] + [a for t in detail["trials"] for a in t["user_attrs"]]:
        assert len(attribute["value"]) <= 200
        assert not attribute["value"].startswith(("{", "["))
    assert "bonas:description" not in {a["key"] for a in detail["user_attrs"]}
    (figure,) = (json.loads(each["graph_object"]) for each in detail["plotly_graph_objects"])
    assert figure["layout"]["xaxis"]["title"]["text"] == "latency [ms]"
    assert figure["layout"]["yaxis"]["title"]["text"] == "accuracy [%]"
    front = next(trace for trace in figure["data"] if trace["name"].startswith("front"))
    best = {(t["values"][1], t["values"][0]) for t in detail["best_trials"]}
    assert {(round(x, 4), round(y, 4)) for x, y in zip(front["x"], front["y"], strict=True)} == {
        (round(x, 4), round(y, 4)) for x, y in best
    }
    assert front["line"]["shape"] == "hv"
    assert "NASBench201" in detail["note"]["body"]


def test_each_trial_has_named_values_and_a_drawing(old: str) -> None:
    client = client_of(old, "early")
    number = client.get("/api/studies").json()["study_summaries"][0]["study_id"]
    detail = detail_of(client, number)
    trial = next(t for t in detail["trials"] if t["state"] == "Complete")
    (artifact,) = trial["artifacts"]
    assert artifact["mimetype"] == "image/svg+xml"
    path = f"/artifacts/{number}/{trial['trial_id']}/{artifact['artifact_id']}"
    assert f"]({path})" in trial["note"]["body"]
    assert "| accuracy |" in trial["note"]["body"]
    drawing = client.get(path)
    assert drawing.headers["content-type"].startswith("image/svg+xml")
    assert drawing.text.lstrip().startswith("<svg")
    assert client.get(f"/artifacts/{number}/{trial['trial_id']}/0-0").status_code == 404


def test_nothing_is_written_by_looking(old: str, tmp_path: Path) -> None:
    before = (tmp_path / "old.db").read_bytes()
    client = client_of(old)
    for study in client.get("/api/studies").json()["study_summaries"]:
        detail_of(client, study["study_id"])
    assert (tmp_path / "old.db").read_bytes() == before


def test_a_note_of_a_person_is_kept_and_shown_instead(old: str) -> None:
    client = client_of(old)
    detail = detail_of(client)
    next_version = detail["note"]["version"] + 1
    body = {"version": next_version, "body": "mine"}
    assert client.put("/api/studies/1/note", json=body).status_code == 204
    assert detail_of(client_of(old))["note"]["body"] == "mine"
    assert len(detail_of(client_of(old))["plotly_graph_objects"]) == 1


@pytest.mark.parametrize("kind", ["sqlite", "journal"])
@pytest.mark.parametrize("m", [1, 2, 5])
def test_a_study_of_another_program_shows_its_front(m: int, kind: str, tmp_path: Path) -> None:
    storage = address_of(kind, tmp_path)
    stored(storage, "first", [])
    study = optuna.create_study(
        storage=open_to_look(storage), study_name=HOSTILE, directions=["minimize"] * m
    )
    options = {"x<b>": FloatDistribution(0.0, 1.0)}
    for i in range(4):
        values = [float(i)] + [float(-i)] * (m - 1)
        study.add_trial(create_trial(values=values, params={"x<b>": i / 4}, distributions=options))
    study.add_trial(
        create_trial(state=TrialState.FAIL, params={"x<b>": 0.5}, distributions=options)
    )
    study.set_user_attr("mine", "x" * 5_000)
    client = client_of(storage)
    number = client.get("/api/studies").json()["study_summaries"][-1]["study_id"]
    detail = detail_of(client, number)
    assert len(detail["plotly_graph_objects"]) == 1
    assert "<script" not in detail["plotly_graph_objects"][0]["graph_object"]
    assert detail["note"]["body"] == ""
    assert all(len(attribute["value"]) <= 200 for attribute in detail["user_attrs"])


def test_an_empty_study_is_shown(tmp_path: Path) -> None:
    stored(storage := address_of("sqlite", tmp_path), "empty", [])
    assert detail_of(client_of(storage))["trials"] == []


def test_only_named_studies_are_shown(tmp_path: Path) -> None:
    for name in ("one", "two"):
        stored(storage := address_of("sqlite", tmp_path), name)
    client = client_of(storage, "two")
    names = [s["study_name"] for s in client.get("/api/studies").json()["study_summaries"]]
    assert names == ["two"]
    with pytest.raises(StudyMismatch, match="no study 'three'"):
        dashboard(storage, ["three"])


def test_the_networks_of_a_given_space_are_drawn(tmp_path: Path) -> None:
    storage = address_of("journal", tmp_path)
    searched(Widths(), 3, storage)
    number = client_of(storage).get("/api/studies").json()["study_summaries"][0]["study_id"]
    assert detail_of(client_of(storage), number)["trials"][0]["artifacts"] == []
    client = client_of(storage, space=Widths())
    assert len(detail_of(client, number)["trials"][0]["artifacts"]) == 1


def test_a_foreign_name_is_refused(tmp_path: Path) -> None:
    stored(storage := address_of("sqlite", tmp_path), "one")
    client = client_of(storage)
    assert client.get("/api/studies", headers={"Host": "evil.example"}).status_code == 421
    assert client.get("/dashboard", headers={"Host": "localhost:8080"}).status_code == 200


def test_a_new_trial_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bonas.live.overlay._PAUSE", 0.0)
    storage = address_of("sqlite", tmp_path)
    space = NASBench201(channels=8, cells=1)

    def run(budget: int) -> None:
        bonas.optimize(
            space,
            budget,
            evaluate=lambda candidate: {"accuracy": float(candidate.number)},
            objectives={"accuracy": "maximize"},
            storage=storage,
            surrogate="random",
            progress=False,
        )

    run(2)
    client = client_of(storage)
    assert "| 1 | 1 |" in detail_of(client)["note"]["body"]
    run(3)
    assert "| 2 | 2 |" in detail_of(client)["note"]["body"]


def test_a_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    stored(storage := address_of("sqlite", tmp_path), "one")
    with pytest.raises(InvalidArgument, match="expected the folder with the artifacts"):
        dashboard(storage, artifacts=tmp_path / "missing")


def test_what_the_dashboard_looks_through_for_each_trial_is_little(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bonas.live.shown._LOOKS", 600)
    values = [(float(i), float(i)) for i in range(3)] + [(0.0, 9.0)] * 197  # a front of three
    study = stored(address_of("journal", tmp_path), "one", values)
    shown = Shown.of(study, None).attributes
    notes = [name for name in shown if name.endswith(":note_ver")]
    assert len(notes) == 600 // 200
    assert all(f"dashboard:{id_of_trial(study.trials[i])}:note_ver" in shown for i in range(3))
    (figure,) = (json.loads(x) for name, x in shown.items() if "plot_data" in name)
    assert [len(trace["x"]) for trace in figure["data"]] == [197, 3]
