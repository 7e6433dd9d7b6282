"""The program that runs on a device, without a device."""

from __future__ import annotations

import ast
import os
from pathlib import Path

import numpy as np
import pytest

from bonas.evaluation.remote import on_device

VALUES = [3.0, 1.0, 4.0, 1.5, 9.0, 2.6]


@pytest.mark.parametrize("share", [0, 10, 25, 50, 100])
def test_percentiles_are_numpys(share: float) -> None:
    assert on_device.percentile(VALUES, share) == pytest.approx(np.percentile(VALUES, share))


def test_deviation_is_that_of_a_sample() -> None:
    assert on_device.deviation(VALUES) == pytest.approx(np.std(VALUES, ddof=1))


def test_it_is_python_3_8_and_needs_numpy_and_onnxruntime_alone() -> None:
    source = Path(on_device.__file__).read_text()
    tree = ast.parse(source, feature_version=(3, 8))
    names = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    names |= {
        node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module is not None
    }
    standard = {"contextlib", "errno", "fcntl", "hashlib", "io", "json", "math", "os", "platform"}
    standard |= {"random", "select", "signal", "sys", "tempfile", "time", "typing", "__future__"}
    assert names - standard == {"numpy", "onnxruntime", "collections.abc"}  # the last for types


def test_a_short_run_is_timed_in_blocks_and_a_long_one_alone() -> None:
    assert on_device.block(lambda: None) >= 100
    import time

    assert on_device.block(lambda: time.sleep(0.06)) == 0


def test_two_cannot_hold_the_lock(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    one, other = on_device.opened_lock(path), on_device.opened_lock(path)
    assert on_device.locked(one)
    assert not on_device.locked(other)
    os.close(one)
    assert on_device.locked(other)
    os.close(other)


def test_a_link_is_no_lock(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic"):
        on_device.opened_lock(str(tmp_path / "lock"))


def test_the_first_latency_of_the_reference_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert on_device.remembered_baseline({"settings": "a"}, 2.0) == 2.0
    assert on_device.remembered_baseline({"settings": "a"}, 3.0) == 2.0
    assert on_device.remembered_baseline({"settings": "b"}, 3.0) == 3.0


@pytest.mark.parametrize("text", ["", "{", "[]", '{"ms": -1}', '{"ms": "x"}', '{"ms": NaN}'])
def test_a_damaged_baseline_is_measured_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path = Path(on_device.baseline_path({"settings": "a"}))
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert on_device.remembered_baseline({"settings": "a"}, 2.0) == 2.0
    assert on_device.remembered_baseline({"settings": "a"}, 3.0) == 2.0
