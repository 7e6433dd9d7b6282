"""The training of a supernet: its gradients, its stops, and its checkpoints."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import bonas
from bonas.errors import CheckpointMismatch, InvalidArgument, InvalidData, MissingData, NotFinite
from bonas.evaluation import ShortTraining
from bonas.spaces import Choices, Space
from bonas.supernets import Piece, Supernet
from bonas.supernets.sharing import SharingByRole
from bonas.supernets.training import Fair, Sandwich, Step
from bonas.supernets.training.checkpoint import Checkpoint
from bonas.supernets.training.fit import Fit
from bonas.supernets.training.record import Length

_X = np.random.default_rng(0).normal(size=(80, 3, 4, 4)).astype("float32")
_Y = np.arange(80) % 2
_X += _Y[:, None, None, None] - 0.5
_SPACE = bonas.spaces.NASBench201(channels=4, cells=1, classes=2)


def training(**settings: Any) -> ShortTraining:
    return ShortTraining((_X, _Y), **{"batch_size": 8, "device": "cpu", **settings})


def supernet(space: Space = _SPACE, **settings: Any) -> Supernet:
    return Supernet(space, training(**settings))


def weights(of: Supernet) -> dict[str, Tensor]:
    return {key: of.store[key].detach().clone() for key in of.store}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


class _Stops:
    """Augments nothing, and raises an error in its n-th call."""

    def __init__(self, n: int, error: type[BaseException] = KeyboardInterrupt) -> None:
        self.left, self.error = n, error

    def __call__(self, x: Tensor) -> Tensor:
        self.left -= 1
        if self.left == 0:
            raise self.error
        return x

    def __repr__(self) -> str:
        return "augment"


def test_a_fair_step_adds_the_gradients_of_its_networks_and_updates_once() -> None:
    """SGD without momentum's past moves each weight by rate (1 + momentum) times its gradient."""
    settings: dict[str, Any] = {"optimizer": "sgd", "learning_rate": 0.01, "weight_decay": 0.0}
    fitted = supernet(batch_size=80, validation=0.2, test=0.0, **settings)
    paths = Fair().on(_SPACE).step(np.random.default_rng((0, 0, 0)), 0.0).paths
    for path in paths:
        fitted.cover(path)
    before = weights(fitted)
    fitted.fit(5, rule="fair", progress=False)

    rows = fitted.training.splits.train.tensors  # type: ignore[union-attr]  # in memory
    other = Supernet(_SPACE, seed=0)
    for key, tensor in before.items():
        other.store.set(key, tensor)
    for path in paths:
        loss = cross_entropy(other.network(path)(rows[0]), rows[1], label_smoothing=0.1)
        loss.backward()  # type: ignore[no-untyped-call]  # untyped in torch
    for key, tensor in before.items():
        gradient = other.store[key].grad
        moved = 0.0 if gradient is None else 0.01 * 1.9 * gradient
        assert torch.allclose(fitted.store[key], tensor - moved, atol=1e-5), key


def test_training_lowers_the_loss() -> None:
    fitted = supernet()
    early = fitted.fit(25, progress=False)
    late = fitted.fit(200, progress=False)
    assert early.loss is not None
    assert late.loss is not None
    assert late.loss < early.loss - 0.1
    assert fitted.fits == (early, late)


def test_the_record_and_the_log_say_which_rule_was_chosen_and_why(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO, "bonas"):
        record = supernet().fit(12, progress=False)
    assert (record.rule, record.reason) == ("fair", "all parameters have 5 options")
    assert "by the rule 'fair': all parameters have 5 options" in caplog.text
    assert (record.steps, record.paths) == (3, 15)
    assert record.epochs == pytest.approx(0.5)  # 48 rows in 6 batches
    assert record.device == "cpu"


def test_the_seed_decides_the_weights_and_global_draws_do_not() -> None:
    def fitted(seed: int) -> dict[str, Tensor]:
        one = Supernet(_SPACE, training(), seed=seed)
        one.fit(10, progress=False)
        return weights(one)

    first, before = fitted(0), torch.get_rng_state()
    torch.rand(3)
    assert same(fitted(0), first)
    assert not same(fitted(1), first)
    torch.set_rng_state(before)
    fitted(0)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("rule", "stop", "optimizer"),
    [("fair", 1, "adamw"), ("fair", 3, "sgd"), ("uniform", 7, "adamw"), ("uniform", 13, "sgd")],
)
def test_a_resumed_training_gives_the_weights_of_an_uninterrupted_one(
    tmp_path: Path, rule: str, stop: int, optimizer: str
) -> None:
    settings = {"optimizer": optimizer, "learning_rate": 0.01}
    whole = supernet(augment=_Stops(-1), **settings)
    record = whole.fit(20, rule=rule, progress=False)
    path = tmp_path / "supernet.pt"
    with pytest.raises(KeyboardInterrupt):
        supernet(augment=_Stops(stop), **settings).fit(
            20, rule=rule, checkpoint=path, progress=False
        )
    resumed = supernet(augment=_Stops(-1), **settings)
    again = resumed.fit(20, rule=rule, checkpoint=path, progress=False)
    assert same(weights(resumed), weights(whole))
    assert (again.steps, again.paths, again.epochs) == (record.steps, record.paths, record.epochs)
    assert [resumed.score(c) for c in _some()] == [whole.score(c) for c in _some()]


