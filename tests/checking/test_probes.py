"""What the probes find, in this process."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from faulty_searches import (
    NotANumber,
    NothingValid,
    Perceptrons,
    TwoClasses,
    WideFails,
    evaluated,
    fine,
    other_names,
    random_value,
    search,
    slow_stream,
    trained,
)

from bonas import Search
from bonas.checking.events import Event, EventLog, StepFailed, read_events
from bonas.checking.probes import BuildProbe, EncodingProbe, NetworkProbe, SpaceProbe

CHOICES = {"width": 16, "activation": "relu", "depth": 2}
PARAMETERS = 6 * 16 + 16 + 2 * (16 * 16 + 16) + 16 * 3 + 3


def events(probe: Any, folder: Path) -> Mapping[str, Event]:
    """Return the events of a probe, whether a step has failed or not."""
    with suppress(StepFailed):
        probe.run(EventLog(folder / "events"))
    return read_events(folder / "events")


def network(of: Search, folder: Path, **more: Any) -> Mapping[str, Event]:
    """Return the events of a network's probe."""
    return events(NetworkProbe(of, CHOICES, **{"memory": None, "seconds": 60.0, **more}), folder)


def test_a_space_has_a_smallest_and_a_largest_network(tmp_path: Path) -> None:
    found = events(SpaceProbe(search(), 0, 5.0), tmp_path)
    assert found["draws"].facts["distinct"] == 18
    smallest, largest = (found["sizes"].facts[name] for name in ("smallest", "largest"))
    assert (smallest["width"], smallest["depth"]) == (8, 1)
    assert (largest["width"], largest["depth"]) == (32, 3)
    assert found["allowed"].facts == {"seen": 200, "allowed": 200}
    assert [goal.name for goal in found["objectives"].facts["goals"]] == ["accuracy"]


def test_the_same_seed_draws_the_same(tmp_path: Path) -> None:
    drawn = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        (tmp_path / name).mkdir()
        found = events(SpaceProbe(search(), seed, 5.0), tmp_path / name)
        drawn.append(found["draws"].facts["drawn"])
    assert drawn[0] == drawn[1] != drawn[2]


def test_a_space_without_a_valid_network_fails_where_it_is_drawn(tmp_path: Path) -> None:
    found = events(SpaceProbe(trained(NothingValid()), 0, 5.0), tmp_path)
    assert found["draws"].state == "failed"


def test_all_networks_are_built_although_some_fail(tmp_path: Path) -> None:
    some = [{**CHOICES, "width": width} for width in (8, 16, 32)]
    facts = events(BuildProbe(trained(WideFails()), some), tmp_path)["builds"].facts
    assert facts["built"] == 2
    ((choices, problem),) = facts["failed"]
    assert choices["width"] == 32
    assert problem.place.endswith('raise ValueError("32 is too wide")')


def test_encodings_tell_the_networks_apart(tmp_path: Path) -> None:
    facts = events(EncodingProbe(search(), list(Perceptrons())), tmp_path)["encoding"].facts
    assert facts["different"] == facts["distinct"] == 18
    assert facts["features"] > 0


def test_a_network_is_built_run_trained_and_measured(tmp_path: Path) -> None:
    found = network(search(), tmp_path)
    assert {event.state for event in found.values()} == {"done"}
    assert list(found) == [
        "data",
        "build",
        "outputs",
        "memory",
        "evaluate 0",
        "objectives",
        "again 0",
    ]
    assert found["build"].facts["parameters"] == PARAMETERS
    assert found["memory"].facts["estimate"] > 4 * 4 * PARAMETERS
    one, other = (found[step].facts for step in ("evaluate 0", "again 0"))
    assert one["values"]["accuracy"] == other["values"]["accuracy"]
    assert other["whole"] > 0


@pytest.mark.parametrize(
    ("of", "step", "message"),
    [
        (trained(TwoClasses()), "outputs", "expected outputs of shape (2, 3)"),
        (trained(NotANumber()), "outputs", "expected finite outputs before training"),
        (evaluated(other_names), "evaluate 0", "expected the objectives ['quality']"),
        (trained(WideFails()), None, ""),
    ],
)
def test_faults_are_found_where_they_are(
    of: Search, step: str | None, message: str, tmp_path: Path
) -> None:
    failures = {e.step: e.problem for e in network(of, tmp_path).values() if e.problem}
    assert list(failures) == ([] if step is None else [step])
    assert all(message in str(problem) for problem in failures.values())


def test_a_training_that_does_not_fit_is_not_begun(tmp_path: Path) -> None:
    found = network(search(), tmp_path, memory=1e6)
    problem = found["memory"].problem
    assert problem is not None
    assert problem.text.startswith("expected a training that fits the 1 MB of memory, got one")
    assert "evaluate 0" not in found


def test_a_stream_that_says_how_far_it_is_is_cut(tmp_path: Path) -> None:
    found = network(evaluated(slow_stream), tmp_path, seconds=1.0)
    assert found["objectives"].state == "done"
    assert found["evaluate 0"].facts["is_cut"]
    assert found["evaluate 0"].facts["whole"] >= 50.0


def test_an_evaluation_is_repeated_if_there_is_time(tmp_path: Path) -> None:
    found = network(evaluated(random_value), tmp_path)
    assert found["evaluate 0"].facts["values"] != found["again 0"].facts["values"]
    (tmp_path / "short").mkdir()
    assert "again 0" not in network(evaluated(fine), tmp_path / "short", seconds=1e-6)


def test_a_network_need_not_be_evaluated(tmp_path: Path) -> None:
    found = network(search(), tmp_path, is_evaluated=False)
    assert list(found) == ["data", "build", "outputs", "memory"]
