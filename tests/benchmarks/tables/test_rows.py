"""The rows of a user's own table, and what cannot be one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from small_tables import BOTH, NAN, ONE, OWN, ROWS

from bonas.benchmarks.tables import (
    NASBench201Table,
    SpikeNASBench,
    Table,
    TransNASBench101,
    problem,
)
from bonas.errors import BonasError, InvalidArgument, MissingData


class Frame:
    """What a pandas DataFrame does here, numpy scalars among its values."""

    def to_dict(self, orient: str, /) -> list[dict[str, Any]]:
        assert orient == "records"
        return [{**row, "depth": np.int64(row["depth"])} for row in ROWS]


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


def _of(
    rows: Any, parameters: Any = ("op", "depth"), objectives: Any = BOTH
) -> Callable[[], Table]:
    return lambda: Table.of(rows, parameters=parameters, objectives=objectives)


def _with(**changed: Any) -> Callable[[], Table]:
    """Return a function that makes the table with one more row."""
    return _of([*ROWS, {"op": "e", "depth": 1, "accuracy": 50.0, "latency": 2.0, **changed}])


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
