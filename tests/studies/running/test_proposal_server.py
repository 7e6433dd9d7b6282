"""The server of proposals, alone: turns, offers, what is made again and what is made ahead."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState
from small_searches import GP, SPACE, asked, running, served, server_of, study_of, tell

from bonas.encoders.blocks import _kept_blocks
from bonas.evaluation import Candidate
from bonas.evaluation.candidate import index_of
from bonas.optuna_internals import read_afresh
from bonas.studies import outcomes
from bonas.studies.lease import Renewal, Watch, Worker
from bonas.studies.records import (
    BUDGET,
    DIED,
    PREDICTION,
    STOPPED,
    SURPLUS,
    WORKER,
    Proposal,
    is_proposed,
    proposed,
)
from bonas.studies.running import trials, turns
from bonas.studies.running.proposal_server import ProposalServer
from bonas.studies.storages.opening import open_storage


def waiting(study: optuna.Study, asker: str) -> FrozenTrial:
    """Return a trial of a worker that waits for ``asker``'s proposal."""
    return turns.begin(study, Worker.here(30.0, asker))


def offered(trial: FrozenTrial) -> Proposal:
    """Return what a trial was offered."""
    found = Proposal.offered(trial)
    assert found is not None
    return found


def offers(server: ProposalServer, n: int) -> list[Mapping[str, Any]]:
    """Return what ``n`` workers are offered that ask the server at once."""
    for _ in range(n):
        waiting(server.study, server.worker.name)
    assert server.serve() == n
    return [offered(trial).params for trial in server.study.trials[-n:]]


def keys(found: Sequence[Mapping[str, Any]]) -> set[str]:
    """Return the keys of networks."""
    return {SPACE.architecture(params).key for params in found}


def measured(n: int) -> optuna.Study:
    """Return a study with ``n`` finished trials, which a model of 4 and more may read."""
    study = study_of(seed=0)
    server = server_of(study, seed=0)
    for _ in range(n):
        tell(study, served(server))
    return study


# --- turns


def test_the_oldest_waiting_trial_decides_whose_turn_it_is() -> None:
    study = study_of()
    for asker in ("a", "b", "a"):
        waiting(study, asker)
    assert [trial.number for trial in turns.to_serve(study, "a")] == [0, 1, 2]
    assert turns.to_serve(study, "b") == []


def test_a_trial_with_an_offer_waits_and_is_not_served_again() -> None:
    study = study_of()
    first, second = waiting(study, "a"), waiting(study, "b")
    Proposal(0, {"edge_0_1": "none"}, None).offer(study, first)
    assert len(turns.waiting_trials(study.trials)) == 2
    assert [trial.number for trial in turns.to_serve(study, "b")] == [second.number]


def test_trials_of_plain_programs_do_not_wait() -> None:
    study = study_of()
    study.ask()
    assert turns.waiting_trials(study.trials) == []


def test_releasing_ends_the_waiting_for_one_asker_only() -> None:
    study = study_of()
    mine, other = waiting(study, "a"), waiting(study, "b")
    turns.release_waiting(study, "a")
    assert read_afresh(study, mine).state == TrialState.FAIL
    assert read_afresh(study, other).state == TrialState.RUNNING


def test_an_enqueued_trial_is_claimed_and_needs_no_turn() -> None:
    study = study_of()
    choices = SPACE.architecture(SPACE.reference[0].choices).choices
    study.enqueue_trial(dict(choices))
    server = server_of(study)
    own = turns.begin(study, server.worker)
    server.settle(own)
    assert proposed(read_afresh(study, own)) == choices
    assert WORKER.read(read_afresh(study, own)) == server.worker.described()


def test_one_server_proposes_different_networks_for_all_that_wait() -> None:
    study = study_of()
    server = server_of(study)
    found = offers(server, 5)
    assert turns.to_serve(study, server.worker.name) == []
    alone = study_of()
    assert [dict(asked(alone).params) for _ in range(5)] == found


def test_a_server_leaves_the_turn_to_another_asker() -> None:
    study = study_of()
    waiting(study, "somebody else")
    assert server_of(study).serve() == 0
    assert Proposal.offered(study.trials[0]) is None


def test_an_offer_that_is_taken_meanwhile_is_replaced_when_its_turn_comes() -> None:
    study = study_of()
    first = served(server_of(study))
    server = server_of(study)
    own = turns.begin(study, server.worker)
    Proposal(1, first.params, None).offer(study, own)
    server.settle(own)
    settled = read_afresh(study, own)
    assert proposed(settled) != first.params
    assert index_of(settled) == 1


