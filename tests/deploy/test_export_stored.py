"""The command line exports a trial of a stored study, or a finalist from its weights."""

from pathlib import Path

import numpy as np
import optuna
import pytest
import torch

import bonas
from bonas.cli import main
from bonas.deploy.retraining import retrain
from bonas.evaluation.export import export
from bonas.evaluation.export.tensors_file import read_tensors
from bonas.evaluation.weights import write_weights

MODULE = """
import numpy as np
import bonas
from bonas.evaluation import ParameterCount, ShortTraining

x = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
space = bonas.spaces.MLPSpace(inputs=4, classes=1, depths=(1,), widths=(8, 16))
training = ShortTraining((x, 50 + 9 * x[:, 0]), epochs=2, keep_weights={folder!r})
search = bonas.Search(space, evaluate=[ParameterCount(), training])
"""


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bonas.SearchResult:
    """Search for a moment, with a module that the command line can name."""
    monkeypatch.setattr(export, "verify", lambda folder, *, without_bonas: None)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    name = f"searches_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(MODULE.format(folder=str(tmp_path / "kept")))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    search = __import__(name).search
    return bonas.optimize(
        search.space,
        2,
        evaluate=search.evaluate,
        storage="study.log",
        progress=False,
        surrogate="random",
    )


def export_command(tmp_path: Path, *options: str) -> int:
    (module,) = tmp_path.glob("searches_*.py")
    command = ["export", f"{module.stem}:search", "--storage", "study.log", "--out", "out"]
    return main([*command, *options])


def test_a_trial_is_exported(study: bonas.SearchResult, tmp_path: Path) -> None:
    number = study.front[0].trial.number
    assert export_command(tmp_path, "--trial", str(number), "--no-onnx") == 0
    assert (tmp_path / "out" / "model.py").is_file()
    assert f"| trial | {number} |" in (tmp_path / "out" / "README.md").read_text()


def test_a_trial_that_does_not_exist_is_refused(
    study: bonas.SearchResult, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export_command(tmp_path, "--trial", "99") == 2
    assert "got 99, which the study does not have" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_finalist_has_the_scale_of_the_rows_that_trained_it(
    study: bonas.SearchResult, tmp_path: Path
) -> None:
    candidate = study.front[0]
    (module,) = tmp_path.glob("searches_*.py")
    training = __import__(module.stem).training
    made = retrain(candidate, training, epochs=2)
    path = tmp_path / f"trial-{candidate.trial.number}-all-0-ab.pt"
    write_weights(made.network, path)
    options = ["--trial", str(candidate.trial.number), "--weights", str(path), "--no-onnx"]
    assert export_command(tmp_path, *options) == 0
    stored = read_tensors(tmp_path / "out" / "example.safetensors")
    scale, short = made.training.splits.scale, training.splits.scale
    assert scale is not None
    assert not np.allclose(scale.mean, short.mean)
    with torch.no_grad():
        wanted = scale.restore(made.network(stored["input.0"]))
    torch.testing.assert_close(stored["output.0"].double(), wanted, rtol=1e-5, atol=1e-4)


def test_the_best_needs_one_objective(
    study: bonas.SearchResult, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(study.objectives) == 2
    assert export_command(tmp_path) == 2
    assert "objective" in capsys.readouterr().err
