"""Latency on a remote device, as an evaluator and in a search."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_searches import SPACE
from ssh_servers import SshServer

import bonas
from bonas.errors import DeviceUnavailable, EvaluationFailed, InvalidArgument, StudyMismatch
from bonas.evaluation import Candidate, Objective
from bonas.evaluation.remote import DEVICE_MEMORY, Measured, RemoteDevice, RemoteLatency
from bonas.evaluation.remote import latency as module

CELL = Candidate.without_trial(SPACE, SPACE.sample(np.random.default_rng(1)))


@pytest.fixture
def device(server: SshServer) -> Iterator[RemoteDevice]:
    device = server.device(patience=0.2)
    yield device
    device.close()


@pytest.fixture(autouse=True)
def _again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PAUSE", 0.0)


class Answers(RemoteDevice):
    """A device that gives the drifts 1, 1, ... that it was told, without a machine."""

    def __init__(self, *drifts: float, **more: Any) -> None:
        super().__init__("pi")
        self.__dict__.update(drifts=list(drifts), more=more)

    def measure(self, models: Any, **settings: Any) -> list[Measured]:
        drift = self.__dict__["drifts"].pop(0)
        values = {"sd": 0.1, "iqr": 0.2, "reference": 1.0, "memory": 5}
        return [Measured(**{"latency": 6.0, **values, **self.__dict__["more"]}, drift=drift)]


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_a_network_is_measured_on_the_device(device: RemoteDevice, precision: str) -> None:
    evaluate = RemoteLatency(device, (3, 8, 8), precision=precision, seconds=0.05)
    values = evaluate(CELL)
    assert values["latency"] > 0
    assert values["latency_sd"] > 0
    assert {"latency_iqr", "latency_reference", "latency_drift"} < values.keys()


def test_the_device_is_part_of_the_description(device: RemoteDevice) -> None:
    described = RemoteLatency(device, memory=True).describe()
    assert described["latency"]["device"] == device.identity()
    assert described["latency"] == described["device_memory"]
    assert json.loads(json.dumps(described)) == described


def test_memory_is_an_objective_if_asked_for() -> None:
    device = RemoteDevice("pi")
    assert [o.name for o in RemoteLatency(device).objectives] == ["latency"]
    assert RemoteLatency(device, memory=True).objectives[1] == DEVICE_MEMORY
    with pytest.raises(EvaluationFailed, match="does not tell it"):
        RemoteLatency(Answers(0.0, memory=None), memory=True)(CELL)


def test_a_drift_is_measured_again() -> None:
    values = RemoteLatency(Answers(0.5, 0.5, 0.05))(CELL)
    assert (values["latency"], values["latency_drift"]) == (6.0, 0.05)
    assert "latency_uncorrected" not in values


def test_a_drift_that_stays_is_divided_out_and_kept(caplog: pytest.LogCaptureFixture) -> None:
    module._log_drift.cache_clear()
    values = RemoteLatency(Answers(0.5, 0.5, 0.5))(CELL)
    assert values["latency"] == pytest.approx(4.0)
    assert (values["latency_uncorrected"], values["latency_drift"]) == (6.0, 0.5)
    assert "clock or load has changed" in caplog.text


def test_a_network_that_fails_there_fails_its_trial() -> None:
    with pytest.raises(EvaluationFailed, match=r"runs on the device pi, got a crash \(signal 11\)"):
        RemoteLatency(Answers(0.0, error="a crash (signal 11)"))(CELL)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"device": "pi.local"}, "give RemoteDevice"),
        ({"threads": 0}, "threads must be"),
        ({"seconds": 0}, "seconds must be"),
        ({"batch_size": 0}, "batch_size must be"),
        ({"precision": "int4"}, "expected a precision out of"),
        ({"input_shape": (0,)}, "expected an input shape"),
    ],
)
def test_arguments_are_checked(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        RemoteLatency(**{"device": RemoteDevice("pi"), **given})


class Accuracy:
    """An accuracy that costs nothing, and stops the server after a number of calls."""

    objectives = (Objective("accuracy", "maximize", "%"),)

    def __init__(self, server: SshServer | None = None, after: int = 0) -> None:
        self.server, self.after = server, after

    def __call__(self, candidate: Candidate) -> dict[str, float]:
        self.after -= 1
        if self.server is not None and self.after == 0:
            self.server.stop()
        return {"accuracy": float(sum(map(len, map(str, candidate.choices.values()))))}


def test_a_device_that_goes_away_ends_a_search_that_can_be_resumed(
    server: SshServer, device: RemoteDevice, tmp_path: Path
) -> None:
    storage = str(tmp_path / "search.log")
    same: dict[str, Any] = {"storage": storage, "budget": 4, "seed": 1, "progress": False}
    latency = RemoteLatency(device, (3, 8, 8), seconds=0.02)
    with pytest.raises(DeviceUnavailable, match="search goes on where it ended") as raised:
        bonas.optimize(SPACE, evaluate=[Accuracy(server, after=2), latency], **same)
    states = [trial.state.name for trial in raised.value.study.get_trials()]
    assert states.count("COMPLETE") == 2
    server.start()
    result = bonas.optimize(SPACE, evaluate=[Accuracy(), latency], **same)
    assert len(result.candidates) == 4
    assert not any("failure" in key for trial in result.study.trials for key in trial.user_attrs)


def test_a_study_is_not_resumed_on_another_device(
    server: SshServer, device: RemoteDevice, tmp_path: Path
) -> None:
    same: dict[str, Any] = {"storage": str(tmp_path / "a.log"), "seed": 1, "progress": False}
    bonas.optimize(
        SPACE,
        evaluate=[Accuracy(), RemoteLatency(device, (3, 8, 8), seconds=0.02)],
        budget=1,
        **same,
    )
    other = server.device()
    other._known.update({**device.identity(), "cpu": "another"})
    with pytest.raises(StudyMismatch, match="another"):
        bonas.optimize(
            SPACE, evaluate=[Accuracy(), RemoteLatency(other, (3, 8, 8))], budget=2, **same
        )


@pytest.mark.slow
def test_two_workers_share_a_device(server: SshServer, device: RemoteDevice) -> None:
    result = bonas.optimize(
        SPACE,
        evaluate=[Accuracy(), RemoteLatency(device, (3, 8, 8), seconds=0.05)],
        budget=4,
        n_jobs=2,
        seed=1,
        progress=False,
    )
    assert len(result.candidates) == 4
    assert all(candidate.values["latency"] > 0 for candidate in result.candidates)
