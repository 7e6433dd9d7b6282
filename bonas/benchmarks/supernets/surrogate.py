"""What a supernet's score is worth as an input of a surrogate, after few real evaluations.

A surrogate is fitted to one training of some networks, drawn at random, with what it reads by
default; once without the supernet's scores, once for each way in which a search reads them: as a
further block, and as a source task. Its predictions of all other networks are compared with the
truth by Spearman's rank correlation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy.stats import spearmanr
from torch import Tensor

from bonas.benchmarks.supernets.inherited import Inherited
from bonas.benchmarks.supernets.problems import Problem
from bonas.benchmarks.tables.scale import Array
from bonas.encoders import Blocks, Layout, ScoredNetworks, ZeroCostScores
from bonas.spaces import Architecture, Choices
from bonas.studies.proposing.presets import SURROGATES, WITH_SCORES
from bonas.studies.transfer.prior_mean import TransferPrior
from bonas.studies.transfer.source_task import SourceTask
from bonas.supernets.training.scoring import InheritedScore
from bonas.surrogates import Surrogate, fit_transformed
from bonas.threads import one_thread

Numbers = npt.NDArray[np.intp]

DOORS = ("score", "source task")
"""How a search reads scores: ``zero_cost=InheritedScores(supernet)``, ``warm_start=supernet``."""


@dataclass(frozen=True, slots=True)
class Gain:
    """How much better a surrogate ranks networks that were not evaluated, with the score.

    Attributes:
        problem: Its name.
        surrogate: Its name.
        door: How the scores are read: ``score`` or ``source task``.
        evaluations: How many networks were trained.
        without: Spearman's correlation without the score, one per draw.
        with_score: The same with it.
    """

    problem: str
    surrogate: str
    door: str
    evaluations: int
    without: Array
    with_score: Array


def gains(
    problem: Problem,
    networks: Sequence[Choices],
    trainings: Array,
    inherited: Inherited,
    sizes: Sequence[int],
    draws: int,
    surrogates: Sequence[str] = ("gp", "mixture"),
) -> Iterator[Gain]:
    """Fit surrogates to random networks, with and without the score; each of both to the same ones.

    Args:
        problem: Of the networks.
        networks: ``n`` of them.
        trainings: Accuracies, ``n x seeds``; a fit sees those of one seed.
        inherited: What supernets say; a fit sees the scores of one of them.
        sizes: Numbers of evaluations.
        draws: Random draws of them.
        surrogates: Names.
    """
    architectures = [problem.space.architecture(choices) for choices in networks]
    scores = [
        ZeroCostScores(problem.space, ScoredNetworks(architectures, ("supernet",), column[:, None]))
        for column in inherited.loss.T
    ]
    truth = trainings.mean(axis=1)
    priors = [_prior(problem, networks, column) for column in inherited.loss.T]
    for name in surrogates:
        plain, scored = SURROGATES[name], WITH_SCORES[name]
        assert plain.one is not None
        assert scored.one is not None
        without = _Inputs.of(Blocks(problem.space, plain.encoders), architectures)
        further = [
            _Inputs.of(Blocks(problem.space, [*plain.encoders, each]), architectures)
            for each in scores
        ]
        led = [without.led_by(prior, architectures) for prior in priors]
        for size in sizes:
            found = []
            for draw in range(draws):
                train = np.random.default_rng([size, draw]).permutation(len(truth))[:size]
                y = torch.from_numpy(trainings[train, draw % trainings.shape[1]])
                k = draw % len(further)
                ways = (plain.one, without), (scored.one, further[k]), (plain.one, led[k])
                found.append([_held_out(*each, train, y, truth, draw) for each in ways])
            own, *others = np.array(found).T
            for door, with_score in zip(DOORS, others, strict=True):
                yield Gain(problem.name, name, door, size, own, with_score)


def gain_table(found: Sequence[Gain]) -> str:
    """Return a text table: means over the draws, and the gain with its standard error."""
    lines = [
        "problem       surrogate  read as      evaluations  draws  without  with score"
        "          gain",
        "",
    ]
    for each in found:
        gain = each.with_score - each.without
        error = gain.std(ddof=1) / np.sqrt(len(gain)) if len(gain) > 1 else np.nan
        lines.append(
            f"{each.problem:13} {each.surrogate:9}  {each.door:11}"
            f"  {each.evaluations:11d}  {len(gain):5d}"
            f"  {each.without.mean():7.2f}  {each.with_score.mean():10.2f}"
            f"  {gain.mean():+.3f} ± {error:.3f}"
        )
    return "\n".join(lines)


@dataclass(frozen=True)
class _Inputs:
    """Encodings of all networks, ``n x d``."""

    X: Tensor
    layout: Layout

    @classmethod
    def of(cls, blocks: Blocks, architectures: Sequence[Architecture]) -> _Inputs:
        return cls(blocks.encode(architectures), Layout(blocks.slices, {}))

    def led_by(self, prior: TransferPrior, architectures: Sequence[Architecture]) -> _Inputs:
        """Return the same with what a source task says."""
        X = torch.cat([self.X, prior.encode(architectures)], dim=1)
        slices = prior.slices(self.X.shape[1])
        layout = Layout(self.layout.architecture, {}, slices, prior.slopes)
        return _Inputs(X, layout.for_objective(0))


def _prior(problem: Problem, networks: Sequence[Choices], scores: Array) -> TransferPrior:
    """Return what a search makes of the scores of a supernet, more is better."""
    known = [InheritedScore(*each) for each in zip(networks, scores.tolist(), strict=True)]
    task = SourceTask.of_scores("supernet", known)
    return TransferPrior(problem.space, [task], {"accuracy": "maximize"})


def _held_out(
    surrogate: Surrogate, inputs: _Inputs, train: Numbers, y: Tensor, truth: Array, seed: int
) -> float:
    """Return how predictions of the networks that were not trained agree with the truth."""
    others = np.setdiff1d(np.arange(len(truth)), train)
    with one_thread(), torch.no_grad():
        model = fit_transformed(surrogate, inputs.X[train], y, inputs.layout, seed, "ranks")
        predicted = model.untransformed_marginals(inputs.X[others])[0].numpy()
    rho = float(spearmanr(predicted, truth[others]).statistic) if np.ptp(predicted) else 0.0
    return rho
