import torch
from torch import nn

from bonas.gradient_search.mixture.decision import Decision
from bonas.gradient_search.mixture.mixture import Mixture
from bonas.gradient_search.mixture.perturbation import importances, select_by_perturbation
from bonas.spaces import CellSpace

SPACE = CellSpace(3, ("skip_connect", "nor_conv_1x1", "nor_conv_3x3"), channels=2, cells=1)
NEED = {"edge_0_1": "nor_conv_3x3", "edge_0_2": "skip_connect", "edge_1_2": "nor_conv_1x1"}


def mixture() -> Mixture:
    """Logits that want the first option everywhere, whatever the loss needs."""
    drawn = torch.Generator()
    decisions = {name: Decision(options, drawn) for name, options in SPACE.parameters.items()}
    for decision in decisions.values():
        decision.logits.data = torch.tensor([3.0, 0.0, 0.0])
    return Mixture(SPACE, nn.Identity(), decisions)


def loss_of(one: Mixture) -> float:
    """The fewer of the needed options are left, the higher; the logits do not matter."""
    return sum(10.0 * (need not in one.decision(name).left) for name, need in NEED.items())


def test_an_option_matters_as_much_as_the_loss_rises_without_it() -> None:
    one = mixture()
    found = importances(one, "edge_0_1", lambda: loss_of(one))
    assert found == {"skip_connect": 0.0, "nor_conv_1x1": 0.0, "nor_conv_3x3": 10.0}
    assert len(one.decision("edge_0_1").left) == 3


def test_what_the_loss_needs_is_selected_and_not_what_the_logits_want() -> None:
    one, tuned = mixture(), []
    chosen = select_by_perturbation(
        one, lambda: loss_of(one), lambda: tuned.append(1), torch.Generator()
    )
    assert chosen == NEED
    assert len(tuned) == 3
    assert all(one.decision(name).left == [need] for name, need in NEED.items())