def test_a_worker_waits_until_the_trial_before_it_is_settled() -> None:
    """The trial before it is the worker's own, whose creation was answered by an error."""
    study = study_of()
    server = server_of(study)
    lost = turns.begin(study, server.worker)
    own = turns.begin(study, server.worker)
    server.settle(own)
    assert read_afresh(study, lost).state == TrialState.FAIL
    assert is_proposed(read_afresh(study, own))


def test_a_trial_that_was_released_gets_nothing() -> None:
    """The budget was used when its worker looked, and the server had seen it already."""
    study = study_of()
    seen = waiting(study, "a")
    trials.release(study, seen, SURPLUS)
    Proposal(0, {"edge_0_1": "none"}, None).offer(study, seen)
    with pytest.raises(UpdateFinishedTrialError):
        Proposal(0, {"edge_0_1": "none"}, None).settle(study, seen)
    assert Proposal.of(study.trials[seen.number]) is None
    with pytest.raises(UpdateFinishedTrialError, match="released while its worker waited"):
        server_of(study).settle(seen)


def test_a_worker_whose_asker_is_gone_proposes_for_itself() -> None:
    study = study_of()
    server = server_of(study, Worker.here(lease=0.2, asker="gone"))
    with Renewal(study, server.worker):
        assert served(server).params
    assert server.worker.asker == server.worker.name


def test_a_dead_asker_loses_its_turn() -> None:
    study = study_of()
    before = turns.begin(study, Worker.here(30.0))
    WORKER.write(study, before, {**(WORKER.read(before) or {}), "started": 1.0})
    server = server_of(study)
    with Renewal(study, server.worker):
        assert served(server).params
    assert read_afresh(study, before).state == TrialState.FAIL


# --- what is proposed again


def test_what_was_cut_off_is_proposed_again_with_its_index() -> None:
    study = study_of()
    server = server_of(study)
    first, second = served(server), served(server)
    assert trials.release_own(study, server.worker) == 2
    assert outcomes.evaluated(study) == 0
    again = [served(server), served(server), served(server)]
    assert [trial.params for trial in again[:2]] == [first.params, second.params]
    assert [Candidate.of(SPACE, trial).number for trial in again] == [0, 1, 2]
    assert again[2].params != second.params


def test_what_was_offered_to_a_released_trial_comes_first() -> None:
    study = study_of()
    server = server_of(study)
    (cut_off,) = offers(server, 1)
    trials.release(study, study.trials[0], DIED)
    assert offers(server, 2)[0] == cut_off


def test_what_the_space_no_longer_has_is_not_proposed_again() -> None:
    study = study_of()
    server = server_of(study)
    own = turns.begin(study, server.worker)
    Proposal(0, {"edge_0_1": "gone"}, None).settle(study, own)
    trials.release(study, own, STOPPED)
    assert SPACE.is_valid(served(server).params)


def test_parameters_outside_the_space_come_again_too() -> None:
    study = study_of()
    rate = {"rate": FloatDistribution(0.0, 1.0)}
    tell(study, study.ask({**SPACE.distributions, **rate}))
    server = server_of(study)
    first = served(server)
    suggested = first.suggest_float("rate", 0.0, 1.0)
    trials.release_own(study, server.worker)
    again = served(server)
    assert again.params == {name: first.params[name] for name in SPACE.parameters}
    assert again.suggest_float("rate", 0.0, 1.0) == suggested


def test_what_a_dead_process_was_evaluating_is_proposed_again(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    script = (
        "import os; from small_searches import *\n"
        "from bonas.studies.storages.opening import open_storage\n"
        f"study = study_of(study_name='s', storage=open_storage({url!r}))\n"
        "trial = served(server_of(study))\n"
        "print(sorted(trial.params.items()), flush=True); os._exit(9)\n"
    )
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONWARNINGS": "ignore", "PYTHONPATH": root}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 9, done.stderr
    study = optuna.load_study(study_name="s", storage=open_storage(url))
    assert trials.release_abandoned(study, Watch()) == 1
    study.sampler = study_of(seed=2).sampler
    assert str(sorted(served(server_of(study, seed=2)).params.items())) == done.stdout.strip()


# --- what was enqueued


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"edge_0_1": "gone"}, "not one of its options"),
        ({"no_such_name": 1}, "neither NASBench201 nor the evaluation has parameters"),
    ],
)
def test_an_enqueued_trial_that_cannot_be_is_explained(given: dict[str, Any], why: str) -> None:
    study = measured(1)
    study.enqueue_trial(given)
    server = server_of(study)
    own = turns.begin(study, server.worker)
    assert why in str(server.complete_enqueued(own))
    assert not PREDICTION.is_in(read_afresh(study, own))


