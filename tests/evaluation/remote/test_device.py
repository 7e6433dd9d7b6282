"""Networks measured over ssh, on a real server of this machine."""

from __future__ import annotations

import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ports import free_port
from ssh_servers import SshServer

from bonas.errors import DeviceUnavailable, EvaluationFailed, InvalidArgument
from bonas.evaluation.remote import Measured, RemoteDevice
from bonas.evaluation.remote import device as module
from bonas.evaluation.remote.connection import ConnectionLost
from bonas.evaluation.remote.model import Model, packed, reference

QUICK = {"seconds": 0.02}


@pytest.fixture
def device(server: SshServer) -> Iterator[RemoteDevice]:
    device = server.device(patience=30.0)
    yield device
    device.close()


@pytest.fixture(autouse=True)
def _reconnect_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PAUSES", (0.01, 0.1))


def slow(layers: int = 32) -> Model:
    """Return a model of 2.4 billion multiply-adds per layer, in a file of 2 MB."""
    from onnx import TensorProto, helper, numpy_helper

    shape = [1, 256, 64, 64]
    weight = numpy_helper.from_array(np.full((256, 256, 3, 3), 1e-4, np.float32), "w")
    graph = helper.make_graph(
        [
            helper.make_node("Conv", [f"x{i}", "w"], [f"x{i + 1}"], pads=[1, 1, 1, 1])
            for i in range(layers)
        ],
        "slow",
        [helper.make_tensor_value_info("x0", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(f"x{layers}", TensorProto.FLOAT, shape)],
        [weight],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return Model(made.SerializeToString(), packed({"x0": np.ones(shape, np.float32)}))


def during(server: SshServer, act: Callable[[], object]) -> threading.Thread:
    """Call ``act`` as soon as a measurement runs on the server that does not run yet."""
    before = {program.pid for program in server.measuring()}

    def watch() -> None:
        end = time.monotonic() + 30.0
        while time.monotonic() < end:
            if {program.pid for program in server.measuring()} - before:
                act()
                return
            time.sleep(0.005)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    return thread


def python_that(server: SshServer, name: str, *lines: str) -> str:
    """Return a program, in a path with spaces, of some lines of shell."""
    path = server.folder / name
    path.write_text("\n".join(["#!/bin/sh", *lines]) + "\n")
    path.chmod(0o755)
    return str(path)


def test_networks_are_measured_together(device: RemoteDevice) -> None:
    one, other = device.measure([reference(), reference()], seconds=0.1)
    assert 0 < one.latency < 1000
    assert 0 < one.sd < one.latency
    assert one.reference == other.reference  # of the same rounds
    assert one.error == ""
    assert one.memory is None or one.memory >= 0
    assert (one.began, one.ended) == (other.began, other.ended)


def test_one_connection_serves_all_measurements(server: SshServer, device: RemoteDevice) -> None:
    device.measure([reference()], **QUICK)
    first = [program.pid for program in server.programs()]
    device.measure([reference()], **QUICK)
    assert [program.pid for program in server.programs()] == first
    assert len(first) == 1


def test_a_device_goes_to_another_process_with_its_identity(device: RemoteDevice) -> None:
    known = device.identity()
    copy = pickle.loads(pickle.dumps(device))
    assert copy == device
    assert copy._known == known


def test_a_model_that_cannot_be_loaded_fails_alone(device: RemoteDevice) -> None:
    broken = Model(b"no model", reference().inputs)
    bad, good = device.measure([broken, reference()], **QUICK)
    assert "Protobuf" in bad.error or "INVALID" in bad.error
    assert good.latency > 0


def test_a_missing_input_is_the_networks_error(device: RemoteDevice) -> None:
    (found,) = device.measure([Model(reference().file, packed({}))], **QUICK)
    assert "x0" in found.error


def test_a_crash_costs_one_network(server: SshServer, device: RemoteDevice) -> None:
    def crash() -> None:
        time.sleep(0.5)  # beyond the reference
        for program in server.measuring():
            program.send_signal(signal.SIGSEGV)

    watch = during(server, crash)
    (found,) = device.measure([slow()], seconds=5.0)
    watch.join()
    assert found.error == "a crash (signal 11)"
    assert device.measure([reference()], **QUICK)[0].latency > 0


def test_a_network_that_takes_too_long_fails_alone(server: SshServer) -> None:
    device = server.device(time_limit=1.0)
    (found,) = device.measure([slow()], seconds=5.0)
    assert found.error == "more than the 1 s of the time limit"
    assert device.measure([reference()], **QUICK)[0].latency > 0
    device.close()


def test_a_device_that_is_too_slow_for_the_reference_ends_the_search(server: SshServer) -> None:
    device = server.device(time_limit=1e-5)
    with pytest.raises(DeviceUnavailable, match="run the reference network, got more than"):
        device.measure([reference()], **QUICK)
    device.close()


MEASURE = """\
import pickle, sys
device, model = pickle.load(sys.stdin.buffer)
found = [device.measure([model], seconds=0.2)[0] for _ in range(3)]
device.close()
sys.stdout.buffer.write(pickle.dumps(found))
"""


def test_measurements_of_two_processes_never_overlap(server: SshServer) -> None:
    given = pickle.dumps((server.device(), reference()))
    command = [sys.executable, "-c", MEASURE]
    workers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(2)
    ]
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write(given)
        worker.stdin.close()
    found: list[Measured] = []
    for worker in workers:
        assert worker.stdout is not None
        found += pickle.loads(worker.stdout.read())
        assert worker.wait() == 0
        worker.stdout.close()
    found.sort(key=lambda one: one.began)
    assert len(found) == 6
    assert all(a.ended <= b.began for a, b in pairwise(found))


def test_a_queue_that_does_not_move_ends_the_search(server: SshServer) -> None:
    holder, waiting = server.device(), server.device(queue=0.1)
    waiting.identity()
    holding = during(server, lambda: None)
    long = threading.Thread(target=lambda: holder.measure([reference()], seconds=3.0))
    long.start()
    holding.join()
    with pytest.raises(DeviceUnavailable, match=r"others held .*lock for 0\.1 s; wait, or raise"):
        waiting.measure([reference()], **QUICK)
    long.join()
    holder.close()
    waiting.close()


def test_a_connection_that_breaks_is_made_again(
    server: SshServer, device: RemoteDevice, caplog: pytest.LogCaptureFixture
) -> None:
    device.measure([reference()], **QUICK)
    watch = during(server, server.hang_up)
    (found,) = device.measure([reference()], seconds=1.0)
    watch.join()
    assert found.latency > 0
    assert "it is tried again" in caplog.text


def test_a_measurement_ends_with_its_connection(server: SshServer, device: RemoteDevice) -> None:
    device.identity()
    connection = device._slot.connection
    assert connection is not None
    watch = during(server, connection._ssh.kill)
    parts = [part for _ in range(2) for part in (reference().file, reference().inputs)]
    request = {"threads": 1, "providers": ["CPUExecutionProvider"], "settings": "none"}
    limits = {"seconds": 60.0, "time_limit": 60.0, "queue": 60.0, "lock": device.lock}
    with pytest.raises(ConnectionLost):
        connection.ask({**request, **limits}, parts, 60.0)
    watch.join()
    end = time.monotonic() + 20.0
    while server.programs() and time.monotonic() < end:
        time.sleep(0.02)
    assert server.programs() == []


def test_a_network_that_breaks_each_connection_has_failed(
    server: SshServer, device: RemoteDevice
) -> None:
    broken = 0

    def break_thrice() -> None:
        nonlocal broken
        for _ in range(3):
            during(server, server.hang_up).join()
            broken += 1

    breaker = threading.Thread(target=break_thrice, daemon=True)
    breaker.start()
    with pytest.raises(EvaluationFailed, match="broke 3 times during one measurement"):
        device.measure([slow()], seconds=20.0)
    breaker.join()
    assert broken == 3


def test_a_device_that_is_away_is_waited_for(server: SshServer) -> None:
    device = server.device(patience=60.0)
    server.stop()
    later = threading.Timer(0.5, server.start)
    later.start()
    try:
        assert device.identity()["onnxruntime"]
    finally:
        later.join()
        device.close()


def test_a_device_that_stays_away_ends_the_search(server: SshServer) -> None:
    device = server.device(patience=0.2, port=free_port())
    with pytest.raises(DeviceUnavailable, match=r"was away for 0\.2 s: .*Connection refused"):
        device.identity()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"key": "stranger"}, r"Permission denied.*check the user and the key"),
        ({"python": "/no/python"}, r"give the path of Python 3\.8"),
        ({"options": {"UserKnownHostsFile": "/dev/null"}}, "accept the host's key once with: ssh"),
        ({"options": {"NoOption": "x"}}, "correct the options"),
        ({"options": {"ProxyJump": "no.such.host.invalid"}}, "correct the host's name"),
    ],
)
def test_waiting_does_not_mend(server: SshServer, given: dict[str, Any], message: str) -> None:
    if "key" in given:
        given = {"key": str(server.folder / given["key"])}
    began = time.monotonic()
    with pytest.raises(DeviceUnavailable, match=message):
        server.device(patience=300.0, **given).identity()
    assert time.monotonic() - began < 200.0