def _some() -> list[Choices]:
    rng = np.random.default_rng(5)
    return [_SPACE.sample(rng) for _ in range(3)]


def test_a_killed_process_loses_the_steps_since_the_last_write(tmp_path: Path) -> None:
    path = tmp_path / "supernet.pt"
    pid = os.fork()
    if pid == 0:  # ends without a word, as when it is killed
        supernet(augment=_Exits(3)).fit(30, checkpoint=path, checkpoint_every=0.0, progress=False)
    os.waitpid(pid, 0)
    left = Checkpoint.read(path).unfinished
    assert left is not None
    assert left.at.steps > 0
    whole, resumed = supernet(augment=_Stops(-1)), supernet(augment=_Stops(-1))
    whole.fit(30, progress=False)
    resumed.fit(30, checkpoint=path, progress=False)
    assert same(weights(resumed), weights(whole))


class _Exits(_Stops):
    def __call__(self, x: Tensor) -> Tensor:
        self.left -= 1
        if self.left == 0:
            os._exit(1)
        return x


def test_a_training_that_has_ended_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "supernet.pt"
    first = supernet()
    record = first.fit(20, checkpoint=path, progress=False)
    second = supernet(augment=None)
    assert second.fit(20, checkpoint=path, progress=False) == record
    assert same(weights(first), weights(second))


def test_a_second_training_goes_on_from_the_weights_with_other_draws(tmp_path: Path) -> None:
    def both(stop: int) -> Supernet:
        made = supernet(augment=_Stops(-1))
        made.fit(20, checkpoint=tmp_path / "one.pt", progress=False)
        own = supernet(augment=_Stops(stop))
        own.fit(20, checkpoint=tmp_path / "one.pt", progress=False)
        own.fit(40, checkpoint=tmp_path / f"{max(stop, 0)}.pt", progress=False)
        return own

    whole = both(-1)
    with pytest.raises(KeyboardInterrupt):
        both(3)
    (tmp_path / "3.pt").rename(tmp_path / "4.pt")
    resumed = supernet(augment=_Stops(-1))
    resumed.fit(20, checkpoint=tmp_path / "one.pt", progress=False)
    resumed.fit(40, checkpoint=tmp_path / "4.pt", progress=False)
    assert same(weights(resumed), weights(whole))
    assert [fit.paths for fit in resumed.fits] == [20, 40]


def test_a_training_can_be_limited_by_time() -> None:
    record = supernet().fit(seconds=0.5, progress=False)
    assert record.seconds >= 0.5
    assert record.steps > 1
    assert record.settings["seconds"] == 0.5


def _diverging(path: Path | None) -> None:
    fitted = supernet(optimizer="sgd", learning_rate=500.0)
    with pytest.raises(NotFinite, match=r"lower the learning rate \(500\.0\)"):
        fitted.fit(2_000, checkpoint=path, progress=False)
    assert all(tensor.isfinite().all() for tensor in weights(fitted).values())
    assert np.isfinite(fitted.score(_some()[0]))


def test_a_loss_that_diverges_leaves_the_last_good_weights() -> None:
    _diverging(None)


def test_a_loss_that_diverges_leaves_the_last_good_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "supernet.pt"
    _diverging(path)
    kept = Checkpoint.read(path)
    assert all(tensor.isfinite().all() for tensor in kept.weights.values())
    slower = supernet(optimizer="sgd", learning_rate=0.01)
    with pytest.raises(CheckpointMismatch, match=r"learning_rate is 500\.0 there and 0\.01 here"):
        slower.fit(2_000, checkpoint=path, progress=False)
    loaded = Supernet.load(path, _SPACE, training(optimizer="sgd", learning_rate=0.01))
    assert loaded.fit(20, progress=False).loss is not None


class _Growing:
    """A rule that asks for wider and wider networks, which were not covered."""

    name = "growing"

    def describe(self) -> dict[str, Any]:
        return {"rule": self.name}

    def on(self, space: Space) -> _Growing:
        return self

    def step(self, rng: np.random.Generator, progress: float) -> Step:
        widths = [4, 8, 16]
        some = widths[: 1 + int(3 * progress)]
        return Step(tuple({"width": width, "norm": True} for width in some))


