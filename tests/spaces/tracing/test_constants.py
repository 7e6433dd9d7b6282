"""Constants in labels: equal values are equal text, and work on them counts once."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from bonas.spaces.tracing.calls import Call
from bonas.spaces.tracing.constant_folding import ConstantFolder
from bonas.spaces.tracing.constants import LIMIT, Constant, Work, expression, value_label
from bonas.spaces.tracing.known_tensors import attach_constant, constant_of, known_tensors

VALUES = st.lists(st.lists(st.integers(-2, 2), min_size=3, max_size=3), min_size=1, max_size=4)


@given(VALUES, VALUES)
def test_labels_are_equal_exactly_for_equal_values(a: list[list[int]], b: list[list[int]]) -> None:
    """Check values up to broadcasting, which changes no result."""
    x, y = torch.tensor(a), torch.tensor(b)
    same = x.shape == y.shape and torch.equal(x, y)
    rows = [len({tuple(row) for row in v}) == 1 for v in (a, b)]
    repeated = all(rows) and a[0] == b[0]
    assert (value_label(x) == value_label(y)) == (same or repeated)


def test_the_dtype_of_many_values_is_part_of_their_digest() -> None:
    x = torch.arange(9)
    assert value_label(x) != value_label(x.float())
    assert value_label(x.bfloat16()) != value_label(x.float())
    assert value_label(x)[0] == "#"


def test_values_without_a_text_have_that_of_their_dtype() -> None:
    assert value_label(torch.eye(3).to_sparse()) == "float32"


def test_a_frozen_constant_keeps_the_label_of_its_first_values() -> None:
    x = torch.zeros(2)
    frozen, live = Constant(x, frozen=True), Constant(x)
    x.fill_(3.0)
    assert frozen.label == "0"
    assert live.label == "3"


def test_a_long_expression_is_a_digest() -> None:
    short, long = expression("a", ["b", "", "c"]), expression("matmul", ["x" * 40])
    assert short == "a(b, c)"
    assert long.startswith("matmul#")
    assert long != expression("matmul", ["y" * 40])


def test_work_on_a_batch_is_shared_and_other_work_is_not() -> None:
    # 40 multiply-adds for 4 rows: of a batch of 4 each example has its share
    assert Work(40, 4).for_batch(4) == 40
    assert Work(40, 1).for_batch(4) == 160


def fold(folder: ConstantFolder, name: str, *inputs: Constant, on: torch.Tensor) -> Constant:
    function = getattr(torch, name)
    meta = [torch.empty_like(on, device="meta") for _ in inputs]
    values = {id(x): constant for x, constant in zip(meta, inputs, strict=True)}
    call = Call(name, function, tuple(meta), {}, function(*meta))
    (found,) = folder.fold(call, inputs, [call.out], 7, lambda x: values[id(x)])
    return found


def test_a_function_of_known_values_is_computed() -> None:
    x = torch.tensor([1.0, 4.0])
    found = fold(ConstantFolder(), "sqrt", Constant(x), on=x)
    assert found.values is not None
    assert found.values.tolist() == [1.0, 2.0]
    assert found.works == ()


def test_a_function_of_parameters_is_an_expression_that_costs() -> None:
    x = nn.Parameter(torch.ones(3, 3))
    found = fold(ConstantFolder(), "matmul", *[Constant(parameters=(x,))] * 2, on=x.detach())
    assert found.values is None
    assert found.label == "matmul(parameter, parameter)"
    assert found.parameters == (x, x)
    assert [(work.multiply_adds, work.rows) for work in found.works] == [(7, 3)]


def test_a_large_result_is_an_expression() -> None:
    x = torch.zeros(LIMIT + 1)
    found = fold(ConstantFolder(), "cos", Constant(x), on=x)
    assert found.values is None
    assert found.label == "cos(0)"


def test_random_numbers_are_an_expression() -> None:
    x = torch.zeros(3)
    found = fold(ConstantFolder(), "rand_like", Constant(x), on=x)
    assert (found.values, found.label) == (None, "rand_like")


def test_values_of_a_module_are_not_overwritten() -> None:
    """Check an in-place function: the buffer belongs to the network, its copy to the run."""
    buffer, meta = torch.zeros(3), torch.zeros(3, device="meta")
    constant = Constant(buffer)
    folder = ConstantFolder()
    for expected in (1.0, 2.0):
        call = Call("add", torch.Tensor.add_, (meta, 1.0), {}, meta)
        current = constant
        (constant,) = folder.fold(call, [current], [meta], None, lambda _, c=current: c, meta)  # type: ignore[misc]  # bound now
        assert constant.values is not None
        assert constant.values.tolist() == [expected] * 3
    assert buffer.tolist() == [0.0] * 3


GLOBAL = torch.full((2,), 5.0)


class Holder(nn.Module):
    """A network with tensors in every place that holds some."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.register_buffer("buffer", torch.full((2,), 1.0))
        self.plain = torch.full((2,), 2.0)
        self.listed = [{"key": (torch.full((2,), 3.0),)}]
        inner = torch.full((2,), 4.0)
        self.function = lambda x: x + inner

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + GLOBAL


def test_tensors_are_found_wherever_a_network_holds_them() -> None:
    found = {constant.label for _, constant in known_tensors(Holder())}
    assert found == {"", "1", "2", "3", "4", "5"}


def test_a_parameter_in_a_list_is_found_once() -> None:
    holder = Holder()
    holder.listed.append({"key": (holder.weight,)})
    assert sum(tensor is holder.weight for tensor, _ in known_tensors(holder)) == 1


def test_a_large_tensor_is_known_by_its_existence_only() -> None:
    assert constant_of(torch.zeros(LIMIT + 1)).label == ""
    assert constant_of(torch.zeros(3, device="meta")).label == "unknown"
    meta = attach_constant(torch.zeros(3, device="meta"), Constant(torch.ones(3)))
    assert constant_of(meta).label == "1"