def test_a_python_without_onnxruntime_says_what_to_install(server: SshServer) -> None:
    bare = python_that(server, "bare python", f'exec "{sys.executable}" -S "$@"')
    with pytest.raises(DeviceUnavailable, match=r"No module named 'numpy'.*install them there"):
        server.device(python=bare).identity()


def test_what_a_login_prints_is_skipped(server: SshServer) -> None:
    lines = "echo Welcome to this board", f'exec "{sys.executable}" "$@"'
    device = server.device(python=python_that(server, "loud python", *lines))
    assert device.measure([reference()], **QUICK)[0].latency > 0
    device.close()


def test_another_device_under_the_same_name_is_refused(server: SshServer) -> None:
    folder = server.folder / "another"
    folder.mkdir()
    own = f'PYTHONPATH="{folder}" exec "{sys.executable}" "$@"'
    device = server.device(python=python_that(server, "own python", own))
    device.measure([reference()], **QUICK)
    patch = "import platform\nplatform.machine = lambda: 'armv6l'\n"
    (folder / "sitecustomize.py").write_text(patch)
    device.measure([reference()], **QUICK)  # the connection is still that of the first
    device.close()
    with pytest.raises(DeviceUnavailable, match="architecture 'armv6l' instead of"):
        device.measure([reference()], **QUICK)
    device.close()