class _Widths(Space):
    """A space that hides its wider networks from whoever asks what it allows."""

    parameters: ClassVar = {"width": [4, 8, 16], "norm": [True, False]}
    input_shape = (3, 4, 4)

    def is_valid(self, choices: Choices) -> bool:
        return choices["width"] == 4

    def build(self, choices: Choices) -> nn.Module:
        width = int(choices["width"])  # type: ignore[arg-type]  # a number
        norm = nn.BatchNorm1d(width) if choices["norm"] else nn.Identity()
        return nn.Sequential(nn.Flatten(), nn.Linear(48, width), norm, nn.Linear(width, 2))


def _by_name(space: Space) -> SharingByRole:
    """Return a sharing of front slices by the names of parameters."""

    def pieces(name: str, module: nn.Module, own: nn.Parameter) -> tuple[Piece, ...]:
        return (Piece(name, tuple(own.shape)),)

    return SharingByRole(space, lambda space, choices: pieces)


def test_a_store_that_grows_in_the_middle_of_a_training_is_trained_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bonas.supernets.supernet.sharing_of", _by_name)
    fitted = supernet(_Widths())
    fitted.fit(60, rule=_Growing(), progress=False)
    shapes = {key: tuple(tensor.shape) for key, tensor in weights(fitted).items()}
    assert shapes == {
        "1.weight": (16, 48),
        "1.bias": (16,),
        "2.weight": (16,),
        "2.bias": (16,),
        "3.weight": (2, 16),
        "3.bias": (2,),
    }
    wide = {"width": 16, "norm": True}
    fresh = supernet(_Widths())
    fresh.cover(wide)
    assert fitted.score(wide) > fresh.score(wide)


def test_loss_weights_are_trained_along_and_kept(tmp_path: Path) -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(()))

        def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
            return cross_entropy(outputs * self.scale, targets)

        def __repr__(self) -> str:
            return "scaled"

    path = tmp_path / "supernet.pt"
    fitted = supernet(loss=Scaled())
    fitted.fit(60, checkpoint=path, progress=False)
    loaded = Supernet.load(path, _SPACE, training(loss=Scaled()))
    assert loaded.state.loss_weights["scale"] != 1.0
    assert loaded.score(_some()[0]) == fitted.score(_some()[0])


def test_a_step_of_the_users_own_trains_and_scores() -> None:
    def step(network: nn.Module, batch: Any) -> Tensor:
        return cross_entropy(network(batch[0].float()), batch[1])

    fitted = supernet(step=step)
    record = fitted.fit(20, progress=False)
    assert record.loss is not None
    assert fitted.score(_some()[0]) < 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"paths": 0}, "paths must be a whole number of at least 1, got 0"),
        ({"paths": 2.5}, "paths must be a whole number"),
        ({"paths": 5, "seconds": 1.0}, "expected either paths or seconds"),
        ({"seconds": -1}, "seconds must be a positive number"),
        ({"rule": "best"}, "unknown rule 'best'"),
        ({"checkpoint": 3}, "checkpoint must be the path of a file, got 3"),
        ({"checkpoint_every": -1.0}, "checkpoint_every must be a number in"),
        ({"rule": Sandwich()}, "expected parameters whose options are numbers"),
    ],
)
def test_arguments_that_cannot_be_used_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        supernet().fit(**{"progress": False, **arguments})


def test_a_supernet_without_a_training_is_neither_trained_nor_scored() -> None:
    bare = Supernet(_SPACE)
    uses: list[Callable[[], object]] = [
        lambda: bare.fit(5, progress=False),
        lambda: bare.score(_some()[0]),
        lambda: bare.scores(3, progress=False),
        lambda: bare.recalibrated(bare.extract(_some()[0])),
    ]
    for use in uses:
        with pytest.raises(InvalidArgument, match="expected a supernet with a training"):
            use()


def test_networks_that_do_not_fit_the_data_are_refused() -> None:
    space = bonas.spaces.NASBench201(channels=4, cells=1, classes=3, in_channels=1)
    with pytest.raises(InvalidData, match="expected images of shape batch x 1"):
        supernet(space).fit(5, progress=False)


_WIDE = bonas.spaces.NASBench201(channels=8, cells=1, classes=2)


