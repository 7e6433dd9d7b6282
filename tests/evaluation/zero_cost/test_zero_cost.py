"""Facts about several scores of an architecture at once."""

from __future__ import annotations

import gc
import json
import math
import pickle
import random
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from small_mobile import SMALL as MOBILE
from small_transformers import SPACES as TRANSFORMERS
from torch import Tensor, nn

from bonas.errors import InvalidArgument, InvalidData
from bonas.evaluation.zero_cost import DEFAULT, SCORES, ZeroCost
from bonas.spaces import Choices, NASBench201, Space

CELLS = NASBench201(channels=4, cells=1, stages=2)


def drawn(space: Space, seed: int = 0) -> dict[str, object]:
    return dict(space.sample(np.random.default_rng(seed)))


def test_each_score_is_a_finite_number_on_a_cell() -> None:
    found = ZeroCost(SCORES)(CELLS, drawn(CELLS))
    assert set(found) == set(SCORES)
    assert all(math.isfinite(value) for value in found.values())


@pytest.mark.parametrize("space", [CELLS, MOBILE, *TRANSFORMERS.values()])
def test_the_same_architecture_has_the_same_scores(space: Space) -> None:
    choices = drawn(space)
    first = ZeroCost()(space, choices)
    torch.manual_seed(random.randrange(10_000))
    again = ZeroCost()
    again(space, drawn(space, 1))
    np.testing.assert_equal(again(space, choices), first)
    assert sum(math.isfinite(value) for value in first.values()) >= 2


def test_torch_is_left_as_it_was() -> None:
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    threads = torch.get_num_threads()
    with torch.no_grad():
        ZeroCost()(CELLS, drawn(CELLS))
        assert not torch.is_grad_enabled()
    assert torch.get_default_dtype() == torch.float32
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.rand(2), expected)


def test_names_batch_and_seed_are_described() -> None:
    described = ZeroCost(["synflow"], batch_size=8, seed=2).describe()
    assert described["names"] == ["synflow"]
    assert described["batch_size"] == 8
    assert described["seed"] == 2
    assert ZeroCost().names == DEFAULT


def test_an_unknown_score_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(InvalidArgument, match=r"unknown score 'flow'.*'synflow'"):
        ZeroCost(["flow"])


class Built(Space):
    """Networks of a function of the one choice."""

    parameters = {"width": [2, 3]}  # noqa: RUF012  # as a user writes it
    input = torch.zeros(1, 4)

    def __init__(self, build: Callable[[int], nn.Module]) -> None:
        self.function = build

    def build(self, choices: Choices) -> nn.Module:
        return self.function(int(choices["width"]))


def mlp(width: int) -> nn.Module:
    return nn.Sequential(nn.Linear(4, width), nn.ReLU(), nn.Linear(width, 3))


def test_a_score_is_the_same_whatever_else_is_computed() -> None:
    """Passes are shared, and each score leaves the network as it found it."""
    choices, every = drawn(CELLS), ZeroCost(SCORES)
    expected = every(CELLS, choices)
    backwards = ZeroCost(reversed(SCORES.keys()))(CELLS, choices)
    assert backwards == expected
    for name in ("naswot", "zen", "zico"):
        assert every.alone(name)(CELLS, choices) == {name: expected[name]}


def test_all_networks_see_the_same_batch_and_initialisation() -> None:
    seen: list[tuple[Tensor, Tensor]] = []

    class Seen(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            seen.append((x.detach().clone(), self.weight.detach().clone()))
            return super().forward(x).relu()

    space, zero_cost = Built(lambda width: Seen(4, 3)), ZeroCost(["naswot"])
    zero_cost(space, {"width": 2})
    zero_cost(space, {"width": 3})
    (x, w), (other_x, other_w) = seen
    assert x.shape == (16, 4)
    assert len(x.unique(dim=0)) > 8  # type: ignore[no-untyped-call]  # torch's
    assert torch.equal(x, other_x)
    assert torch.equal(w, other_w)


def test_a_score_that_a_network_lacks_is_nan_with_one_warning() -> None:
    space, zero_cost = Built(lambda width: nn.Linear(4, width)), ZeroCost(DEFAULT)
    with pytest.warns(UserWarning, match=r"no (naswot|meco) for Built: expected") as warned:
        found = zero_cost(space, {"width": 2})
    assert len(warned) == 2
    assert math.isnan(found["naswot"])
    assert math.isnan(found["meco"])
    assert math.isfinite(found["synflow"])
    zero_cost(space, {"width": 3})  # a second warning would be an error here


def test_scores_that_nobody_asked_for_are_left_out_silently() -> None:
    found = ZeroCost()(Built(lambda width: nn.Linear(4, width)), {"width": 2})
    assert math.isnan(found["naswot"])
    assert math.isfinite(found["synflow"])


def test_what_is_infinite_is_nan() -> None:
    class Stopped(nn.Sequential):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) * 0.0

    found = ZeroCost(["synflow", "zen"])(Built(lambda width: Stopped(mlp(width))), {"width": 2})
    assert math.isnan(found["synflow"])
    assert math.isfinite(found["zen"])


def test_a_network_that_does_not_take_the_batch_is_named() -> None:
    with pytest.raises(InvalidData, match=r"inputs of shapes \[\[16, 4\]\], but Linear fails with"):
        ZeroCost()(Built(lambda width: nn.Linear(5, width)), {"width": 2})