def test_names_are_no_commands(server: SshServer, tmp_path: Path) -> None:
    made = tmp_path / "made"
    device = server.device(python=f"x; touch {made}; echo $(touch {made}) `touch {made}` '")
    with pytest.raises(DeviceUnavailable, match="give the path of Python"):
        device.identity()
    assert not made.exists()


def test_a_network_leaves_no_file_on_the_device(server: SshServer, device: RemoteDevice) -> None:
    def files() -> set[Path]:
        return {path for path in server.folder.rglob("*") if path.is_file()}

    device.measure([reference()], **QUICK)
    before = files()
    assert len(list(server.folder.glob("home/cache/bonas/reference-*.json"))) == 1
    device.measure([slow(layers=2)], seconds=0.01)
    assert files() == before


INVALID: list[tuple[dict[str, Any], str]] = [
    ({"host": ""}, "expected the host"),
    ({"host": "-oProxyCommand=touch"}, "not starting with a dash"),
    ({"host": "pi local"}, "without white space"),
    ({"host": "pi;reboot"}, "signs of the shell"),
    ({"host": "pi\n"}, "expected the host"),
    ({"host": None}, "got None"),
    ({"user": "a b"}, "expected the user"),
    ({"port": 0}, "port must be a whole number"),
    ({"key": "-key"}, "does not start with a dash"),
    ({"key": 3}, "expected key as a path"),
    ({"python": ""}, "expected python as a path"),
    ({"python": None}, "expected python as a path"),
    ({"time_limit": 0}, "time_limit must be a positive number"),
    ({"queue": -1}, "queue must be a positive number"),
    ({"patience": float("nan")}, "patience must be a positive number"),
    ({"options": {"Proxy Command": "x"}}, "expected the options of ssh"),
    ({"options": {"ProxyJump": "a\nb"}}, "expected the options of ssh"),
    ({"options": "ProxyJump=a"}, "expected the options of ssh"),
    ({"providers": ()}, "expected the providers"),
    ({"providers": "CPUExecutionProvider"}, "expected the providers"),
]


@pytest.mark.parametrize(("given", "message"), INVALID)
def test_arguments_are_checked(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        RemoteDevice(**{"host": "pi.local", **given})
