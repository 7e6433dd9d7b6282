"""Rows about networks: what they return, their memory, and their evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bonas.checking.child import Ended
from bonas.checking.events import Event
from bonas.checking.notes import Notes, Trouble, in_common, shown, trouble_of
from bonas.checking.times import NetworkTime, megabytes, spread
from bonas.evaluation.constraint import Constraint
from bonas.evaluation.memory import MemoryFactor
from bonas.spaces import Choices

RANDOM = "random"
"""At the beginning of the names of networks that were drawn."""
_EVALUATE, _AGAIN = "evaluate ", "again "
_FIX = "fix it, or forbid such choices in is_valid"
_EXPECTED = {
    "load": ("a search that another process can load", "define its parts at the top of a module"),
    "data": ("data that can be loaded", "check what ShortTraining was given"),
    "build": ("a network from build", "fix build, or forbid such choices in is_valid"),
    "outputs": ("outputs for a batch", _FIX),
    "memory": ("a training step on a few rows", _FIX),
    "objectives": ("a value for each objective", "let the evaluation return all of them"),
}
_EVALUATION = (
    "values from the evaluation",
    "fix it; a failed evaluation counts towards the budget",
)


@dataclass(frozen=True, slots=True)
class Looked:
    """A network that was looked at.

    Attributes:
        name: Which one it is, such as ``"largest"``.
        choices: Its choices.
        ended: How its child ended.
        seconds: The limit of that.
    """

    name: str
    choices: Choices
    ended: Ended
    seconds: float

    @property
    def trouble(self) -> Trouble | None:
        """What went wrong; None if nothing did."""
        events = self.ended.events
        failed = next((e.step for e in events.values() if e.problem is not None), None)
        step = failed or self.ended.open_step or "load"
        expected, advice = _EXPECTED.get(step, _EVALUATION)
        return trouble_of(self.ended, self.seconds, expected, advice)

    def facts(self, step: str) -> Mapping[str, Any]:
        """Return what a step found; empty if it was not reached."""
        event = self.ended.events.get(step)
        return {} if event is None else event.facts

    def is_done(self, step: str) -> bool:
        """Return whether a step came to its end."""
        event = self.ended.events.get(step)
        return event is not None and event.state == "done"

    def steps(self, prefix: str) -> list[Event]:
        """Return the events of the steps whose names begin so."""
        return [e for name, e in self.ended.events.items() if name.startswith(prefix)]

    @property
    def time(self) -> NetworkTime | None:
        """How long its evaluation takes; None where nothing is known of it."""
        steps = self.steps(_EVALUATE)
        if not steps or any(step.problem is not None for step in steps):
            return None
        later = {step.facts.get("name"): step.facts for step in self.steps(_AGAIN)}
        every = [{**step.facts, **later.get(step.facts.get("name"), {})} for step in steps]
        trouble, is_random = self.trouble, self.name.startswith(RANDOM)
        if trouble is not None and trouble.must_fix:
            return None
        known = sum(facts.get("whole", 0.0) for facts in every)
        return NetworkTime(
            known if trouble is None else self.seconds, trouble is not None, is_random
        )


def note_networks(notes: Notes, looked: Sequence[Looked], objectives: Mapping[str, Any]) -> None:
    """Note what is wrong, and the rows outputs, memory, evaluation, constraints and seeds.

    Args:
        notes: Where to.
        looked: The networks.
        objectives: The search's ``goals`` and ``limits``.
    """
    _note_troubles(notes, looked)
    outputs = {each.facts("outputs").get("shapes") for each in looked if each.is_done("outputs")}
    if outputs:
        notes.ok("outputs", f"for 2 rows: {', '.join(sorted(map(str, outputs)))}")
    parameters = [x for each in looked if (x := each.facts("build").get("parameters"))]
    if parameters:
        low, high = min(parameters), max(parameters)
        notes.ok("parameters", f"{low:,} to {high:,}" if low < high else f"{low:,}")
    _note_memory(notes, looked)
    _note_evaluations(notes, looked, {goal.name: goal.unit for goal in objectives["goals"]})
    for limit in objectives["limits"]:
        _note_limit(notes, looked, limit)
    _note_seeds(notes, looked)


def _note_troubles(notes: Notes, looked: Sequence[Looked]) -> None:
    """Note each kind of trouble once, with the networks that have it."""
    kinds: dict[tuple[str, str], list[tuple[Looked, Trouble]]] = {}
    for each in looked:
        if (found := each.trouble) is not None:
            kind = found.short if found.must_fix else ""  # what took too long, for any time
            kinds.setdefault((found.step.partition(" ")[0], kind), []).append((each, found))
    fine = [each.choices for each in looked if each.trouble is None]
    for (step, _), group in kinds.items():
        if step == "build" and notes.must_fix("builds"):
            continue  # it was said of more networks
        first, trouble = group[0]
        shared = in_common([each.choices for each, _ in group], fine) if len(group) > 1 else {}
        which = f"all have {shown(shared)}" if shared else f"the first has {shown(first.choices)}"
        names = ", ".join(each.name for each, _ in group)
        where = f"{len(group)} of {len(looked)} networks: {names}; {which}"
        if len(group) == len(looked) > 1:
            where = f"all {len(looked)} networks"
        text = f"{trouble.text} (in {where})"
        notes.add(
            step,
            f"{trouble.short} in {len(group)} of {len(looked)}",
            text,
            must_fix=trouble.must_fix,
        )


def _note_memory(notes: Notes, looked: Sequence[Looked]) -> None:
    """Note the estimated memory of a training, and what was measured."""
    estimates, pairs, device = [], [], "cpu"
    for each in looked:
        if not (known := each.facts("memory").get("estimate")):
            continue
        device = each.facts("memory")["device"]
        estimates.append(known)
        trained = (step.facts for step in each.steps(_EVALUATE) if "step" in step.facts)
        pairs += [(known, facts["peak"]) for facts in trained if facts.get("peak")]
    if not estimates:
        peaks = [e.facts["peak"] for x in looked for e in x.steps(_EVALUATE) if e.facts.get("peak")]
        if peaks:
            notes.ok("memory", f"{megabytes(peaks)} measured in the evaluation")
        return
    factor = MemoryFactor.of(device)
    result = f"{megabytes([factor(each) for each in estimates])} estimated for a training"
    if pairs:
        result += f", {megabytes([peak for _, peak in pairs])} measured"
    notes.ok("memory", result)


def _note_evaluations(notes: Notes, looked: Sequence[Looked], units: Mapping[str, str]) -> None:
    """Note what each evaluator measured of the objectives, and how long it takes."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for each in looked:
        again = {step.facts.get("name"): step.facts for step in each.steps(_AGAIN)}
        for step in each.steps(_EVALUATE):
            name = step.facts.get("name")
            if name and step.problem is None and step.facts.get("whole"):
                later = again.get(name, {})
                found.setdefault(name, []).append(later if later.get("whole") else step.facts)
    for name, every in found.items():
        times = [each["whole"] for each in every]
        result = spread(times)
        if any(each.get("is_cut") for each in every):
            result += ", as far as a part of it says"
        if all("step" in each for each in every):
            result = f"a training takes {result}, a step {spread([e['step'] for e in every])}"
        else:
            result += _values(every, units)
        notes.ok(name, result)


