from typing import Any

import torch
from torch import nn

import bonas
from bonas.gradient_search.paths.gumbel import GumbelGates
from bonas.gradient_search.paths.places import Places
from bonas.gradient_search.policy import Policy
from bonas.supernets import Supernet
from tests.gradient_search.paths.fixed_losses import FixedLosses


class Times(nn.Module):
    """A module that multiplies by a number; it has no weights."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.factor * x


FACTORS = {"one": 1.0, "two": 2.0, "three": 3.0}


@bonas.space(input=torch.zeros(1, 1), identity="choices")
def product(choose: Any) -> nn.Module:
    first = choose("first", {name: (lambda x=x: Times(x)) for name, x in FACTORS.items()})
    return nn.Sequential(first, Times(float(choose("second", (1, 2)))))


def gates(seed: int = 0) -> GumbelGates:
    policy = Policy(product)
    with torch.no_grad():
        policy.logits["first"].copy_(torch.tensor([0.5, -0.2, 0.1]))
        policy.logits["second"].copy_(torch.tensor([0.3, 0.0]))
    weights, generator = FixedLosses(), torch.Generator().manual_seed(seed)
    return GumbelGates(policy, Places(Supernet(product), "gdas"), weights, generator)  # type: ignore[arg-type]  # that is all it asks of weights


def test_draws_follow_the_policy_at_every_temperature() -> None:
    own = gates()
    p = own._policy.probabilities["first"].detach()
    for temperature in (10.0, 0.1):
        drawn = [own.drawn(temperature)[0]["first"] for _ in range(2_000)]
        for name, expected in zip(FACTORS, p.tolist(), strict=True):
            error = (expected * (1 - expected) / 2_000) ** 0.5
            assert abs(drawn.count(name) / 2_000 - expected) < 5 * error


def test_a_gate_has_the_gradient_of_the_tempered_softmax() -> None:
    own, temperature = gates(3), 0.7
    logits = own._policy.logits["first"]
    choices, found = own.drawn(temperature)
    again = torch.Generator().manual_seed(3)
    noise = -torch.empty(3, dtype=torch.float64).exponential_(generator=again).log()
    soft = ((logits.detach() + noise) / temperature).softmax(0)
    index = list(FACTORS).index(str(choices["first"]))
    assert index == int((logits.detach() + noise).argmax())
    assert found["first"].item() == 1.0
    (gradient,) = torch.autograd.grad(found["first"], logits)
    expected = soft[index] * (torch.eye(3, dtype=torch.float64)[index] - soft) / temperature
    assert torch.allclose(gradient, expected)


def test_where_a_parameter_has_no_gate_two_networks_give_its_score() -> None:
    own = gates(1)
    assert own._places.parameters == {"first"}
    loss = own.loss(1.0)  # the temperature is 0.1
    again = gates(1)
    (one, _), (two, _) = again.drawn(0.1), again.drawn(0.1)
    losses = [(FACTORS[str(c["first"])] * int(str(c["second"]))) ** 2.0 for c in (one, two)]
    assert loss.item() == sum(losses) / 2
    (gradient,) = torch.autograd.grad(loss, own._policy.logits["second"])
    p = own._policy.probabilities["second"].detach()
    scores = [torch.eye(2, dtype=torch.float64)[[1, 2].index(c["second"])] - p for c in (one, two)]  # type: ignore[arg-type]  # a number
    expected = sum((x - sum(losses) / 2) * s for x, s in zip(losses, scores, strict=True))
    assert torch.allclose(gradient, torch.as_tensor(expected))


def test_gates_on_one_path_prefer_what_lowers_the_loss() -> None:
    own = gates(2)
    adam = torch.optim.Adam(own._policy.logits.values(), 0.05)
    for step in range(150):
        adam.zero_grad()
        own.loss(step / 150).backward()  # type: ignore[no-untyped-call]  # untyped in torch
        adam.step()
    assert own._policy.mode() == {"first": "one", "second": 1}
