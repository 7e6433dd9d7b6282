from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bonas.errors import InvalidArgument
from bonas.gradient_search.paths.gates import paired, scaled, straight_through
from bonas.gradient_search.paths.places import Place

X = torch.tensor([[1.0, 2.0]])


class Outputs(nn.Module):
    """A module with an output of several tensors."""

    def forward(self, x: Tensor) -> Any:
        return {"y": (2 * x, x.long()), "n": 3}


def gate() -> Tensor:
    soft = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    return soft


def test_a_gate_changes_no_output_and_has_the_gradient_of_its_probability() -> None:
    module, soft = nn.Linear(2, 2), gate()
    before = module(X)
    with scaled({Place("a", module, ("p",)): straight_through(torch.ones(()), soft)}):
        output = module(X)
    assert torch.equal(output, before)
    weights = torch.tensor([[5.0, -1.0]])  # dL/dy
    (found,) = torch.autograd.grad((weights * output).sum(), soft)
    assert found.item() == pytest.approx((weights * before).sum().item())
    assert torch.equal(module(X), before)
    assert not module(X).grad_fn.name().startswith("Mul")  # type: ignore[union-attr]  # it has one


def test_gates_are_removed_after_an_error() -> None:
    module = nn.ReLU()
    with pytest.raises(ZeroDivisionError), scaled({Place("a", module, ()): torch.tensor(2.0)}):
        raise ZeroDivisionError
    assert torch.equal(module(X), X)


def test_all_real_tensors_of_an_output_are_scaled() -> None:
    module = Outputs()
    with scaled({Place("a", module, ()): torch.tensor(3.0)}):
        found = module(X)
    assert torch.equal(found["y"][0], 6 * X)
    assert torch.equal(found["y"][1], X.long())
    assert found["n"] == 3


def test_two_paths_are_summed_by_their_gates() -> None:
    one, other = nn.Linear(2, 2), nn.Linear(2, 2)
    gates = torch.tensor([0.25, 0.5], requires_grad=True)
    expected = [module(X) for module in (one, other)]
    with paired({Place("a", one, ("p",)): (gates, other)}):
        output = one(X)
    assert torch.allclose(output, 0.25 * expected[0] + 0.5 * expected[1])
    (found,) = torch.autograd.grad(output.sum(), gates)
    assert torch.allclose(found, torch.stack([y.sum() for y in expected]))
    assert torch.equal(one(X), expected[0])


def test_a_path_that_changes_its_input_in_place_does_not_change_that_of_the_other() -> None:
    one, other = nn.ReLU(inplace=True), nn.ReLU(inplace=True)
    x = torch.tensor([[-1.0, 2.0]])
    with paired({Place("a", one, ("p",)): (torch.tensor([0.0, 1.0]), nn.Identity())}):
        assert torch.equal(one(x.clone()), x)
    with paired({Place("a", nn.Identity(), ("p",)): (torch.tensor([1.0, 0.0]), other)}) as _:
        assert torch.equal(x, torch.tensor([[-1.0, 2.0]]))


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (nn.Linear(2, 3), r"outputs of the shapes \(1, 2\), \(1, 3\)"),
        (nn.Linear(5, 2), "RuntimeError: mat1 and mat2"),
    ],
)
def test_a_path_that_does_not_fit_is_refused(other: nn.Module, message: str) -> None:
    one = nn.Linear(2, 2)
    place = Place("a", one, ("width",))
    with (
        pytest.raises(InvalidArgument, match=f"options of 'width'.*{message}.*gdas"),
        paired({place: (torch.ones(2), other)}),
    ):
        one(X)
    assert torch.equal(one(X), one(X))
    assert not one._forward_hooks
    assert not one._forward_pre_hooks
