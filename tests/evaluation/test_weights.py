"""Facts about the files that weights are kept in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
import pytest
import torch
from candidates import OneNetwork
from torch import nn

from bonas.errors import InvalidArgument, InvalidData, MissingData
from bonas.evaluation import Candidate, keep_weights
from bonas.evaluation.weights import WEIGHTS, checked_folder, load_weights

SPACE = OneNetwork(lambda: nn.Linear(2, 3))


def running() -> Candidate:
    """Return a candidate of a running trial, which takes attributes."""
    trial = optuna.create_study().ask(dict(SPACE.distributions))
    return Candidate.of(SPACE, trial)


def test_what_is_kept_is_loaded_into_a_new_network(tmp_path: Path) -> None:
    one, network, other = running(), nn.Linear(2, 3), nn.Linear(2, 3)
    path = keep_weights(one, network, tmp_path / "deep" / "er")
    assert one.trial.user_attrs[WEIGHTS] == str(path)
    load_weights(one, other, None)
    assert torch.equal(other.weight, network.weight)


def test_a_file_is_a_plain_state_dict_on_the_cpu(tmp_path: Path) -> None:
    network = nn.Linear(2, 3, dtype=torch.bfloat16)
    state = torch.load(keep_weights(running(), network, tmp_path), weights_only=True)
    assert state.keys() == {"weight", "bias"}
    assert {(t.device.type, t.dtype) for t in state.values()} == {("cpu", torch.bfloat16)}


def test_what_is_kept_does_not_change_with_the_network(tmp_path: Path) -> None:
    one, network = running(), nn.Linear(2, 3)
    before = network.weight.detach().clone()
    keep_weights(one, network, tmp_path)
    with torch.no_grad():
        network.weight.add_(1)
    load_weights(one, network, None)
    assert torch.equal(network.weight, before)


def test_each_training_has_its_own_file(tmp_path: Path) -> None:
    one, network = running(), nn.Linear(2, 3)
    paths = {keep_weights(one, network, tmp_path) for _ in range(3)}
    assert len(paths) == 3
    assert {path.name.split("-")[1] for path in paths} == {str(one.number)}


def test_a_failed_write_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(state: object, file: Any) -> None:
        file.write(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(torch, "save", full)
    one = running()
    with pytest.raises(OSError, match="no space left"):
        keep_weights(one, nn.Linear(2, 3), tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert WEIGHTS not in one.trial.user_attrs


@pytest.mark.parametrize("folder", ["", 3, None, b"folder", ["folder"]])
def test_a_folder_is_a_path(folder: Any) -> None:
    with pytest.raises(InvalidArgument, match="keep_weights must be the path of a folder, got"):
        checked_folder(folder)


def test_a_folder_is_no_file_and_its_path_is_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert checked_folder("weights") == tmp_path / "weights"
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidArgument, match=r"got the file .*file"):
        checked_folder("file")


def test_weights_that_are_gone_or_never_were_are_named(tmp_path: Path) -> None:
    one = running()
    with pytest.raises(MissingData, match=r"weights that were kept of trial 0, got none; eval"):
        load_weights(one, nn.Linear(2, 3), None)
    keep_weights(one, nn.Linear(2, 3), tmp_path).unlink()
    with pytest.raises(MissingData, match=r"weights of trial 0 in .*; give the folder that holds"):
        load_weights(one, nn.Linear(2, 3), None)


def test_weights_of_another_shape_are_refused(tmp_path: Path) -> None:
    one = running()
    keep_weights(one, nn.Linear(2, 3), tmp_path)
    with pytest.raises(InvalidData, match="weights of the network that the space builds for trial"):
        load_weights(one, nn.Linear(3, 3), None)
