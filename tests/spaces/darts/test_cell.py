"""Cells of DARTS: what is left out, strides, and sizes by hand."""

from __future__ import annotations

import pytest

from bonas.spaces.darts.cell import CellPlan, Design, design
from bonas.spaces.sketch import Sketch

STEPS: Design = ((("max_pool_3x3", 0), ("sep_conv_3x3", 1)), (("skip_connect", 2),))


def cell(**others: object) -> CellPlan:
    settings = {"inputs": (3, 4), "width": 2, "size": 6, "reduces": False, "halves": False}
    return CellPlan(STEPS, **{**settings, **others})  # type: ignore[arg-type]  # as above


def test_what_reads_nothing_but_zeros_is_left_out() -> None:
    states = [[("none", 0), ("none", 1)], [("sep_conv_3x3", 2), ("skip_connect", 1)]]
    assert design(states) == ((), (("skip_connect", 1),))
    dead = [[("none", 0), ("none", 1)], [("sep_conv_3x3", 2), ("none", 1)]]
    assert design(dead) == ((), ())


@pytest.mark.parametrize(("reduces", "size"), [(False, 6), (True, 3)])
def test_a_reduction_cell_halves_what_its_inputs_bring(reduces: bool, size: int) -> None:
    one = cell(reduces=reduces)
    assert (one.outputs, one.output_size) == (4, size)
    assert [one.stride(state) for state in (0, 1, 2)] == ([2, 2, 1] if reduces else [1, 1, 1])


def test_an_input_of_before_a_reduction_is_halved_by_its_convolution() -> None:
    after = cell(halves=True)
    assert [after.input_stride(state) for state in (0, 1)] == [2, 1]


def test_inputs_that_no_operation_reads_are_left_out() -> None:
    one = CellPlan(((("skip_connect", 1),),), (3, 4), 2, 6, False, False)
    assert one.used == (1,)
    sketch = Sketch((3, 6, 6))
    one.add_to(sketch, (sketch.input, sketch.input))
    assert [o.label for o in sketch.operations] == (
        ["input", "cell_input_1", "skip_connect", "add", "concat"]
    )


def test_the_sizes_of_a_cell_by_hand() -> None:
    # Inputs 3 -> 2 and 4 -> 2, 6 + 4 and 8 + 4; the separable convolution, twice 18 + 4 + 4.
    sketch = Sketch((3, 6, 6))
    output = cell().add_to(sketch, (sketch.input, sketch.input))
    assert sketch.operations[output].shape == (4, 6, 6)
    assert sketch.costs == {"parameters": 10 + 12 + 52, "multiply_adds": (6 + 8 + 44) * 36}