def _values(every: Sequence[Mapping[str, Any]], units: Mapping[str, str]) -> str:
    """Return the ranges of the objectives that an evaluator measured, as text."""
    parts = []
    for name in units.keys() & every[0]["values"].keys():
        values = [each["values"][name] for each in every if name in each["values"]]
        low, high = f"{min(values):.3g}", f"{max(values):.3g}"
        amount = low if low == high else f"{low} to {high}"
        parts.append(f"{name} {amount} {units[name]}".rstrip())
    return f"; {', '.join(sorted(parts))}" if parts else ""


def _note_limit(notes: Notes, looked: Sequence[Looked], limit: Constraint) -> None:
    """Note how many of the networks keep a constraint."""
    values = [each.facts("objectives").get("values", {}) for each in looked]
    known = [found[limit.name] for found in values if limit.name in found]
    if not known:
        return
    kept = sum(limit.violation(value) <= 0 for value in known)
    result = f"{limit}: kept by {kept} of {len(known)} networks"
    if kept:
        notes.ok("constraint", result)
        return
    low, high = min(known), max(known)
    text = (
        f"expected some networks that keep {limit}, got none of {len(known)}, with values from "
        f"{low:.4g} to {high:.4g}; if all others are like these, loosen the bound, or offer other "
        "choices"
    )
    notes.add("constraint", result, text, must_fix=False)


def _note_seeds(notes: Notes, looked: Sequence[Looked]) -> None:
    """Note whether a second evaluation of a network gave the same values."""
    different, compared = [], 0
    for each in looked:
        first = {step.facts.get("name"): step.facts for step in each.steps(_EVALUATE)}
        for step in each.steps(_AGAIN):
            own = first.get(step.facts.get("name"), {}).get("values", {})
            for name, value in step.facts.get("values", {}).items():
                if name in own and name != "seconds" and step.state == "done":
                    compared += 1
                    if own[name] != value:
                        different.append((name, own[name], value))
    if different:
        name, one, other = different[0]
        notes.add(
            "same seed",
            f"{len(different)} of {compared} values differ",
            f"expected the same values from two evaluations of one network, got {name} {one:.6g} "
            f"and {other:.6g}; seed the evaluation with candidate.number if a search is to be "
            f'repeatable, or report the spread as "{name}_sd"',
            must_fix=False,
        )
    elif compared:
        notes.ok("same seed", f"{compared} values agree")
    elif any(each.time is not None and not each.time.is_least for each in looked):
        notes.skip("same seed")
