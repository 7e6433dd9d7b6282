import pytest

from bonas.errors import InvalidSpace
from bonas.gradient_search.guards import check_mode, has_weights
from bonas.spaces import CellSpace, Choices, DARTSSpace, MLPSpace, NASBench201

CELL = NASBench201(channels=4, cells=1)
DARTS = DARTSSpace.small()


def cell(*operations: str) -> Choices:
    return dict(zip(CELL.parameters, operations, strict=True))


@pytest.mark.parametrize(
    "operations",
    [
        ("skip_connect", "avg_pool_3x3", "none", "skip_connect", "none", "avg_pool_3x3"),
        ("none", "none", "skip_connect", "avg_pool_3x3", "none", "none"),
        # the only convolution lies on no path from input to output: it is built, but never run
        ("nor_conv_3x3", "skip_connect", "none", "avg_pool_3x3", "none", "skip_connect"),
    ],
)
def test_a_cell_that_runs_no_weights_is_refused(operations: tuple[str, ...]) -> None:
    (reason,) = check_mode(CELL, cell(*operations))
    assert "no parameters" in reason


@pytest.mark.parametrize("name", ["skip_connect", "nor_conv_3x3", "none"])
def test_one_operation_everywhere_is_refused(name: str) -> None:
    assert check_mode(CELL, cell(*[name] * 6))[-1] == f"each of 6 parameters is {name!r}"


def test_one_convolution_on_a_path_is_enough() -> None:
    operations = ("skip_connect", "none", "none", "nor_conv_1x1", "none", "none")
    assert check_mode(CELL, cell(*operations)) == []


def genotype(normal: str, reduction: str) -> Choices:
    choices = DARTS.completed({})
    for name in choices:
        if name.endswith(("first", "second")):
            choices = {**choices, name: normal if name.startswith("normal") else reduction}
    return choices


def test_the_normal_cells_of_darts_decide() -> None:
    assert check_mode(DARTS, genotype("sep_conv_3x3", "max_pool_3x3")) == []
    (reason,) = check_mode(DARTS, genotype("skip_connect", "sep_conv_3x3"))
    assert reason == "its cell has no parameters, it runs skip_connect"


def test_equal_widths_are_no_collapse() -> None:
    space = MLPSpace(8, 2, widths=(16, 32), depths=(4,))
    widths = {name: 16 for name in space.parameters if name.startswith("width")}
    assert check_mode(space, space.completed(widths)) == []


def test_a_short_cell_has_no_everywhere() -> None:
    space = CellSpace(nodes=2, operations=("skip_connect", "nor_conv_3x3"))
    assert check_mode(space, {"edge_0_1": "nor_conv_3x3"}) == []


def test_choices_of_another_space_are_an_error() -> None:
    with pytest.raises(InvalidSpace):
        check_mode(CELL, {"width": 3})


def test_operations_with_weights_are_those_that_have_parameters() -> None:
    names = ("none", "skip_connect", "avg_pool_3x3", "max_pool_3x3", "nor_conv_1x1", "sep_conv_5x5")
    assert [has_weights(name) for name in (*names, "dil_conv_3x3")] == [False] * 4 + [True] * 3