def test_scores_of_data_take_their_rows_and_targets() -> None:
    x, y = np.random.default_rng(0).standard_normal((60, 4)), np.arange(60) % 3
    zero_cost = ZeroCost(["snip", "jacov"], data=(x, y), batch_size=10)
    found = zero_cost(Built(mlp), {"width": 2})
    assert all(math.isfinite(value) for value in found.values())
    described = zero_cost.describe()
    assert "60 x 4" in described["data"]
    other = ZeroCost(["snip", "jacov"], data=(x, 1.0 * (y == 1)), batch_size=10)
    changed = other(Built(mlp), {"width": 2})
    assert changed["snip"] != found["snip"]
    json.dumps(described)


def test_data_of_fewer_rows_than_the_batch_are_refused() -> None:
    x, y = np.zeros((20, 4)) + np.arange(20)[:, np.newaxis], np.arange(20) % 2
    with pytest.raises(InvalidData, match=r"at least 64 rows .*take a smaller batch_size"):
        ZeroCost(data=(x, y), batch_size=64)(Built(mlp), {"width": 2})


def test_targets_that_the_outputs_do_not_fit_leave_out_scores_of_a_loss() -> None:
    x, y = np.random.default_rng(0).standard_normal((60, 4)), np.arange(60) % 5  # of 3 outputs
    with pytest.warns(UserWarning, match=r"no snip for Built: expected outputs of shape \(16, 5\)"):
        found = ZeroCost(["snip", "naswot"], data=(x, y))(Built(mlp), {"width": 2})
    assert math.isnan(found["snip"])
    assert math.isfinite(found["naswot"])


def test_networks_of_several_inputs_and_outputs_are_scored() -> None:
    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table, self.map = nn.Embedding(9, 4), nn.Linear(4, 2)

        def forward(self, ids: Tensor, scale: Tensor) -> dict[str, Tensor]:
            hidden = self.map((self.table(ids) * scale[:, None, None]).relu())
            return {"loss": hidden.mean(), "logits": hidden.mean(dim=1)}

    space = Built(lambda width: Both())
    space.input = {"ids": torch.tensor([[0, 8, 3]] * 2), "scale": torch.ones(2)}
    names = [name for name in SCORES if name not in ("meco",)]
    found = ZeroCost(names)(space, {"width": 2})
    assert all(math.isfinite(value) for value in found.values())


def test_the_network_is_let_go() -> None:
    made: list[weakref.ref[nn.Module]] = []

    def build(width: int) -> nn.Module:
        network = mlp(width)
        made.append(weakref.ref(network))
        return network

    zero_cost = ZeroCost([name for name in SCORES if name != "meco"])
    gc.collect()
    gc.disable()  # at once, not when cycles are looked for: a search scores hundreds of networks
    try:
        zero_cost(Built(build), {"width": 2})
        assert made[0]() is None
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"names": []}, r"expected names of scores, each once, got \(\)"),
        ({"names": ["snip", "snip"]}, "each once"),
        ({"batch_size": 1}, "batch_size must be"),
        ({"seed": -1}, "seed must be"),
        ({"device": "tpu"}, "expected a device"),
    ],
)
def test_settings_out_of_their_range_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        ZeroCost(**arguments)


def test_inputs_without_a_common_batch_are_one_input() -> None:
    class Propagation(nn.Module):
        """A graph network: ``nodes x features`` and ``2 x edges``."""

        def __init__(self, width: int) -> None:
            super().__init__()
            self.first, self.last = nn.Linear(3, width), nn.Linear(width, 2)

        def forward(self, x: Tensor, edges: Tensor) -> Tensor:
            hidden = self.first(x).relu()
            out: Tensor = self.last(hidden.index_add(0, edges[1], hidden[edges[0]]))
            return out

    space = Built(Propagation)
    space.input = (torch.zeros(5, 3), torch.tensor([[0, 1, 2], [1, 2, 3]]))
    with pytest.warns(UserWarning, match=r"no (naswot|jacov) .*expected a batch of several inputs"):
        found = ZeroCost(["synflow", "naswot", "jacov", "snip"])(space, {"width": 2})
    assert math.isnan(found["naswot"])
    assert math.isfinite(found["synflow"])
    assert math.isfinite(found["snip"])


def test_noise_within_a_network_is_the_same_in_each_pass() -> None:
    class Noisy(nn.Sequential):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x + torch.rand_like(x))

    space = Built(lambda width: Noisy(*mlp(width)))
    every = ZeroCost(["zen", "naswot", "snip", "synflow", "zico"])
    expected = every(space, {"width": 3})
    for name in every.names:
        assert every.alone(name)(space, {"width": 3}) == {name: expected[name]}


def test_lazy_layers_are_scored_as_others() -> None:
    lazy = Built(lambda width: nn.Sequential(nn.LazyLinear(width), nn.ReLU(), nn.LazyLinear(3)))
    plain, zero_cost = Built(mlp), ZeroCost(["synflow", "naswot"])
    found = zero_cost(lazy, {"width": 3})
    assert all(math.isfinite(value) for value in found.values())
    assert set(found) == set(zero_cost(plain, {"width": 3}))


def test_a_copy_in_another_process_computes_the_same() -> None:
    zero_cost = ZeroCost(["naswot", "snip"])
    expected = zero_cost(CELLS, drawn(CELLS))
    stored = pickle.dumps(zero_cost)
    assert len(stored) < 2_000
    assert pickle.loads(stored)(CELLS, drawn(CELLS)) == expected
