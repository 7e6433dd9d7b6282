"""Facts about the measurement of latency, with clocks that the tests set."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from candidates import OneNetwork, candidate, candidate_of
from clocks import Clocks
from torch import Tensor, nn

from bonas.errors import InvalidArgument, InvalidData
from bonas.evaluation import LATENCY, Candidate, Latency
from bonas.spaces import NASBench201


class Scripted(nn.Module):
    """A network whose n-th run takes ``run(n)``: milliseconds on the core, and off it."""

    def __init__(self, clocks: Clocks, run: Callable[[int], tuple[float, float]]) -> None:
        super().__init__()
        self.clocks = clocks
        self.run = run
        self.runs = 0

    def forward(self, x: Tensor) -> Tensor:
        on, off = self.run(self.runs)
        self.clocks.wall += (on + off) / 1000
        self.clocks.core += on / 1000
        self.runs += 1
        return x


class Watched(nn.Module):
    """A network that remembers how it was run."""

    def __init__(self) -> None:
        super().__init__()
        self.inputs: list[Tensor] = []
        self.modes: set[tuple[bool, bool, int]] = set()

    def forward(self, x: Tensor) -> Tensor:
        self.inputs.append(x)
        inference = torch.is_inference_mode_enabled()
        self.modes.add((self.training, inference, torch.get_num_threads()))
        return x


def timed(
    clocks: Clocks,
    run: Callable[[int], tuple[float, float]],
    **settings: Any,
) -> tuple[float, float, int]:
    """Return latency, inter-quartile range, and the number of runs."""
    network = Scripted(clocks, run)
    latency = Latency((3,), warmup=10, **{"seconds": 0, **settings})
    values = latency(candidate(lambda: network))
    return values["latency"], values["latency_iqr"], network.runs


def test_the_median_and_the_inter_quartile_range_can_be_had(clocks: Clocks) -> None:
    """Check by hand: after a first pass and 10 runs of warm-up, 1 to 9 ms: quartiles 3, 5, 7."""
    ms, spread, runs = timed(
        clocks, lambda n: (max(1.0, n - 10.0), 0.0), repeats=9, statistic="median"
    )
    assert (ms, spread) == pytest.approx((5.0, 4.0))
    assert runs == 1 + 10 + 9


def test_networks_are_run_for_inference_on_the_given_threads() -> None:
    before = torch.get_num_threads()
    network = Watched().train()
    try:
        torch.set_num_threads(3)
        values = Latency((5, 7), batch_size=2, threads=2, warmup=1, repeats=2, seconds=0)(
            candidate(lambda: network)
        )
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    assert values.keys() == {
        "latency",
        "latency_iqr",
        "latency_reference",
        "latency_drift",
    }
    assert {x.shape for x in network.inputs} == {(2, 5, 7)}
    assert network.modes - {(False, False, 2)} == {(False, True, 2)}  # the first pass, the timings


def test_the_shape_of_the_space_is_taken_where_none_is_given() -> None:
    network = Watched()
    space = OneNetwork(lambda: network, input_shape=(3, 4))
    Latency(warmup=1, repeats=1, seconds=0)(candidate_of(space, {"which": "this"}))
    assert {x.shape for x in network.inputs} == {(1, 3, 4)}


def test_a_cell_is_timed() -> None:
    space = NASBench201(channels=4, cells=1, image_size=8)
    choices = dict.fromkeys(space.parameters, "skip_connect")
    values = Latency(seconds=0)(candidate_of(space, choices))
    assert values["latency"] > 0
    assert values["latency_iqr"] >= 0
    assert Latency.objectives == (LATENCY,)


def test_the_global_random_state_is_left_alone() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    Latency((4,), seconds=0)(candidate(lambda: nn.Linear(4, 4)))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_default_type_of_double_does_not_disturb() -> None:
    torch.set_default_dtype(torch.float64)
    network = Watched()
    try:
        Latency((4,), seconds=0)(candidate(lambda: nn.Sequential(nn.Linear(4, 4), network)))
    finally:
        torch.set_default_dtype(torch.float32)
    assert {x.dtype for x in network.inputs} == {torch.float32}


def test_a_network_that_cannot_take_the_inputs_is_refused() -> None:
    with pytest.raises(InvalidData, match=r"takes a batch of shape \(1, 5\), .*trial 3") as caught:
        Latency((5,))(candidate(lambda: nn.Linear(4, 4), 3))
    assert isinstance(caught.value.__cause__, RuntimeError)


def of_shape(shape: Any) -> Candidate:
    return candidate_of(OneNetwork(nn.Identity, shape), {"which": "this"})


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (None, r"none from the space OneNetwork; give Latency\(input_shape=\.\.\.\)"),
        ((0, 3), r"whole numbers of at least 1, as in \(3, 32, 32\), got \(0, 3\); leave out"),
        ("8x8", r"whole numbers of at least 1.*got '8x8'"),
    ],
)
def test_a_space_without_a_usable_shape_is_refused(shape: Any, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        Latency()(of_shape(shape))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"input_shape": ()}, r"an input shape of whole numbers .* got \(\); leave out the batch"),
        ({"input_shape": (3, 2.0)}, r"an input shape of whole numbers .* got \(3, 2\.0\)"),
        ({"input_shape": 3}, r"an input shape of whole numbers .* got 3"),
        ({"batch_size": 0}, r"batch_size must be a whole number of at least 1, got 0"),
        ({"warmup": 0}, r"warmup must be a whole number of at least 1, got 0"),
        ({"repeats": 0}, r"repeats must be a whole number of at least 1, got 0"),
        ({"threads": 1.0}, r"threads must be a whole number of at least 1, got 1\.0"),
        ({"seconds": -1}, r"seconds must be a number in \[0, inf\), got -1"),
        ({"seconds": math.inf}, r"seconds must be a number in \[0, inf\), got inf"),
        (
            {"statistic": "mean"},
            r"unknown statistic 'mean'; expected one of 'low_quantile'",
        ),
        (
            {"runtime": "tensorrt"},
            r"unknown runtime 'tensorrt'; expected one of 'compile'",
        ),
        (
            {"runtime": 3},
            r"expected a runtime out of .*, or an object with name, .* got 3",
        ),
        ({"calibration": []}, r"expected calibration rows, got none; give a hundred, or None"),
        ({"calibration": "digits"}, r"input must be an example batch, .* got 'digits'"),
        ({"name": ""}, r"an objective's name must be a non-empty string"),
        ({"device": "phone"}, r"expected a device out of \['cpu'.*, got 'phone'"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        Latency(**settings)


def test_the_description_is_plain_and_tells_measurements_apart() -> None:
    plain = Latency([1, 8, 8]).describe()
    assert json.loads(json.dumps(plain)) == plain
    assert plain.keys() == {"latency"}
    assert Latency((1, 8, 8), repeats=99, warmup=1, seconds=1).describe() == plain
    others = [Latency(), Latency((1, 8, 8), batch_size=2), Latency((1, 8, 8), threads=2)]
    assert all(latency.describe() != plain for latency in others)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_cuda_device_is_timed() -> None:
    values = Latency((4,), device="cuda", seconds=0)(candidate(lambda: nn.Linear(4, 4)))
    assert values["latency"] > 0
    assert np.isfinite(values["latency_iqr"])


class Inputs(nn.Module):
    """A network that remembers what it was called with and returns its first argument."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[dict[str, Any]] = []

    def forward(self, x: Tensor, mask: Any = None, scale: Any = None) -> Tensor:
        self.seen.append({"x": x.clone(), "mask": mask, "scale": scale})
        return x.add_(1) if x.is_floating_point() else x


