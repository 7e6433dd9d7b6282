"""An exported folder: complete or not there, loads without bonas, computes the same."""

import json
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from hard_networks import UNWRITABLE, WRITABLE
from torch import Tensor, nn

from bonas.errors import BonasError, InvalidArgument, InvalidData, MissingData, MissingPackage
from bonas.evaluation import Candidate, ShortTraining
from bonas.evaluation.data.splits import TargetScale
from bonas.evaluation.export import BrokenExport, Builder, Facts, Value, export, export_network
from bonas.evaluation.export.export import Export
from bonas.evaluation.export.tensors_file import read_tensors
from bonas.evaluation.runtimes.export_failed import ExportFailed
from bonas.spaces import MLPSpace, NASBench201

X = torch.linspace(-1, 1, 12).view(3, 4)
FILES = {"README.md", "choices.json", "example.safetensors", "model.py", "weights.safetensors"}


def small() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3))


@pytest.fixture
def unverified(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the new process, which takes seconds, where a test is about something else."""
    monkeypatch.setattr(export, "verify", lambda folder, *, without_bonas: None)


def without_bonas(tmp_path: Path) -> Path:
    """Make an environment that has all packages but bonas; return its Python."""
    packages, home = tmp_path / "packages", tmp_path / "venv"
    packages.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if "bonas" not in entry.name.lower() and entry.suffix != ".pth":
            (packages / entry.name).symlink_to(entry)
    venv.create(home, with_pip=False)
    (site,) = home.glob("lib/python*/site-packages")
    (site / "packages.pth").write_text(str(packages))
    return home / "bin" / "python"


def test_a_folder_loads_in_an_environment_without_bonas(tmp_path: Path) -> None:
    space = NASBench201(channels=4, cells=1)
    network = space.build(space.sample(np.random.default_rng(0)))
    made = export_network(tmp_path / "out", network, torch.rand(2, 3, 16, 16), onnx=False)
    python = without_bonas(tmp_path)
    absent = subprocess.run([python, "-I", "-c", "import bonas"], capture_output=True, check=False)
    assert b"ModuleNotFoundError" in absent.stderr
    done = subprocess.run(
        [python, "-I", "-W", "ignore", made.folder / "model.py"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("largest difference")


def test_a_folder_checks_itself(tmp_path: Path) -> None:
    made = export_network(tmp_path / "out", small(), X, onnx=False)
    weights = read_tensors(made.folder / "weights.safetensors")
    from safetensors.torch import save_file

    save_file({**weights, "0.bias": weights["0.bias"] + 1}, made.folder / "weights.safetensors")
    done = subprocess.run([sys.executable, made.folder / "model.py"], check=False)
    assert done.returncode == 1


@pytest.mark.usefixtures("unverified")
def test_all_files_agree_with_the_network(tmp_path: Path) -> None:
    network = small()
    made = export_network(tmp_path / "out", network, X, calibration=[X])
    names = {path.name for path in made.folder.iterdir()}
    assert names == {*FILES, "model.onnx", "model.int8.onnx"}
    assert made.difference < 1e-6
    assert made.onnx is not None
    assert made.onnx < 1e-5
    assert made.int8 is not None
    assert 0 < made.int8 < 0.2
    session = onnxruntime.InferenceSession(made.folder / "model.onnx")
    rows = torch.rand(5, 4)
    (found,) = session.run(None, {session.get_inputs()[0].name: rows.numpy()})
    torch.testing.assert_close(torch.from_numpy(found), network(rows).detach())
    stored = read_tensors(made.folder / "example.safetensors")
    torch.testing.assert_close(network(stored["input.0"]), stored["output.0"])
    assert network.training


@pytest.mark.usefixtures("unverified")
def test_two_exports_have_the_same_bytes(tmp_path: Path) -> None:
    folders = [export_network(tmp_path / n, small(), X, calibration=[X]).folder for n in "ab"]
    for name in FILES:
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes(), name


@pytest.mark.parametrize("name", ["shared modules", "nested arguments", "bfloat16", "double"])
@pytest.mark.usefixtures("unverified")
def test_hard_networks_export(tmp_path: Path, name: str) -> None:
    build, inputs = WRITABLE[name]
    made = export_network(tmp_path / "out", build(), inputs, onnx=False)
    space: dict[str, object] = {"__file__": str(made.folder / "model.py"), "__name__": "model"}
    exec((made.folder / "model.py").read_text(), space)
    assert space["check"]() < 1e-6  # type: ignore[operator]  # it is a function


@pytest.mark.usefixtures("unverified")
def test_tied_weights_are_stored_once(tmp_path: Path) -> None:
    build, inputs = WRITABLE["shared modules"]
    made = export_network(tmp_path / "out", build(), inputs, onnx=False)
    assert set(read_tensors(made.folder / "weights.safetensors")) == {
        "block.0.weight",
        "block.0.bias",
    }


@pytest.mark.usefixtures("unverified")
def test_an_exported_regression_is_in_the_units_of_the_targets(tmp_path: Path) -> None:
    network = small()
    facts = Facts(scale=TargetScale((10.0, 20.0, 30.0), (1.0, 2.0, 3.0)))
    made = export_network(tmp_path / "out", network, X, facts=facts)
    stored = read_tensors(made.folder / "example.safetensors")
    wanted = network(X) * torch.tensor([1.0, 2.0, 3.0]) + torch.tensor([10.0, 20.0, 30.0])
    torch.testing.assert_close(stored["output.0"], wanted.detach())
    session = onnxruntime.InferenceSession(made.folder / "model.onnx")
    (found,) = session.run(None, {session.get_inputs()[0].name: X.numpy()})
    torch.testing.assert_close(torch.from_numpy(found), wanted.detach(), rtol=1e-5, atol=1e-5)


def scaled(choices: dict[str, float]) -> nn.Module:
    """Build a network that has no source, for a builder's import path."""
    network = UNWRITABLE["a branch on values"][0]()
    with torch.no_grad():
        network.linear.weight.mul_(choices["by"])
    return network  # type: ignore[no-any-return]


def test_a_network_without_source_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "users_networks.py").write_text(
        "import torch\n"
        "class Branch(torch.nn.Linear):\n"
        "    def forward(self, x):\n"
        "        return super().forward(x) if x.sum() > 0 else x\n"
        "def build(choices):\n"
        "    return Branch(choices['width'], choices['width'])\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    builder = Builder.named("users_networks:build")
    facts = Facts(choices={"width": 4})
    network = builder.build(facts.choices)
    made = export_network(tmp_path / "out", network, X, facts=facts, builder=builder)
    assert not made.readable
    assert made.onnx is None
    card = (made.folder / "README.md").read_text()
    assert "imports users\\_networks:build" in card
    assert "There is no ONNX file" in card
    assert json.loads((made.folder / "choices.json").read_text()) == {"width": 4}
    assert (
        'import_module("users_networks").build(choices)' in (made.folder / "model.py").read_text()
    )


@pytest.mark.parametrize("name", UNWRITABLE)
def test_without_a_builder_such_a_network_is_refused(tmp_path: Path, name: str) -> None:
    build, inputs, _ = UNWRITABLE[name]
    with pytest.raises(InvalidArgument, match="give builder='module:name'"):
        export_network(tmp_path / "out", build(), inputs)
    assert list(tmp_path.iterdir()) == []


class Sorts(nn.Module):
    """A network with an operator that ONNX has not."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.linalg.svd(x, full_matrices=False)[1]


@pytest.mark.usefixtures("unverified")
def test_an_operator_without_onnx_is_named_in_the_card(tmp_path: Path) -> None:
    made = export_network(tmp_path / "out", Sorts(), X)
    assert made.onnx is None
    assert "svd" in (made.folder / "README.md").read_text()
    with pytest.raises(ExportFailed, match="svd"):
        export_network(tmp_path / "other", Sorts(), X, onnx=True)
    assert not (tmp_path / "other").exists()


@pytest.mark.usefixtures("unverified")
def test_int8_needs_calibration_rows(tmp_path: Path) -> None:
    made = export_network(tmp_path / "out", small(), X)
    assert made.int8 is None
    assert "no calibration rows" in " ".join(made.notes)
    with pytest.raises(InvalidArgument, match="calibration"):
        export_network(tmp_path / "other", small(), X, int8=True)
    with pytest.raises(InvalidArgument, match="int8=True with ONNX"):
        export_network(tmp_path / "other", small(), X, int8=True, onnx=False)


@pytest.mark.usefixtures("unverified")
def test_without_the_extra_the_note_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    made = export_network(tmp_path / "out", small(), X)
    assert "bonas[onnx]" in " ".join(made.notes)
    monkeypatch.setitem(sys.modules, "safetensors.torch", None)
    with pytest.raises(MissingPackage, match=r"bonas\[onnx\]"):
        export_network(tmp_path / "other", small(), X)
    assert not (tmp_path / "other").exists()


def test_a_folder_that_exists_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "file").write_text("")
    for folder, overwrite in ((tmp_path, False), (tmp_path, True), (tmp_path / "file", True)):
        with pytest.raises(InvalidArgument, match="expected"):
            export_network(folder, small(), X, overwrite=overwrite)
    assert (tmp_path / "mine.txt").read_text() == "mine"
    with pytest.raises(InvalidArgument, match="a place to write"):
        export_network(tmp_path / "file" / "below", small(), X)


@pytest.mark.usefixtures("unverified")
def test_an_export_that_fails_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = export_network(tmp_path / "out", small(), X, onnx=False)
    before = {path.name: path.read_bytes() for path in made.folder.iterdir()}

    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(export, "_write_card", full)
    with pytest.raises(BonasError, match="No space left"):
        export_network(tmp_path / "out", nn.Linear(4, 2), X, overwrite=True)
    assert {path.name: path.read_bytes() for path in made.folder.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    monkeypatch.undo()


@pytest.mark.usefixtures("unverified")
def test_an_earlier_export_can_be_overwritten(tmp_path: Path) -> None:
    export_network(tmp_path / "out", small(), X)
    export_network(tmp_path / "out", nn.Linear(4, 2), X, onnx=False, overwrite=True)
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_export_that_does_not_load_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export.ModelFile, "text", lambda self: "import bonas")
    with pytest.raises(BrokenExport, match="bonas is not available"):
        export_network(tmp_path / "out", small(), X)
    assert list(tmp_path.iterdir()) == []


def test_an_example_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match="takes the example"):
        export_network(tmp_path / "out", small(), torch.rand(2, 5))


def _trained(tmp_path: Path) -> tuple[Candidate, ShortTraining]:
    space = MLPSpace(inputs=4, classes=3, depths=(1,), widths=(8,))
    training = ShortTraining("iris", epochs=1, keep_weights=tmp_path / "kept")
    candidate = Candidate.without_trial(space, space.sample(np.random.default_rng(0)))
    return candidate, training


def test_without_weights_the_error_names_what_keeps_them(tmp_path: Path) -> None:
    candidate, training = _trained(tmp_path)
    with pytest.raises(MissingData, match="keep_weights"):
        candidate.export(tmp_path / "out", data=training)
    with pytest.raises(InvalidArgument, match=r"torch\.nn\.Module"):
        candidate.export(tmp_path / "out", network="best")  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match="an example of the network's inputs"):
        candidate.export(tmp_path / "out", network=candidate.build())
    with pytest.raises(InvalidArgument, match="module:name"):
        candidate.export(tmp_path / "out", network=candidate.build(), data=training, builder="no")
    with pytest.raises(InvalidArgument, match="data"):
        candidate.export(tmp_path / "out", network=candidate.build(), data="iris")  # type: ignore


@pytest.mark.usefixtures("unverified")
def test_data_give_example_calibration_and_facts(tmp_path: Path) -> None:
    candidate, training = _trained(tmp_path)
    made: Export = candidate.export(tmp_path / "out", network=candidate.build(), data=training)
    assert made.int8 is not None
    card = (made.folder / "README.md").read_text()
    for text in ("on iris", "labels 0 to 2", "seed 0", "MLPSpace", "cpu"):
        assert text in card, text
    assert str(tmp_path) not in card + (made.folder / "model.py").read_text()


@pytest.mark.usefixtures("unverified")
def test_a_card_escapes_what_it_is_given(tmp_path: Path) -> None:
    facts = Facts(
        title='a | b """ \\ <script>',
        values=(Value("accuracy", 93.25, "%", 0.4),),
        details={"x": "a|b\nc"},
    )
    made = export_network(tmp_path / "out", small(), X, facts=facts, onnx=False)
    card = (made.folder / "README.md").read_text()
    assert "| accuracy | 93.25 | 0.4 | % |" in card
    assert "a\\|b c" in card
    assert "<script>" not in card
    compile((made.folder / "model.py").read_text(), "model.py", "exec")