@pytest.mark.parametrize(
    ("space", "settings", "fits", "message"),
    [
        (_WIDE, {}, {}, "channels is 4 there and 8 here"),
        (_SPACE, {"label_smoothing": 0.2}, {}, r"label_smoothing is 0\.1 there and 0\.2 here"),
        (_SPACE, {"batch_size": 4}, {}, "batch_size is 8 there and 4 here"),
        (_SPACE, {"seed": 3}, {}, "seed is 0 there and 3 here"),
        (_SPACE, {}, {"paths": 7}, "paths is 6 there and 7 here"),
        (_SPACE, {}, {"rule": "fair"}, 'rule is "uniform" there and "fair" here'),
        (_SPACE, {}, {"paths": None, "seconds": 1.0}, "paths is 6 there and absent here"),
    ],
    ids=["space", "loss", "recipe", "split", "length", "rule", "kind of length"],
)
def test_a_checkpoint_of_something_else_is_refused_with_the_difference(
    tmp_path: Path, space: Space, settings: dict[str, Any], fits: dict[str, Any], message: str
) -> None:
    path = tmp_path / "supernet.pt"
    usual: dict[str, Any] = {"paths": 6, "rule": "uniform", "progress": False, "checkpoint": path}
    supernet().fit(**usual)
    other = supernet(space, **settings)
    with pytest.raises(CheckpointMismatch, match=message):
        other.fit(**{**usual, **fits})
    assert not other.store  # nothing was taken over


def test_a_checkpoint_of_another_seed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "supernet.pt"
    supernet().fit(6, checkpoint=path, progress=False)
    with pytest.raises(CheckpointMismatch, match="seed is 0 there and 1 here"):
        Supernet(_SPACE, training(), seed=1).fit(6, checkpoint=path, progress=False)


def test_loading_needs_the_same_rows_and_loss_but_no_recipe(tmp_path: Path) -> None:
    path = tmp_path / "supernet.pt"
    supernet().save(path)
    Supernet.load(path, _SPACE, training(learning_rate=0.5, epochs=1, batch_size=4))
    assert Supernet.load(path, _SPACE).training is None
    with pytest.raises(CheckpointMismatch, match=r"label_smoothing is 0\.1 there and 0\.0 here"):
        Supernet.load(path, _SPACE, training(label_smoothing=0.0))
    with pytest.raises(CheckpointMismatch, match="another one's in"):
        Supernet.load(path, _WIDE)


def test_a_loaded_supernet_is_the_saved_one(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "supernet.pt"
    saved = Supernet(_SPACE, training(), seed=3)
    saved.fit(10, progress=False)
    scores = saved.scores(4, progress=False)
    saved.save(path)
    loaded = Supernet.load(path, _SPACE, training())
    assert same(weights(saved), weights(loaded))
    assert loaded.seed == 3
    assert loaded.fits == saved.fits
    assert tuple(loaded.state.scores.values()) == scores
    assert [p.name for p in path.parent.iterdir()] == ["supernet.pt"]


def test_a_supernet_is_known_by_what_was_trained_also_after_it_was_loaded(tmp_path: Path) -> None:
    path = tmp_path / "supernet.pt"
    saved = supernet()
    saved.fit(10, progress=False)
    known = saved.describe()
    saved.store.set("later", torch.ones(3))  # as a network that needs more of the store
    assert saved.describe() == known
    saved.save(path)
    loaded = Supernet.load(path, _SPACE)
    assert "later" in loaded.store
    assert loaded.describe() == known
    saved.fit(10, progress=False)
    assert saved.describe() != known


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "supernet.pt"
    with pytest.raises(MissingData, match="got no such file"):
        Supernet.load(path, _SPACE)
    supernet().save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InvalidData, match="got another file"):
        Supernet.load(path, _SPACE)
    torch.save({"weights": 1}, path)
    with pytest.raises(InvalidData, match="it holds something else"):
        Supernet.load(path, _SPACE)
    path.write_text("text")
    with pytest.raises(InvalidData, match="got another file"):
        supernet().fit(5, checkpoint=path, progress=False)
    with pytest.raises(InvalidArgument, match="got the folder"):
        supernet().save(tmp_path)


def test_a_checkpoint_of_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "supernet.pt"
    supernet().save(path)
    state = torch.load(path, weights_only=True)
    torch.save({**state, "format": 99}, path)
    with pytest.raises(CheckpointMismatch, match=r"version 1 of the format, got version 99"):
        Supernet.load(path, _SPACE)


def test_weights_without_a_training_are_no_checkpoint_of_one(tmp_path: Path) -> None:
    path = tmp_path / "supernet.pt"
    supernet().save(path)
    with pytest.raises(CheckpointMismatch, match="got weights without one"):
        supernet().fit(5, checkpoint=path, progress=False)


def test_an_error_in_a_step_keeps_what_was_trained_before(tmp_path: Path) -> None:
    path = tmp_path / "supernet.pt"
    with pytest.raises(ZeroDivisionError):
        supernet(augment=_Stops(5, ZeroDivisionError)).fit(60, checkpoint=path, progress=False)
    left = Checkpoint.read(path).unfinished
    assert left is not None
    assert left.at.steps == 4


def test_settings_in_a_checkpoint_are_those_of_the_training() -> None:
    made = supernet()
    fit = Fit(made, Fair(), "it was asked for", Length.of(10, None), None, 1.0)
    assert fit.settings == {"rule": "fair", "paths": 10, "seed": 0}
