import torch

from bonas.gradient_search.paths.reinforce import Reinforce
from bonas.gradient_search.policy import Policy
from bonas.supernets import Supernet
from tests.gradient_search.paths.fixed_losses import FixedLosses
from tests.gradient_search.paths.test_gumbel import FACTORS, product


def reinforce(seed: int) -> Reinforce:
    generator = torch.Generator().manual_seed(seed)
    return Reinforce(Policy(product), Supernet(product), FixedLosses(), generator)  # type: ignore[arg-type]  # that is all it asks of weights


def test_a_step_has_the_score_function_of_the_networks_that_are_drawn() -> None:
    own = reinforce(0)
    loss = own.loss(0.0)
    policy, generator = Policy(product), torch.Generator().manual_seed(0)
    drawn = [policy.sample(generator) for _ in range(4)]
    entropy = 1e-4 * torch.tensor(1 / 6).log().item()  # both parameters are uniform
    values = [(FACTORS[str(c["first"])] * int(str(c["second"]))) ** 2 for c in drawn]
    mean = sum(values) / 4
    assert abs(loss.item() - mean - entropy) < 1e-6
    (gradient,) = torch.autograd.grad(loss, own._policy.logits["second"])
    expected = torch.zeros(2, dtype=torch.float64)
    for value, choices in zip(values, drawn, strict=True):
        score = torch.full((2,), -0.5, dtype=torch.float64)
        score[[1, 2].index(int(str(choices["second"])))] += 1.0
        expected += (value - mean) / 3 * score
    assert torch.allclose(gradient, expected, atol=1e-5)


def test_the_policy_moves_to_the_best_networks() -> None:
    own = reinforce(1)
    adam = torch.optim.Adam(own._policy.logits.values(), 0.05)
    for _ in range(150):
        adam.zero_grad()
        own.loss(0.0).backward()  # type: ignore[no-untyped-call]  # untyped in torch
        adam.step()
    assert own._policy.mode() == {"first": "one", "second": 1}
    assert own._policy.probabilities["first"][0] > 0.8
