"""Rows about a space: its size, draws, graphs, builds and encoding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bonas.checking.child import Ended
from bonas.checking.events import Event
from bonas.checking.notes import Notes, Trouble, in_common, shown, trouble_of, trouble_with
from bonas.checking.times import duration
from bonas.studies.budget import Budget

_FEW = 0.5  # share of different networks below which draws repeat themselves
_RARE = 0.05  # share of allowed combinations below which drawing takes long
_EXPECTED = {
    "load": ("a search that another process can load", "define its parts at the top of a module"),
    "objectives": (
        "objectives and data",
        "pass objectives={...}, or an evaluation that declares them",
    ),
    "parameters": ("a space with parameters", "give each at least two choices"),
    "draws": ("a graph for each architecture", "fix it, or forbid such choices in is_valid"),
    "allowed": ("is_valid for any combination", "let is_valid return False for what cannot be"),
    "sizes": ("costs of each architecture", "let costs return a name -> a number"),
    "encoding": ("an encoding of each architecture", "check the encoder that was given"),
}


def expected_of(step: str | None) -> tuple[str, str]:
    """Return what is expected of a step of a space, and what to do otherwise."""
    return _EXPECTED.get(step or "load", ("it to run", "fix it"))


def trouble_in_space(ended: Ended, seconds: float) -> Trouble | None:
    """Return what went wrong while a space was looked at; None if nothing did."""
    failed = next((e.step for e in ended.events.values() if e.problem is not None), None)
    return trouble_of(ended, seconds, *expected_of(failed or ended.open_step))


def note_space(notes: Notes, ended: Ended, seconds: float, budget: Budget | None) -> None:
    """Note the rows objectives, space and graphs."""
    events, trouble = ended.events, trouble_in_space(ended, seconds)
    if (event := _done(events, "objectives")) is not None:
        goals = [f"{goal.direction} {goal}" for goal in event.facts["goals"]]
        notes.ok("objectives", ", ".join(goals))
    if _done(events, "parameters") is not None:
        _note_draws(notes, events, budget)
    if trouble is not None:
        about = {"objectives": "objectives", "load": "search"}.get(trouble.step, "space")
        event = events.get(trouble.step)
        tried = None if event is None else event.facts.get("trying")
        end = f" The choices were {shown(tried)}." if tried else ""
        nothing = not events["draws"].facts.get("drawn") if "draws" in events else True
        notes.add(about, trouble.short, trouble.text + end, must_fix=trouble.must_fix or nothing)


def _done(events: Mapping[str, Event], step: str) -> Event | None:
    event = events.get(step)
    return event if event is not None and event.state == "done" else None


def _note_draws(notes: Notes, events: Mapping[str, Event], budget: Budget | None) -> None:
    parameters = events["parameters"].facts
    size = f"{parameters['parameters']} parameters, {parameters['combinations']:,} combinations"
    draws = events.get("draws")
    facts = {} if draws is None else draws.facts
    if not facts.get("drawn"):
        return
    n, distinct = len(facts["drawn"]), facts["distinct"]
    result = (
        f"{size}; {distinct} different {'network' if distinct == 1 else 'networks'} in {n} draws"
    )
    text, must_fix = _about_draws(n, distinct, parameters["combinations"], budget)
    if text:
        notes.add("space", result, text, must_fix=must_fix)
    else:
        notes.ok("space", result)
    notes.ok("graphs", f"{duration(facts['seconds'])} per network")
    if (allowed := _done(events, "allowed")) is not None:
        _note_allowed(notes, allowed.facts["allowed"], allowed.facts["seen"])


def _note_allowed(notes: Notes, allowed: int, seen: int) -> None:
    """Note how many random combinations may be proposed, unless all may."""
    result = f"{allowed} of {seen} random combinations"
    if allowed < _RARE * seen:
        text = (
            f"expected that many combinations may be proposed, got {allowed} of {seen} random ones "
            "(the others are not valid, cannot be built, or have no path from input to output); "
            "loosen the bounds or is_valid, or fold the rule into the parameters, else drawing "
            "takes long"
        )
        notes.add("possible", result, text, must_fix=False)
    elif allowed < seen:
        notes.ok("possible", result)


def _about_draws(
    n: int, distinct: int, combinations: int, budget: Budget | None
) -> tuple[str, bool]:
    """Return what there is to say of the draws, and whether it must be fixed; empty if nothing."""
    if distinct == 1 and n > 1:
        return (
            f"expected architectures that differ, got one and the same graph in {n} draws; let "
            "graph (or build) depend on the choices, or take identity='choices' if equal graphs "
            "are different networks",
            True,
        )
    if budget is not None and budget.unit == "evaluations" and combinations < budget.amount:
        return (
            f"expected at least as many architectures as the budget of {budget}, got a space of "
            f"{combinations:,} combinations; the search ends when all of them are evaluated, so "
            "lower the budget, or offer more choices",
            False,
        )
    if distinct < _FEW * min(n, combinations):
        return (
            f"expected mostly different networks, got {distinct} in {n} draws; choices that change "
            "nothing (in the graph) make proposals slower, so leave them out, or take "
            "identity='choices' if equal graphs are different networks",
            False,
        )
    return "", False


def note_builds(notes: Notes, ended: Ended, seconds: float, n: int) -> None:
    """Note the row builds: how many of ``n`` networks can be built."""
    event = ended.events.get("builds")
    facts: Mapping[str, Any] = {} if event is None else event.facts
    built, failed = facts.get("built", 0), list(facts.get("failed", ()))
    expected = ("a network from build", "fix build, or forbid such choices in is_valid")
    trouble = trouble_of(ended, seconds, *expected)
    if failed:
        choices, problem = failed[0]
        trouble = trouble_with("builds", problem, *expected)
        shared = in_common([each for each, _ in failed], facts["fine"]) if failed[1:] else {}
        which = f"all have {shown(shared)}" if shared else f"the first has {shown(choices)}"
        text = f"{trouble.text} ({len(failed)} of {built + len(failed)} networks; {which})"
        notes.add("builds", f"{built} of {built + len(failed)} networks", text)
    elif trouble is not None:
        tried = facts.get("trying")
        end = f" The choices were {shown(tried)}." if tried else ""
        notes.add("builds", trouble.short, trouble.text + end, must_fix=trouble.must_fix)
    else:
        notes.ok("builds", f"{built} of {n} networks")


def note_encoding(notes: Notes, ended: Ended, seconds: float) -> None:
    """Note the row encoding."""
    trouble = trouble_in_space(ended, seconds)
    if trouble is not None:
        notes.add("encoding", trouble.short, trouble.text, must_fix=trouble.must_fix)
        return
    facts = ended.events["encoding"].facts
    if "each" not in facts:
        notes.ok("encoding", "none is needed")
        return
    each = duration(facts["each"])
    result = f"{duration(facts['once'])} once, {each} per network, {facts['features']} features"
    if facts["different"] < facts["distinct"]:
        notes.add(
            "encoding",
            result,
            f"expected a different encoding of each of {facts['distinct']} networks, got "
            f"{facts['different']}; the surrogate cannot tell the others apart, so add an encoder "
            "that can, such as 'one_hot'",
            must_fix=False,
        )
        return
    notes.ok("encoding", result)
