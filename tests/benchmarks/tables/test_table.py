"""Tables as spaces: own ones, the exact answers, what an evaluation returns, and bad input."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from candidates import candidate_of
from hypothesis import given
from hypothesis import strategies as st

import bonas
from bonas.benchmarks.tables import (
    Lookup,
    NASBench201Table,
    SpikeNASBench,
    Table,
    TransNASBench101,
    problem,
)
from bonas.benchmarks.tables.scale import non_dominated
from bonas.errors import BonasError, InvalidArgument, MissingData
from bonas.evaluation import ACCURACY, Objective
from bonas.spaces import INPUT, OUTPUT, ArchitectureGraph, Choices, NASBench201

Array = npt.NDArray[np.float64]

BOTH: dict[str, Any] = {"accuracy": "maximize", "latency": "minimize"}
NAN = math.nan

# Four networks on the front: scaled to [0, 1], 0 the best, they are (0, 1), (1/4, 1/2), (3/4, 1/4)
# and (1, 0). ("c", 1) is beaten by ("b", 1), and the others were not measured in full.
ROWS: list[dict[str, Any]] = [
    {"op": "a", "depth": 1, "accuracy": 90.0, "latency": 9.0},
    {"op": "a", "depth": 2, "accuracy": 80.0, "latency": 5.0},
    {"op": "b", "depth": 1, "accuracy": 60.0, "latency": 3.0},
    {"op": "b", "depth": 2, "accuracy": 50.0, "latency": 1.0},
    {"op": "c", "depth": 1, "accuracy": 55.0, "latency": 4.0},
    {"op": "c", "depth": 2, "accuracy": NAN, "latency": 0.5},
    {"op": "d", "depth": 1, "accuracy": 99.0, "latency": None},
    {"op": "d", "depth": 2, "accuracy": 99.0},
]
OWN = Table.of(ROWS, parameters=["op", "depth"], objectives=BOTH, name="mine")


class Frame:
    """What a pandas DataFrame does here, numpy scalars among its values."""

    def to_dict(self, orient: str, /) -> list[dict[str, Any]]:
        assert orient == "records"
        return [{**row, "depth": np.int64(row["depth"])} for row in ROWS]


def look_up(table: Table, choices: Choices, seed: int = 0) -> dict[str, float]:
    return Lookup(table, seed)(candidate_of(table.space, choices))


def test_a_list_a_mapping_and_a_frame_are_the_same_table() -> None:
    values = {(row["op"], row["depth"]): {k: row.get(k) for k in BOTH} for row in ROWS}
    for rows in (values, Frame()):
        table = Table.of(rows, parameters=["op", "depth"], objectives=BOTH, name="mine")
        assert table.rows == OWN.rows
        assert table.space.describe() == OWN.space.describe()
        np.testing.assert_array_equal(table.truth, OWN.truth)
        assert {type(choice) for choice in table.rows[0]} == {str, int}


def test_one_parameter_needs_no_tuples() -> None:
    rows = {8: {"accuracy": 70.0}, 16: {"accuracy": 75.0}}
    table = Table.of(rows, parameters=["width"], objectives={"accuracy": "maximize"})
    assert table.optimum == ({"width": 16}, 75.0)


def test_incomplete_rows_are_masked_and_never_proposed() -> None:
    assert OWN.masked == 3
    assert repr(OWN) == (
        "<Table 'mine': 5 rows (3 masked), accuracy [%] maximize, latency [ms] minimize, "
        "signal 'truth'>"
    )
    assert OWN.truth.shape == (5, 2)
    assert OWN.space.is_valid({"op": "c", "depth": 1})
    assert not OWN.space.is_valid({"op": "c", "depth": 2})
    assert not OWN.space.is_valid({"op": "d", "depth": 1})
    assert [tuple(c.values()) for c in OWN.space] == list(OWN.rows)
    assert OWN.space.size == 5
    rng = np.random.default_rng(0)
    assert {tuple(OWN.space.sample(rng).values()) for _ in range(100)} == set(OWN.rows)
    assert [tuple(c.values()) for c in OWN.space.neighbours({"op": "c", "depth": 1})] == [
        ("a", 1),
        ("b", 1),
    ]


def test_a_table_of_few_of_very_many_combinations_is_a_small_space() -> None:
    rng = np.random.default_rng(0)
    rows = {
        tuple(row): {"accuracy": float(i)} for i, row in enumerate(rng.integers(9, size=(40, 9)))
    }
    table = Table.of(rows, parameters=list("abcdefghi"), objectives={"accuracy": "maximize"})
    assert table.space.members is not None
    assert len(table.space.members) == len(table.space.reference) == 40
    drawn = table.space.sample(rng)
    assert table.space.is_valid(drawn)
    order = [tuple(choices.values()) for choices in table.space]
    places = [
        [d.choices.index(c) for d, c in zip(table.space.distributions.values(), row, strict=True)]
        for row in order
    ]
    assert places == sorted(places)


def test_combinations_are_architectures_of_their_own_with_the_given_graph() -> None:
    def graph(choices: Choices) -> ArchitectureGraph:
        return ArchitectureGraph([INPUT, str(choices["op"]), OUTPUT], [(0, 1), (1, 2)])

    table = Table.of(ROWS, parameters=["op", "depth"], objectives=BOTH, graph=graph)
    assert table.space.members is not None
    assert len(table.space.members) == 5
    assert {a.graph.labels[1] for a in table.space.members} == {"a", "b", "c"}


def test_without_a_graph_the_choices_are_a_chain() -> None:
    graph = OWN.space.graph({"op": "a", "depth": 1})
    assert graph.labels == (INPUT, "op=a", "depth=1", OUTPUT)
    assert graph.edges == ((0, 1), (1, 2), (2, 3))


def test_a_search_needs_the_table_only() -> None:
    with pytest.warns(UserWarning, match="all architectures of MeasuredPart were evaluated"):
        result = bonas.optimize(
            OWN.space, 10, evaluate=OWN.evaluate, surrogate="random", seed=0, progress=False
        )
    assert len(result.candidates) == 5
    assert [tuple(c.choices.values()) for c in result.front] == [
        ("a", 1),
        ("a", 2),
        ("b", 1),
        ("b", 2),
    ]
    assert OWN.gap(OWN.true_values([c.choices for c in result.front])) == 0.0


def _of(
    rows: Any, parameters: Any = ("op", "depth"), objectives: Any = BOTH
) -> Callable[[], Table]:
    return lambda: Table.of(rows, parameters=parameters, objectives=objectives)


def _with(**changed: Any) -> Callable[[], Table]:
    """The table with one more row."""
    return _of([*ROWS, {"op": "e", "depth": 1, "accuracy": 50.0, "latency": 2.0, **changed}])


ONE = Table.of(ROWS, parameters=["op", "depth"], objectives={"accuracy": "maximize"}, name="one")

BAD_CALLS: dict[str, tuple[Callable[[], object], type[BonasError], str]] = {
    "a duplicate": (
        _with(op="a"),
        InvalidArgument,
        r"rows 0 and 8 are both \{'op': 'a', 'depth': 1\}; merge them",
    ),
    "a duplicate in other words": (_with(op="a", depth=1.0), InvalidArgument, "rows 0 and 8"),
    "no row": (_of([]), InvalidArgument, r"expected at least two rows, got \[\]"),
    "no rows at all": (_of(None), InvalidArgument, "rows must be a list of dicts, .* got None"),
    "a word": (_of("rows"), InvalidArgument, "rows must be a list of dicts, .* got 'rows'"),
    "a row of another kind": (
        _of([*ROWS, ("a", 1, 90.0)]),
        InvalidArgument,
        r"row 8 must be a dict from a name to a value: \('a', 1, 90.0\)",
    ),
    "a row without a parameter": (
        _of([*ROWS, {"op": "e", "accuracy": 1.0}]),
        InvalidArgument,
        r"row 8 does not say the parameters \['depth'\]; it has \['op', 'accuracy'\]",
    ),
    "too few choices": (
        _of({("a",): {"accuracy": 1.0}}),
        InvalidArgument,
        r"row 0 has the choices \('a',\), expected 2, those of \['op', 'depth'\]",
    ),
    "a missing choice": (
        _with(op=NAN),
        InvalidArgument,
        "row 8 has nan as the parameter 'op'; expected a word, .* name a choice",
    ),
    "an object as a choice": (_with(op=[3]), InvalidArgument, r"row 8 has \[3\] as the parameter"),
    "a word as a value": (
        _with(latency="fast"),
        InvalidArgument,
        "row 8 has 'fast' as 'latency'; expected a number, or NaN or None",
    ),
    "a truth as a value": (_with(accuracy=True), InvalidArgument, "row 8 has True as 'accuracy'"),
    "a misspelt objective": (
        _of(ROWS, objectives={"accurcy": "maximize"}),
        InvalidArgument,
        r"no row of 'table' has a finite value of each objective \['accurcy'\]; check their names",
    ),
    "no direction": (
        _of(ROWS, objectives=["accuracy"]),
        InvalidArgument,
        "objectives must map at least one name",
    ),
    "no parameter": (_of(ROWS, ()), InvalidArgument, r"a list of different names, got \(\)"),
    "a parameter twice": (_of(ROWS, ["op", "op"]), InvalidArgument, r"different names, got \['op'"),
    "a word as parameters": (_of(ROWS, "op"), InvalidArgument, "different names, got 'op'"),
    "an objective as parameter": (
        _of(ROWS, ["op", "accuracy"]),
        InvalidArgument,
        r"\['accuracy'\] are among the parameters and the objectives",
    ),
    "a constant parameter": (
        _of([{**row, "width": 8} for row in ROWS], ["op", "depth", "width"]),
        InvalidArgument,
        "parameter 'width' is 8 in every row, .* leave it out of parameters",
    ),
    "the optimum of two": (
        lambda: OWN.optimum,
        InvalidArgument,
        r"an optimum is of one objective, and 'mine' has \['accuracy', 'latency'\]; ask for the f",
    ),
    "the regret of two": (
        lambda: OWN.regret([[1.0, 2.0]]),
        InvalidArgument,
        "a regret is of one objective",
    ),
    "no such row": (
        lambda: OWN.true_values([{"op": "c", "depth": 2}]),
        InvalidArgument,
        r"'mine' has no row of \{'op': 'c', 'depth': 2\}; expected one of its 5 rows, such as \{",
    ),
    "half a row": (
        lambda: OWN.true_values([{"op": "c"}]),
        InvalidArgument,
        r"'mine' has no row of \{'op': 'c'\}",
    ),
    "choices without a list": (
        lambda: OWN.true_values({"op": "a", "depth": 1}),  # type: ignore[arg-type]
        InvalidArgument,
        "'mine' has no row of 'op'; expected one of",
    ),
    "values of another shape": (
        lambda: OWN.scaled([1.0, 2.0]),
        InvalidArgument,
        r"expected finite values n x 2 \(accuracy \[%\], latency \[ms\]\), .* of shape \(2,\)",
    ),
    "values that are none": (
        lambda: OWN.hypervolume([[1.0, NAN]]),
        InvalidArgument,
        r"expected finite values n x 2",
    ),
    "too many values": (
        lambda: ONE.regret([[1.0, 2.0]]),
        InvalidArgument,
        r"expected finite values n x 1 \(accuracy \[%\]\), .* of shape \(1, 2\)",
    ),
    "another data set": (
        lambda: NASBench201Table("mnist"),
        InvalidArgument,
        "unknown data set of NAS-Bench-201 'mnist'; expected one of 'ImageNet16-120', 'cifar10'",
    ),
    "another objective": (
        lambda: NASBench201Table("cifar10", ("accuracy", "energy")),
        InvalidArgument,
        "unknown objective of NAS-Bench-201 'energy'; expected one of 'accuracy', 'edgegpu_energy'",
    ),
    "an objective twice": (
        lambda: NASBench201Table("cifar10", ("accuracy", "accuracy")),
        InvalidArgument,
        "objective names must differ",
    ),
    "no objective": (
        lambda: NASBench201Table("cifar10", ()),
        InvalidArgument,
        "objectives must map at least one name",
    ),
    "a word as objectives": (
        lambda: NASBench201Table("cifar10", "accuracy"),
        InvalidArgument,
        r'a list of names such as \("accuracy",\), got \'accuracy\'',
    ),
    "another signal": (
        lambda: NASBench201Table("cifar10", signal="two_seeds"),
        InvalidArgument,
        "unknown signal of NAS-Bench-201 'two_seeds'; expected one of '12_epochs', 'mean', 'one_",
    ),
    "another problem": (
        lambda: problem("nb301"),
        InvalidArgument,
        "unknown benchmark problem 'nb301'; expected one of 'nb201-cifar10', .*'spikenas', 'trans",
    ),
    "a problem without its folder": (
        lambda: problem("spikenas"),
        InvalidArgument,
        "the problem 'spikenas' is read from a folder, and none was given; pass",
    ),
    "another task": (
        lambda: TransNASBench101("nowhere", task="class_scene"),
        InvalidArgument,
        "unknown task of TransNAS-Bench-101 'class_scene'; expected one of 'autoencoder', 'class_o",
    ),
    "another space": (
        lambda: TransNASBench101("nowhere", "micro"),
        InvalidArgument,
        "unknown space of TransNAS-Bench-101 'micro'; expected one of 'cell', 'macro'",
    ),
    "a folder without the file": (
        lambda: SpikeNASBench("nowhere"),
        MissingData,
        r"there is no spikenas.npz in 'nowhere'. It holds .*tju-sun-lab/SpikeNAS-Bench .* arrays "
        r"ops, final_val_acc; pass the folder",
    ),
    "another folder without the file": (
        lambda: problem("transnas-macro-jigsaw", "nowhere"),
        MissingData,
        r"there is no transnas101.npz in 'nowhere'. It holds .*leeyeehoo/GenNAS-Zero",
    ),
}


@pytest.mark.parametrize("case", BAD_CALLS)
def test_what_cannot_work_is_explained(case: str) -> None:
    call, error, message = BAD_CALLS[case]
    with pytest.raises(error, match=message):
        call()


def volume(losses: Array) -> float:
    """The hypervolume up to (1, ..., 1), by slices along the last objective."""
    inside = losses[(losses < 1.0).all(axis=1)]
    if len(inside) == 0:
        return 0.0
    if losses.shape[1] == 1:
        return 1.0 - float(inside.min())
    total, levels = 0.0, [*sorted(set(inside[:, -1].tolist())), 1.0]
    for low, high in pairwise(levels):
        total += (high - low) * volume(inside[inside[:, -1] <= low, :-1])
    return total


def test_scaled_values_by_hand() -> None:
    expected = [[0.0, 1.0], [0.25, 0.5], [0.75, 0.25], [1.0, 0.0], [0.875, 0.375]]
    np.testing.assert_array_equal(OWN.scaled(OWN.truth), expected)
    np.testing.assert_array_equal(OWN.scaled([[94.0, 11.0]]), [[-0.1, 1.25]])
    assert OWN.scaled([]).shape == (0, 2)


def test_the_hypervolume_by_hand() -> None:
    # Up to (1, 1), (1/4, 1/2) dominates 3/4 x 1/2; (3/4, 1/4) adds 1/4 x 1/4; the ends add nothing.
    assert OWN.max_hypervolume == 3 / 8 + 1 / 16
    assert OWN.hypervolume([[60.0, 3.0]]) == 1 / 4 * 3 / 4
    assert OWN.gap([[80.0, 5.0]]) == pytest.approx(1 / 7)
    assert OWN.gap(OWN.truth) == 0.0


def test_points_beyond_the_reference_point_add_nothing() -> None:
    assert OWN.hypervolume([[40.0, 3.0], [80.0, 10.0]]) == 0.0
    assert OWN.hypervolume([]) == 0.0
    assert OWN.gap([]) == 1.0


def test_the_front_by_hand() -> None:
    choices, values = OWN.front
    assert [tuple(c.values()) for c in choices] == [("a", 1), ("a", 2), ("b", 1), ("b", 2)]
    np.testing.assert_array_equal(values, OWN.truth[:4])


def test_the_answers_to_one_objective_by_hand() -> None:
    assert ONE.masked == 1
    assert ONE.optimum == ({"op": "d", "depth": 1}, 99.0)  # the first of the two
    assert ONE.regret([60.0, 90.0, 55.0]) == 9.0
    assert ONE.regret([[60.0]]) == 39.0
    assert ONE.regret([]) == math.inf
    assert ONE.max_hypervolume == 1.0
    assert ONE.gap([50.0]) == 1.0
    assert ONE.gap([[74.5], [60.0]]) == 0.5
    tied, values = ONE.front
    assert [c["depth"] for c in tied] == [1, 2]
    np.testing.assert_array_equal(values, [[99.0], [99.0]])


def test_a_regret_to_be_minimised_has_the_same_sign() -> None:
    table = Table.of(ROWS[:5], parameters=["op", "depth"], objectives={"latency": "minimize"})
    assert table.optimum == ({"op": "b", "depth": 2}, 1.0)
    assert table.regret([3.0, 9.0]) == 2.0


def test_an_objective_that_never_changes_has_no_regret() -> None:
    rows = {(x,): {"accuracy": 50.0, "latency": float(x)} for x in (1, 2)}
    table = Table.of(rows, parameters=["x"], objectives=BOTH)
    np.testing.assert_array_equal(table.scaled(table.truth), [[0.0, 0.0], [0.0, 1.0]])
    assert table.gap([[50.0, 1.0]]) == 0.0


def test_a_table_of_extremes_only_has_no_gap() -> None:
    rows = {(x,): {"accuracy": float(x), "latency": float(x)} for x in (1, 2)}
    table = Table.of(rows, parameters=["x"], objectives=BOTH)
    assert table.max_hypervolume == 0.0
    assert table.gap([]) == 0.0


@st.composite
def tables(draw: st.DrawFn) -> Table:
    m = draw(st.integers(1, 3))
    values = draw(
        st.lists(st.tuples(*[st.integers(-5, 5)] * m), min_size=2, max_size=12).map(np.array)
    )
    ways = [draw(st.sampled_from(["maximize", "minimize"])) for _ in range(m)]
    goals = [Objective(f"o{j}", way) for j, way in enumerate(ways)]  # type: ignore[arg-type]
    rows = [{"x": i, **{f"o{j}": float(v) for j, v in enumerate(r)}} for i, r in enumerate(values)]
    return Table.of(rows, parameters=["x"], objectives=goals)


@given(tables(), st.data())
def test_the_hypervolume_is_that_of_a_sweep_and_never_falls(
    table: Table, data: st.DataObject
) -> None:
    picked = data.draw(st.lists(st.integers(0, len(table.rows) - 1), max_size=8))
    values = table.truth[picked]
    assert table.hypervolume(values) == pytest.approx(volume(table.scaled(values)), abs=1e-12)
    steps = [table.hypervolume(values[:i]) for i in range(len(values) + 1)]
    assert all(b >= a - 1e-12 for a, b in pairwise(steps))
    assert -1e-12 <= table.gap(values) <= 1.0


@given(tables())
def test_the_front_is_what_no_other_row_beats(table: Table) -> None:
    losses = table.scaled(table.truth)
    beaten = [
        any((other <= one).all() and (other < one).any() for other in losses) for one in losses
    ]
    numbers = {table.row(choices) for choices in table.front[0]}
    assert numbers == {i for i, b in enumerate(beaten) if not b}
    assert table.gap(table.front[1]) == pytest.approx(0.0, abs=1e-12)


def test_a_lookup_returns_what_it_is_and_what_it_sees() -> None:
    lookup = OWN.evaluate
    assert lookup.objectives == OWN.objectives
    assert lookup.describe() == {
        "accuracy": {"table": "mine", "signal": "truth"},
        "latency": {"table": "mine", "signal": "truth"},
    }
    assert look_up(OWN, {"op": "a", "depth": 2}) == {"accuracy": 80.0, "latency": 5.0}


def recorded(objectives: Sequence[Objective], masked: Sequence[int] = ()) -> Table:
    """Cells of one edge, each with two recordings of the accuracy, the first with a third."""
    space = NASBench201(nodes=2, allow_disconnected=True)
    rows = [(operation,) for operation in space.operations]
    accuracy = np.array([[1.0, 2.0, 6.0], *([10.0 * i, 10.0 * i + 1, NAN] for i in range(1, 5))])
    cost = np.where(np.isin(np.arange(5), masked), NAN, np.arange(5.0))
    columns = {
        "accuracy": (np.nanmean(accuracy, 1), accuracy),
        "cost": (cost, cost[:, None] + [0] * 3),
    }
    return Table(
        "recorded",
        space,
        tuple(objectives),
        rows,
        np.stack([columns[o.name][0] for o in objectives], 1),
        np.stack([columns[o.name][1] for o in objectives], 1),
        "one_seed",
    )


COST = Objective("cost", "minimize")


def test_an_evaluation_returns_one_recording_and_always_the_same() -> None:
    table = recorded([ACCURACY])
    choices = {"edge_0_1": "none"}
    shown = [look_up(table, choices, seed)["accuracy"] for seed in range(600)]
    assert shown == [look_up(table, choices, seed)["accuracy"] for seed in range(600)]
    # Each of three comes 200 times of 600; five standard errors are 5 sqrt(600 x 1/3 x 2/3) = 58.
    assert {value: abs(shown.count(value) - 200) < 58 for value in set(shown)} == {
        1.0: True,
        2.0: True,
        6.0: True,
    }
    assert table.true_values([choices]) == [[3.0]]
    assert Lookup(table, 7).describe()["accuracy"] == {
        "table": "recorded",
        "signal": "one_seed",
        "seed": 7,
    }


def test_a_recording_that_is_not_there_is_never_shown() -> None:
    shown = {
        look_up(recorded([ACCURACY]), {"edge_0_1": "skip_connect"}, s)["accuracy"]
        for s in range(99)
    }
    assert shown == {10.0, 11.0}


def test_other_rows_and_objectives_do_not_change_what_is_shown() -> None:
    alone, both = recorded([ACCURACY]), recorded([COST, ACCURACY], masked=[0])
    assert both.masked == 1
    for choices in both.space:
        for seed in range(9):
            shown = look_up(both, choices, seed)
            assert shown["accuracy"] == look_up(alone, choices, seed)["accuracy"]
            assert shown["cost"] == both.true_values([choices])[0, 0]


def test_a_row_that_shows_nothing_is_masked() -> None:
    space = NASBench201(nodes=2, operations=("none", "skip_connect"), allow_disconnected=True)
    truth = np.array([[1.0], [2.0]])
    table = Table("t", space, (ACCURACY,), [("none",), ("skip_connect",)], truth, truth[:, :, None])
    assert table.masked == 0
    shown = np.array([[[NAN]], [[2.0]]])
    table = Table("t", space, (ACCURACY,), [("none",), ("skip_connect",)], truth, shown)
    assert table.masked == 1
    assert not table.space.is_valid({"edge_0_1": "none"})


def test_non_dominated_rows_come_by_their_first_objective() -> None:
    losses = np.array([[2.0, 1.0], [1.0, 2.0], [2.0, 2.0], [0.0, 9.0], [1.0, 2.0]])
    assert non_dominated(losses).tolist() == [3, 1, 4, 0]
