"""Contracts of spaces, encoders, surrogates and stopping rules, as test classes to subclass.

Override one method to return your own part, and pytest runs the contract:

    class TestMine(SurrogateContract):
        def surrogate(self) -> Surrogate:
            return MySurrogate
"""

from __future__ import annotations

import dataclasses
import json
import math
from functools import cache
from itertools import islice

import cloudpickle
import numpy as np
import optuna
import torch
from botorch.models.model import Model
from botorch.posteriors.posterior import Posterior
from botorch.sampling.get_sampler import get_sampler
from torch import Tensor

from bonas.encoders import Blocks, Encoder, Layout
from bonas.errors import FitFailed
from bonas.evaluation import Candidate, Measurement
from bonas.evaluation.curve import packed
from bonas.evaluation.declared import input_shape_of
from bonas.evaluation.record import Record
from bonas.optuna_internals import set_system_attr
from bonas.spaces import Architecture, CellSpace, Choices, NASBench201, SizedSpace, Space
from bonas.studies.stopping.rule import Decision, StoppingRule
from bonas.surrogates import Surrogate, fit


class SpaceContract:
    """Contract of a space that builds: override ``space``; bounds are tested if it has sizes."""

    def space(self) -> Space:
        """Return the space under test, made anew."""
        raise NotImplementedError

    def drawn(self, space: Space, n: int = 12) -> list[Choices]:
        """Return ``n`` samples, one per seed."""
        return [space.sample(np.random.default_rng(seed)) for seed in range(n)]

    def test_samples_are_valid_and_the_seed_decides_them(self) -> None:
        """Check that two processes of one search draw the same."""
        space = self.space()
        some = self.drawn(space)
        assert all(space.is_valid(choices) and space.allows(choices) for choices in some)
        assert some == self.drawn(space) == self.drawn(self.space())

    def test_a_combination_names_what_applies_and_nothing_else(self) -> None:
        """Check that a sample is its own completion, and its architecture has its choices."""
        space = self.space()
        for choices in self.drawn(space):
            assert space.completed(choices) == choices
            assert space.architecture(choices).choices == choices

    def test_neighbours_are_valid_and_differ_in_one_shared_parameter(self) -> None:
        """Compare the names that apply to both; the others do not count."""
        space = self.space()
        for choices in self.drawn(space, 4):
            for near in space.neighbours(choices):
                assert space.is_valid(near)
                assert space.completed(near) == near
                shared = near.keys() & choices.keys()
                assert sum(near[name] != choices[name] for name in shared) == 1

    def test_every_combination_is_listed_once(self) -> None:
        """Check, if the space is small, that every sample is among the members."""
        space = self.space()
        if space.members is None:
            return
        listed = [tuple(choices.items()) for choices in space]
        assert 0 < len(set(listed)) == len(listed) <= space.size
        assert all(space.is_valid(dict(items)) for items in listed)
        members = set(space.members)
        assert len(members) == len(space.members)
        assert members >= {space.architecture(choices) for choices in self.drawn(space)}

    def test_graphs_and_costs_are_functions_of_the_choices(self) -> None:
        """Compare with a space made again, as another process does."""
        space, again = self.space(), self.space()
        for choices in self.drawn(space):
            assert space.architecture(choices).key == again.architecture(choices).key
            assert space.costs(choices) == again.costs(choices)
            assert all(cost >= 0 for cost in space.costs(choices).values())

    def test_the_description_is_the_same_for_equal_spaces(self) -> None:
        """Compare the JSON of two objects, by which stored studies are checked."""
        described = [space.describe() for space in (self.space(), self.space())]
        assert json.dumps(described[0]) == json.dumps(described[1])
        assert described[0]["parameters"].keys() == self.space().distributions.keys()

    def test_a_pickled_space_is_the_same_space(self) -> None:
        """Check what workers receive."""
        space = self.space()
        _ = space.members, space.reference[:1]  # what is cached travels too
        copy = cloudpickle.loads(cloudpickle.dumps(space))
        assert copy.describe() == space.describe()
        assert self.drawn(copy, 3) == self.drawn(space, 3)

    def test_networks_train_and_have_the_parameters_of_their_costs(self) -> None:
        """Run a batch of two forwards and backwards."""
        space = self.space()
        shape = input_shape_of(space)
        for choices in self.drawn(space, 4):
            torch.manual_seed(0)
            network = space.build(choices)
            trained = [p for p in network.parameters() if p.requires_grad]
            known = space.costs(choices).get("parameters")
            assert known is None or sum(p.numel() for p in trained) == known
            if shape is not None:
                scores = network(torch.zeros(2, *shape))
                assert len(scores) == 2
                scores.square().sum().backward()
                assert all(p.grad is None or bool(p.grad.isfinite().all()) for p in trained)

    def test_bounds_hold_for_samples_and_neighbours(self) -> None:
        """Set a bound that half of all draws keep, and one that the smallest keeps."""
        space = self.space()
        if not isinstance(space, SizedSpace):
            return
        sizes = sorted(space.costs(choices)["parameters"] for choices in self.drawn(space, 20))
        for bound in (sizes[len(sizes) // 2], sizes[0]):
            bounded = dataclasses.replace(space, max_params=bound)
            assert bounded.describe() != space.describe()
            for choices in self.drawn(bounded, 5):
                for member in (choices, *islice(bounded.neighbours(choices), 10)):
                    assert space.is_valid(member)
                    assert space.costs(member)["parameters"] <= bound


class EncoderContract:
    """Contract of an encoder: override ``encoder``, and ``space`` to test it on other spaces."""

    def space(self) -> Space:
        """Return the space whose architectures are encoded."""
        return CellSpace(nodes=3)

    def encoder(self, space: Space) -> Encoder:
        """Return the encoder under test."""
        raise NotImplementedError

    def test_the_shape_is_n_by_width(self) -> None:
        """Encode no, one and several architectures: float64 and finite."""
        space = self.space()
        encoder = self.encoder(space)
        some = list(space.reference[:7])
        for n in (0, 1, len(some)):
            X = encoder.encode(some[:n])
            assert X.shape == (n, encoder.width)
            assert X.dtype == torch.float64
            assert bool(X.isfinite().all())

    def test_a_row_depends_on_its_own_architecture_only(self) -> None:
        """Compare encodings one by one, all together, and in reverse order."""
        space = self.space()
        encoder = self.encoder(space)
        some = list(space.reference[:9])
        together = encoder.encode(some)
        alone = torch.cat([encoder.encode([architecture]) for architecture in some])
        torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(
            encoder.encode(some[::-1]), together.flip(0), rtol=1e-5, atol=1e-5
        )

    def test_made_again_it_encodes_the_same(self) -> None:
        """Check that two processes of one search have the same encodings."""
        space = self.space()
        some = list(space.reference[:5])
        first, second = self.encoder(space).encode(some), self.encoder(space).encode(some)
        assert torch.equal(first, second)


class StoppingRuleContract:
    """Contract of a stopping rule: override ``rule``."""

    def rule(self) -> StoppingRule:
        """Return the rule under test, made anew."""
        raise NotImplementedError

    def study(self, n: int = 16) -> optuna.Study:
        """Return a study of accuracy and latency with ``n`` finished trials and their curves."""
        sampler = optuna.samplers.RandomSampler(seed=0)
        study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
        study.set_metric_names(["accuracy", "latency"])
        for seed in range(n):
            values = 90.0 * (seed + 1) / n, 2.0 + seed % 5
            trial, record = study.ask(), self.measured(*values)
            NASBench201().suggest(trial)
            for name, text in packed(record.measurements).items():
                set_system_attr(study, trial, name, text)
            study.tell(trial, values)
        return study

    def measured(self, accuracy: float, latency: float, epochs: int = 20) -> Record:
        """Return the record of a training of 20 epochs, after so many of them."""
        record = Record(["accuracy", "latency"])
        record.add(Measurement({"latency": latency}))
        for epoch in range(1, epochs + 1):
            value = accuracy * (1.0 - 0.8**epoch)
            record.add(Measurement({"accuracy": value}, epoch, float(epoch), epoch / 20))
        return record

    def said(
        self, rule: StoppingRule, study: optuna.Study, accuracy: float, latency: float
    ) -> list[object]:
        """Return what the rule says after each epoch of a new trial but the last."""
        trial, space = study.ask(), NASBench201()
        space.suggest(trial)
        candidate = Candidate.of(space, trial)
        records = (self.measured(accuracy, latency, epochs) for epochs in range(1, 20))
        return [rule(study, candidate, record) for record in records]

    def test_it_says_a_decision_a_reason_or_nothing(self) -> None:
        """Check good, bad and first trials."""
        for n, accuracy, latency in ((16, 95.0, 1.0), (16, 1.0, 9.0), (0, 50.0, 5.0)):
            for said in self.said(self.rule(), self.study(n), accuracy, latency):
                assert said is None or isinstance(said, (Decision, str))

    def test_a_trial_that_dominates_all_others_goes_on(self) -> None:
        """Check that no direction is turned around."""
        for said in self.said(self.rule(), self.study(), 99.0, 0.5):
            assert not (said.stops if isinstance(said, Decision) else said)

    def test_equal_studies_get_equal_decisions(self) -> None:
        """Check that a resumed trial decides alike, whatever its process drew before."""
        found = []
        for seed in (0, 1):
            torch.manual_seed(seed)
            np.random.seed(seed)  # noqa: NPY002  # what a rule must not depend on
            found.append(self.said(self.rule(), self.study(), 20.0, 5.0))
        assert found[0] == found[1]

    def test_it_changes_neither_the_study_nor_random_numbers(self) -> None:
        """Check what the evaluation under way would notice."""
        study = self.study()
        before = [trial.system_attrs for trial in study.trials], study.user_attrs
        state = torch.get_rng_state(), str(np.random.get_state())  # noqa: NPY002  # as above
        self.said(self.rule(), study, 20.0, 5.0)
        assert ([trial.system_attrs for trial in study.trials[:-1]], study.user_attrs) == before
        assert torch.equal(torch.get_rng_state(), state[0])
        assert str(np.random.get_state()) == state[1]  # noqa: NPY002  # as above

    def test_a_pickled_rule_decides_alike(self) -> None:
        """Check what workers receive."""
        rule = self.rule()
        copy = cloudpickle.loads(cloudpickle.dumps(rule))
        found = [self.said(one, self.study(), 20.0, 5.0) for one in (rule, copy)]
        assert found[0] == found[1]

    def test_an_evaluation_without_a_curve_is_let_be(self) -> None:
        """Check a function that returns a mapping: there is nothing to compare."""
        study, record = self.study(), Record(["accuracy", "latency"])
        record.add(Measurement({"accuracy": 1.0, "latency": 9.0}))
        trial = study.ask()
        NASBench201().suggest(trial)
        assert self.rule()(study, Candidate.of(NASBench201(), trial), record) is None


class SurrogateContract:
    """Contract of a surrogate: override ``surrogate``; the data are cells with made-up values."""

    def surrogate(self) -> Surrogate:
        """Return the surrogate under test."""
        raise NotImplementedError

    def data(self, n: int = 24, seed: int = 0) -> tuple[Tensor, Tensor, Layout]:
        """Return ``n`` encoded architectures, and linear functions of the encodings with noise."""
        rng = np.random.default_rng(seed)
        X, layout = _encoded_cells()
        rows = torch.from_numpy(rng.permutation(len(X))[:n])
        weights = torch.from_numpy(np.random.default_rng(1).standard_normal((X.shape[1], 1)))
        noise = torch.from_numpy(rng.standard_normal((n, 1)))
        return X[rows], 50.0 + 5.0 * (X[rows] @ weights) + 0.1 * noise, layout

    def fitted(self, n: int = 24, seed: int = 0) -> tuple[Model, Tensor, Tensor]:
        """Return a fitted model, and ``X``, ``Y`` that it was not fitted to."""
        X, Y, layout = self.data(n + 20, seed)
        return fit(self.surrogate(), X[:n], Y[:n], layout, seed), X[n:], Y[n:]

    def test_the_posterior_has_botorch_shapes(self) -> None:
        """Pass ``batch x q x d`` points: mean and variance are ``batch x q x 1``."""
        model, X, _ = self.fitted()
        assert model.num_outputs == 1
        for shape in ((5,), (4, 1), (2, 3), (2, 2, 3)):
            points = X[: math.prod(shape)].reshape(*shape, -1)
            posterior = model.posterior(points)
            assert [part.shape for part in _moments(posterior)] == 2 * [(*shape, 1)]
            assert posterior.rsample(torch.Size([3])).shape == (3, *shape, 1)

    def test_variances_are_positive_and_grow_with_noise(self) -> None:
        """Compare the posterior of the function with that of an observation."""
        model, X, _ = self.fitted()
        _, without = _moments(model.posterior(X))
        _, noisy = _moments(model.posterior(X, observation_noise=True))
        assert bool((without > 0).all())
        assert bool((noisy >= without).all())

    def test_a_batch_is_the_same_as_its_parts(self) -> None:
        """Compare the marginals of the joint posterior with those of single points."""
        model, X, _ = self.fitted()
        joint, apart = _moments(model.posterior(X)), _moments(model.posterior(X.unsqueeze(1)))
        for expected, found in zip(joint, apart, strict=True):
            torch.testing.assert_close(
                found.reshape(-1), expected.reshape(-1), rtol=1e-4, atol=1e-5
            )

    def test_samples_have_the_moments_of_the_posterior(self) -> None:
        """Compare mean and variance at every point, within five standard errors."""
        model, X, _ = self.fitted()
        posterior = model.posterior(X[:6])
        s = 4_096
        samples = _samples(posterior, s)
        mean, variance = _moments(posterior)
        error = (samples.mean(0) - mean).abs() / (variance / s).sqrt()
        assert float(error.max()) < 5.0
        centred = (samples - mean).square()
        spread = centred.std(0) / math.sqrt(s)
        assert bool(((centred.mean(0) - variance).abs() < 5 * spread).all())

    def test_equal_points_have_equal_samples(self) -> None:
        """Sample one architecture twice: the posterior is joint, so that it is one unknown."""
        model, X, _ = self.fitted()
        posterior = model.posterior(X[[0, 1, 0]])
        samples = _samples(posterior, 64)
        sd = _moments(posterior)[1].sqrt().max()
        assert float((samples[:, 0] - samples[:, 2]).abs().max()) < 0.05 * float(sd) + 1e-2

    def test_units_do_not_matter(self) -> None:
        """Fit values in other units: the posterior is the same in those units."""
        X, Y, layout = self.data()
        one = fit(self.surrogate(), X[:20], Y[:20], layout, 0).posterior(X[20:])
        other = fit(self.surrogate(), X[:20], 1e3 * Y[:20] - 7.0, layout, 0).posterior(X[20:])
        (mean, variance), (scaled, spread) = _moments(one), _moments(other)
        torch.testing.assert_close(scaled, 1e3 * mean - 7.0, rtol=1e-3, atol=1e-2)
        torch.testing.assert_close(spread, 1e6 * variance, rtol=1e-2, atol=1e-2)

    def test_it_learns(self) -> None:
        """Compare the errors on other architectures with those of the mean value."""
        model, X, Y = self.fitted(n=40)
        mean, _ = _moments(model.posterior(X))
        assert float((mean - Y).square().mean()) < 0.5 * float(Y.var())

    def test_the_same_seed_gives_the_same_model(self) -> None:
        """Check that two processes that read one study have the same posterior."""
        (one, X, _), (other, _, _) = self.fitted(), self.fitted()
        (mean, _), (again, _) = _moments(one.posterior(X)), _moments(other.posterior(X))
        assert torch.equal(mean, again)

    def test_few_or_constant_values_are_no_trouble(self) -> None:
        """Fit a single value, two, and equal ones: mean and variance are finite."""
        X, Y, layout = self.data()
        for n, values in ((1, Y[:1]), (2, Y[:2]), (8, torch.full((8, 1), 3.0))):
            posterior = fit(self.surrogate(), X[:n], values, layout, 0).posterior(X)
            mean, variance = _moments(posterior)
            assert bool(mean.isfinite().all())
            assert bool(variance.isfinite().all())
            assert bool((variance > 0).all())

    def test_values_that_are_not_finite_are_refused(self) -> None:
        """Check that the value of a failed trial is not fitted."""
        X, Y, layout = self.data(5)
        Y[2] = torch.nan
        refused = False
        try:
            fit(self.surrogate(), X, Y, layout, 0)
        except FitFailed:
            refused = True
        assert refused


def _moments(posterior: Posterior) -> tuple[Tensor, Tensor]:
    """Return mean and variance."""
    return posterior.mean, posterior.variance  # type: ignore[attr-defined]  # all subclasses have it


def _samples(posterior: Posterior, n: int) -> Tensor:
    """Return ``n x batch x q x 1`` samples."""
    sampler = get_sampler(posterior, torch.Size([n]), seed=0)  # type: ignore[arg-type]  # too narrow
    samples: Tensor = sampler(posterior)
    return samples


@cache
def _encoded_cells() -> tuple[Tensor, Layout]:
    """Encode all cells of a small space, once."""
    space = CellSpace(nodes=4, operations=("none", "skip_connect", "nor_conv_3x3"))
    blocks = Blocks(space, ["one_hot", "paths", "statistics", "gnn"])
    assert space.members is not None
    architectures: list[Architecture] = list(space.members)
    return blocks.encode(architectures), Layout(blocks.slices, {})