def given(example: Any, **settings: Any) -> list[dict[str, Any]]:
    """Return the arguments of a network whose space has that example."""
    network = Inputs()
    space = OneNetwork(lambda: network)
    space.input = example
    latency = Latency(warmup=1, repeats=1, seconds=0, **settings)
    latency(candidate_of(space, {"which": "this"}))
    return network.seen


IDS = torch.tensor([[3, 1, 4], [1, 5, 9]])


@pytest.mark.parametrize(
    "example",
    [
        IDS,
        IDS.to(torch.uint8),
        IDS > 3,
        IDS.to(torch.bfloat16),
        IDS.double(),
        IDS * 1j,
        IDS.reshape(2, 1, 1, 3),
    ],
    ids=["tokens", "bytes", "bool", "bfloat16", "double", "complex", "volume"],
)
def test_the_example_of_the_space_tells_type_and_values(example: Tensor) -> None:
    for rows in (1, 2, 5):
        first = given(example, batch_size=rows)[0]["x"]
        assert first.dtype == example.dtype
        assert torch.equal(first, example.repeat(3, *[1] * (example.dim() - 1))[:rows])


def test_all_inputs_of_the_example_are_given() -> None:
    by_name = {"x": IDS, "mask": IDS > 1, "scale": 0.5}
    for example in (by_name, tuple(by_name.values())):
        seen = given(example, batch_size=3)[0]
        assert (seen["x"].shape, seen["mask"].shape, seen["scale"]) == ((3, 3), (3, 3), 0.5)


def test_the_example_is_never_changed() -> None:
    example = torch.ones(1, 3)
    given(example)
    assert torch.equal(example, torch.ones(1, 3))


def test_an_example_without_a_common_batch_is_timed_as_it_is() -> None:
    graph = (torch.ones(5, 3), torch.zeros(2, 8, dtype=torch.int64))
    seen = given(graph)[0]
    assert (seen["x"].shape, seen["mask"].shape) == ((5, 3), (2, 8))
    with pytest.raises(InvalidArgument, match="take a batch_size of 1, which uses the example as"):
        given(graph, batch_size=2)


def test_a_shape_of_ones_own_is_filled_with_numbers_of_the_example() -> None:
    seen = given(IDS, input_shape=(7,), batch_size=2)[0]["x"]
    assert (seen.shape, seen.dtype) == ((2, 7), torch.int64)
    assert set(seen.flatten().tolist()) <= set(IDS.flatten().tolist())


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float64, torch.complex64])
def test_a_network_keeps_the_precision_that_build_chose(kind: torch.dtype) -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(3, dtype=kind))

        def forward(self, x: Tensor) -> Tensor:
            return x * self.weight

    network = Scaled()
    space = OneNetwork(lambda: network)
    space.input = torch.zeros(1, 3, dtype=kind)
    Latency(seconds=0)(candidate_of(space, {"which": "this"}))
    assert network.weight.dtype == kind


def test_a_misfit_of_several_inputs_names_them() -> None:
    space = OneNetwork(lambda: nn.Linear(3, 3))
    space.input = {"left": torch.ones(1, 3), "right": torch.ones(1, 4)}
    with pytest.raises(InvalidData, match=r"shapes left: \(1, 3\), right: \(1, 4\), but that of"):
        Latency()(candidate_of(space, {"which": "this"}))
