"""Facts about measurements in a trial: written, read back, and made into curves."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from bonas.errors import InvalidArgument
from bonas.evaluation import Candidate, Curve, Measurement, partial_values
from bonas.evaluation.curve import MEASUREMENTS, curve_names, measurements_of, packed
from bonas.spaces import NASBench201

POINTS = [Measurement({"loss": 4.0 / step, "accuracy": 10.0 * step}, step=step) for step in (1, 2)]
SPACE = NASBench201()


def trial_with(
    attributes: Mapping[str, Any], state: TrialState = TrialState.FAIL, **more: Any
) -> FrozenTrial:
    return create_trial(state=state, system_attrs=dict(attributes), **more)


numbers = st.floats(allow_nan=False, allow_infinity=False)
measurements = st.builds(
    Measurement,
    st.dictionaries(st.sampled_from(["accuracy", "latency", "größe"]), numbers),
    st.none() | st.integers(0, 10_000),
    st.none() | st.integers(0, 10_000).map(lambda ms: ms / 1000),
    st.none() | st.floats(0, 1, exclude_min=True),
)


@given(st.lists(measurements, max_size=20))
def test_what_is_stored_is_read_back(stream: list[Measurement]) -> None:
    assert measurements_of(trial_with(packed(stream))) == tuple(stream)


def test_a_long_stream_is_stored_in_lists_of_which_only_the_last_changes() -> None:
    stream = [Measurement({"accuracy": i / 7}, step=i) for i in range(2_000)]
    before, after = packed(stream[:1_990]), packed(stream)
    assert len(after) > 3
    assert max(map(len, after.values())) < 20_000
    changed = {name for name in after if before.get(name) != after[name]}
    assert changed == {f"{MEASUREMENTS}{len(after) - 1}"}
    assert measurements_of(trial_with(after)) == tuple(stream)


@pytest.mark.parametrize(
    "text",
    [
        5,
        None,
        "no JSON",
        "{}",
        '["accuracy"]',
        '[{"step": 1}]',
        '[{"values": 3}]',
        '[{"values": {"accuracy": NaN}}]',
        '[{"values": {"accuracy": 1.0}, "step": -1}]',
        '[{"values": {"accuracy": 1.0}, "colour": "red"}]',
        "[" * 100_000,
    ],
)
def test_what_another_program_wrote_is_left_out(text: object) -> None:
    assert measurements_of(trial_with({f"{MEASUREMENTS}0": text})) == ()


def test_a_curve_has_a_value_and_a_time_per_step() -> None:
    stream = [*POINTS, Measurement({"accuracy": 25.0}, step=3, seconds=1.5)]
    curve = Curve.of(stream, "accuracy")
    assert (curve.steps, curve.values, len(curve)) == ((1, 2, 3), (10.0, 20.0, 25.0), 3)
    assert curve.seconds[2] == 1.5
    assert math.isnan(curve.seconds[0])
    assert len(Curve.of(stream, "loss")) == 2


def test_steps_are_in_order_and_the_later_value_of_one_counts() -> None:
    stream = [Measurement({"a": float(i)}, step=step) for i, step in enumerate((3, 1, 3))]
    assert Curve.of(stream, "a").steps == (1, 3)
    assert Curve.of(stream, "a").values == (1.0, 2.0)


def test_final_values_are_no_curves() -> None:
    assert curve_names([Measurement({"latency": 1.0}), *POINTS]) == ["loss", "accuracy"]


def test_a_candidate_has_the_curves_of_its_trial() -> None:
    trial = trial_with(packed(POINTS), TrialState.COMPLETE, value=20.0)
    candidate = Candidate(SPACE, {}, trial)
    assert candidate.curves == ["loss", "accuracy"]
    assert candidate.curve("loss").values == (4.0, 2.0)
    with pytest.raises(InvalidArgument, match=r"unknown curve 'acc'; expected one of 'accuracy', "):
        candidate.curve("acc")


NAMES = ["accuracy", "latency"]


def test_partial_values_are_those_that_were_measured_before_the_end() -> None:
    stored = packed([Measurement({"latency": 3.0, "latency_iqr": 0.1}), *POINTS])
    for state in (TrialState.FAIL, TrialState.RUNNING):
        accuracy, latency = partial_values(trial_with(stored, state), NAMES)
        assert math.isnan(accuracy)
        assert latency == 3.0


def test_partial_values_of_a_finished_trial_are_its_values() -> None:
    choice = {"x": CategoricalDistribution(["a", "b"])}
    trial = create_trial(values=[90.0, 2.0], params={"x": "a"}, distributions=choice)
    assert partial_values(trial, NAMES) == [90.0, 2.0]


def test_a_trial_without_measurements_has_no_values() -> None:
    assert all(map(math.isnan, partial_values(trial_with({}), NAMES)))
