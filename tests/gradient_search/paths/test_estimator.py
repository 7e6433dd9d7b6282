import torch

from bonas.gradient_search.paths.estimator import combined, drawn_index


def test_gates_and_scores_have_their_gradients() -> None:
    gates = torch.tensor([2.0, 3.0], requires_grad=True)
    scores = torch.tensor([0.5, 0.1], dtype=torch.float64, requires_grad=True)
    found = combined(gates**2, scores)  # losses 4 and 9, mean 6.5
    assert found.item() == 6.5
    of_gates, of_scores = torch.autograd.grad(found, [gates, scores])
    assert of_gates.tolist() == [2.0, 3.0]  # 2 g / 2
    assert of_scores.tolist() == [-2.5, 2.5]  # (l - mean) / (n - 1)


def test_one_network_has_no_score() -> None:
    loss = torch.tensor([2.0], requires_grad=True)
    score = torch.tensor([0.5], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.grad(combined(loss, score), score, allow_unused=True) == (None,)


def test_an_index_is_drawn_by_its_probability() -> None:
    generator = torch.Generator().manual_seed(0)
    p = torch.tensor([0.2, 0.0, 0.8])
    drawn = [drawn_index(p, generator) for _ in range(2_000)]
    assert 1 not in drawn
    assert abs(drawn.count(0) / 2_000 - 0.2) < 5 * (0.16 / 2_000) ** 0.5