def test_a_part_of_an_architecture_is_completed_for_its_trial() -> None:
    study = study_of()
    name = next(iter(SPACE.parameters))
    study.enqueue_trial({name: "none"})
    server = server_of(study)
    own = turns.begin(study, server.worker)
    assert server.complete_enqueued(own) is None
    found = proposed(read_afresh(study, own))
    assert found.keys() == SPACE.parameters.keys()
    assert found[name] == "none"


def test_a_trial_that_was_not_enqueued_needs_no_completion() -> None:
    study = study_of()
    server = server_of(study)
    own = turns.begin(study, server.worker)
    assert server.complete_enqueued(own) is None
    assert not is_proposed(read_afresh(study, own))


# --- models, and proposals ahead of time


def test_a_model_proposes_different_networks_for_all() -> None:
    study = measured(5)
    before = keys([trial.params for trial in study.trials])
    found = offers(server_of(study, seed=0, **GP), 10)
    assert all(offered(trial).prediction for trial in study.trials[-10:])
    assert len(keys(found) | before) == 10 + len(before)


@pytest.mark.parametrize(
    ("finished", "under_way", "is_modelled"), [(2, 2, True), (1, 5, False), (2, 1, False)]
)
def test_a_model_begins_when_enough_is_tried_and_half_of_it_measured(
    finished: int, under_way: int, is_modelled: bool
) -> None:
    study = measured(finished)
    server = server_of(study, seed=0)
    for _ in range(under_way):
        served(server)
    served(server_of(study, seed=0, **GP))
    assert PREDICTION.is_in(study.trials[-1]) == is_modelled


def test_a_plain_sampler_and_a_server_propose_the_same() -> None:
    alone, pool = measured(5), measured(5)
    alone.sampler = type(alone.sampler)(SPACE, seed=0, **GP)
    assert [dict(asked(alone).params)] == offers(server_of(pool, seed=0, **GP), 1)


def test_what_lies_ready_is_offered_to_the_next_that_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    server = server_of(measured(5), seed=0, **GP)
    server._queue.seconds = 0.0
    assert not server.prepare(3)  # it takes no time
    server._queue.seconds = 60.0
    assert server.prepare(3)
    server._queue.seconds = 60.0
    assert not server.prepare(3)  # they lie there
    ready = [each.point.params for each in server._queue._ready]
    with monkeypatch.context() as patched:
        patched.setattr(server._proposer, "propose", None)
        assert offers(server, 2) == ready[:2]
    rest = offers(server, 2)
    assert rest[0] == ready[2]
    assert len(keys([*ready, *rest])) == 4


def test_random_proposals_are_not_made_ahead() -> None:
    server = server_of(measured(2), seed=0, **GP)
    server._queue.seconds = 60.0
    assert not server.prepare(3)


def test_the_first_model_is_awaited_until_its_encoders_are_made() -> None:
    study = measured(3)
    server = server_of(study, seed=0, **GP)
    assert not server.awaits_first_model()
    tell(study, served(server))
    assert server.awaits_first_model()
    served(server)
    assert not server.awaits_first_model()
    assert not server_of(study).awaits_first_model()  # it never has a model


def test_where_nothing_is_left_to_be_tried_waiting_trials_are_released() -> None:
    study = study_of()
    taken = [turns.begin(study, Worker.here(30.0)) for _ in range(2)]
    server = server_of(study)
    assert all(trial.state == TrialState.RUNNING for trial in running(study))
    server._proposer.propose = lambda *arguments: []  # type: ignore[method-assign]  # an exhausted space
    server._offer(taken, server._parameters())
    assert [trial.state for trial in study.trials] == [TrialState.FAIL] * 2


def test_encoders_trained_in_the_background_are_the_same() -> None:
    found = []
    for warm in (False, True):
        _kept_blocks.cache_clear()
        study = study_of()
        server = server_of(study, seed=0, surrogate="embedded_gp", n_initial=3)
        if warm:
            BUDGET.write(study, 3)
            server.warm_up()
            assert server._proposer._warming is None
            BUDGET.write(study, 4)
            server.warm_up()
            assert server._proposer._warming is not None
        for _ in range(4):
            tell(study, served(server))
        found.append([trial.params for trial in study.trials])
    assert found[0] == found[1]
    assert not any(thread.name == "bonas-warm-up" for thread in threading.enumerate())
