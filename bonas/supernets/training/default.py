"""The rule by its name, and the one that suits a space."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bonas.errors import InvalidArgument, unknown
from bonas.spaces import Space
from bonas.supernets.training.fair import Fair, FairSampler
from bonas.supernets.training.rule import Rule
from bonas.supernets.training.sandwich import Sandwich
from bonas.supernets.training.shrinking import Shrinking
from bonas.supernets.training.sizes import is_sized
from bonas.supernets.training.uniform import Uniform

RULES: Mapping[str, Rule] = {
    rule.name: rule for rule in (Uniform(), Fair(), Sandwich(), Shrinking())
}
"""The rules by name, with their default settings."""

_TRIED = 5  # steps that must be complete before a space counts as one for fair sampling


def chosen_rule(given: str | Rule, space: Space) -> tuple[Rule, str]:
    """Return a rule, and why it was chosen.

    ``"auto"`` is fair where all parameters have equally many options, sandwich where most have
    numbers as options, else uniform.

    Raises:
        InvalidArgument: if it is neither a rule nor the name of one.
    """
    if given == "auto":
        return _default(space)
    if isinstance(given, str):
        if given not in RULES:
            raise unknown("rule", given, ("auto", *RULES))
        return RULES[given], "it was asked for"
    if isinstance(given, type) or not isinstance(given, Rule):
        raise InvalidArgument(
            f"expected a rule or one of the names {['auto', *RULES]}, got {given!r}; as in "
            'rule="fair" or rule=Sandwich(random=4)'
        )
    return given, "it was given"


def _default(space: Space) -> tuple[Rule, str]:
    options = {name: tuple(d.choices) for name, d in space.distributions.items()}
    counts = {len(own) for own in options.values()}
    if len(counts) == 1 and _deals_fairly(space):
        return RULES["fair"], f"all parameters have {counts.pop()} options"
    sized = sum(map(is_sized, options.values()))
    if 2 * sized > len(options):
        return RULES["sandwich"], f"{sized} of {len(options)} parameters have numbers as options"
    return RULES["uniform"], "parameters have different numbers of options, and few are numbers"


def _deals_fairly(space: Space) -> bool:
    """Return whether all networks of some fair steps can be made allowed."""
    sampler, rng = FairSampler(space), np.random.default_rng(0)
    return all(len(sampler.step(rng, 0.0).paths) == sampler.paths for _ in range(_TRIED))
