"""Selection by perturbation: what a mixture loses without an option.

    importance(o) = L_val(mixture without o) - L_val(mixture)

Of each decision, in random order, the option with the largest importance is kept, and the weights
are trained on for a while, from the start of their schedule. A logit says how much an option
contributes to the training of the mixture, not how much the network needs it: skip connections have
large logits and small importance.

The loss takes the place of the paper's accuracy: it ranks better where few rows are at hand.

Source: Wang, Cheng, Chen, Tang and Hsieh (2021), "Rethinking architecture selection in
differentiable NAS", ICLR.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from bonas.gradient_search.mixture.mixture import Mixture
from bonas.spaces import Choice, Choices


def importances(mixture: Mixture, name: str, loss: Callable[[], float]) -> dict[Choice, float]:
    """Return an option of a decision -> how much the loss rises without it.

    Args:
        mixture: Its decision is as before, afterwards.
        name: The parameter that is decided.
        loss: Returns the loss of the mixture on rows that its weights are not trained on.
    """
    decision, found = mixture.decision(name), dict[Choice, float]()
    whole = loss()
    for option in decision.left:
        with decision.without(option):
            found[option] = loss() - whole
    return found


def select_by_perturbation(
    mixture: Mixture,
    loss: Callable[[], float],
    tune: Callable[[], None],
    generator: torch.Generator,
) -> Choices:
    """Decide one parameter of the space after the other; the mixture ends as the chosen network.

    Args:
        mixture: Trained.
        loss: Returns its loss on rows that its weights are not trained on.
        tune: Trains the weights for a while, called after each decision.
        generator: Draws the order of the decisions.
    """
    names = list(mixture.space.parameters)
    for i in torch.randperm(len(names), generator=generator).tolist():
        decision = mixture.decision(names[i])
        if len(decision.left) > 1:
            found = importances(mixture, names[i], loss)
            decision.keep([max(found, key=lambda option: found[option])])
            tune()
    return {name: mixture.decision(name).left[0] for name in names}
