"""The summary: what was searched, how far the search is, and what is best."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence

import optuna
import torch

from bonas.evaluation import Objective
from bonas.evaluation.objective import oriented
from bonas.report.charts.numbers import duration, short
from bonas.report.counted import counted
from bonas.report.markup import escaped, facts, listed, shortened
from bonas.report.searched import Searched
from bonas.report.section import Section
from bonas.report.space_text import grouped_parameters, settings_of, size_text, space_name
from bonas.report.statistics.hypervolume import Hypervolume
from bonas.report.values import spread_text, with_unit
from bonas.studies.budget import Budget

_DEVICES = 5  # that are listed

_OUTCOMES = {
    "measured": "measured",
    "known": "known before",
    "stopped": "stopped early",
    "pruned": "pruned",
    "failed": "failed",
    "not_finite": "without finite values",
    "released": "given up unmeasured",
    "running": "running",
    "waiting": "waiting",
}


def section(searched: Searched) -> Section:
    """Return the summary, which every study has."""
    parts = [_lead(searched), _tiles(searched), _about(searched)]
    return Section("summary", "Summary", "\n".join(filter(None, parts)))


def _lead(searched: Searched) -> str:
    """Return in sentences how far the search is."""
    sentences = [_progress(searched), *_remarks(searched)]
    return f'<p class="lead">{escaped(" ".join(filter(None, sentences)))}</p>'


def _progress(searched: Searched) -> str:
    if not searched.trials:
        return "Nothing was evaluated yet: the study has no trials."
    evaluated = searched.count("measured", "not_finite", "pruned", "stopped", "failed")
    text = f"{counted(evaluated, 'network was', 'networks were')} evaluated"
    budget = searched.budget
    if budget and budget.unit == "seconds":
        text += f", in {Budget(searched.spent, 'seconds')} of {budget}"
    elif budget and searched.spent >= budget.amount:
        text += f", the whole budget of {budget}"
    elif budget:
        text += f", {short(searched.spent)} of a budget of {budget}"
    elapsed = _elapsed(searched)
    if elapsed >= 1:
        text += f", within {duration(elapsed)}"
    return f"{text}."


def _remarks(searched: Searched) -> list[str]:
    found = []
    running = searched.count("running")
    if running:
        found.append(f"The search was running when this was written ({running} under way).")
    if not searched.trials:
        return found
    if not searched.finished:
        found.append("No evaluation has given a value for each objective yet.")
    elif searched.constraints and not searched.feasible:
        bounds = "; ".join(map(str, searched.constraints))
        found.append(f"No network keeps the constraints ({bounds}).")
    outside = sum(trial.has_values and not trial.is_member for trial in searched.trials)
    if outside:
        found.append(
            f"{counted(outside, 'trial is', 'trials are')} no architecture of the space, and left "
            "out of the front."
        )
    if not searched.is_of_bonas:
        found.append(
            "Another program made this study, and does not say what the objectives and the "
            "parameters mean."
        )
    return found


def _elapsed(searched: Searched) -> float:
    """Return the seconds from the first trial to the last; 0 if unknown."""
    if searched.began is None:
        return 0.0
    end = searched.read_at if searched.count("running") else searched.ended
    return 0.0 if end is None else max(0.0, (end - searched.began).total_seconds())


def _tiles(searched: Searched) -> str:
    """Return the figures that a person looks for first."""
    tiles = []
    for objective in searched.objectives:
        best = searched.best(objective)
        if best is not None:
            name = shortened(objective.name, 40)
            title = f"Best {name}" if objective.direction == "maximize" else f"Lowest {name}"
            value = with_unit(short(best.values[objective.name]), objective)
            spread = f"{spread_text(best, objective).strip()}, " if best.sds else ""
            where = f'{spread}<a href="#trial-{best.number}">trial {best.number}</a>'
            tiles.append((title, escaped(value), where))
    if len(searched.objectives) > 1 and searched.front:
        front = counted(len(searched.front), "network")
        tiles.append(("Front", escaped(front), f"of {len(searched.finished):,} measured"))
        where = '<a href="#progress">of the measured range</a>'
        tiles.append(("Hypervolume", f"{100 * _hypervolume(searched):.1f} %", where))
    if searched.failed:
        kinds = Counter(t.failure.kind for t in searched.failed if t.failure).most_common(2)
        what = ", ".join(f"{n} {kind.replace('_', ' ')}" for kind, n in kinds)
        tiles.append(("Failed", f"{len(searched.failed):,}", escaped(what)))
    if searched.count("stopped"):
        saved = sum(1 - t.stop.fidelity for t in searched.trials if t.stop is not None)
        what = f"saved {short(saved, 3)} full evaluations"
        tiles.append(("Stopped early", f"{searched.count('stopped'):,}", escaped(what)))
    cells = "".join(
        f'<div><dt>{escaped(title)}</dt><dd>{value}</dd><dd class="detail">{detail}</dd></div>'
        for title, value, detail in tiles
    )
    return f'<dl class="tiles">{cells}</dl>' if tiles else ""


def _hypervolume(searched: Searched) -> float:
    """Return that of the front, as the progress shows it: a share of the box."""
    front = {trial.number for trial in searched.front}
    feasible = sorted(searched.feasible, key=lambda trial: trial.number not in front)
    values = [[trial.values[o.name] for o in searched.objectives] for trial in feasible]
    return float(Hypervolume.of(oriented(values, searched.directions)).shares[-1])


def _about(searched: Searched) -> str:
    """Return what was searched, and how, as a list of facts."""
    rows = [
        ("Space", _space(searched)),
        ("Objectives", listed([escaped(_goal(o, searched)) for o in searched.objectives])),
        ("Constraints", escaped("; ".join(map(str, searched.constraints)))),
        ("Budget", escaped(_budget(searched))),
        ("Trials", escaped(_counts(searched))),
        ("Seed", "" if searched.seed is None else str(searched.seed)),
        ("Time", escaped(_when(searched))),
        ("Workers", escaped(_workers(searched))),
        ("Measured on", listed([escaped(device) for device in _devices(searched)])),
        ("Study", escaped(f"{searched.name}, in {searched.storage or 'memory'}")),
        ("Versions", escaped(_versions())),
    ]
    return facts([(title, html) for title, html in rows if html])


def _space(searched: Searched) -> str:
    name, size = space_name(searched), size_text(searched)
    parts = [f"<p>{escaped(', '.join(filter(None, [shortened(name), size])))}</p>"]
    if lines := grouped_parameters(searched):
        parts.append(listed([escaped(line) for line in lines]))
    if settings := settings_of(searched):
        shown = "; ".join(f"{name} {value}" for name, value in settings)
        parts.append(f'<p class="muted">{escaped(shown)}</p>')
    return "".join(part for part in parts if part != "<p></p>")


def _goal(objective: Objective, searched: Searched) -> str:
    way = "higher is better" if objective.direction == "maximize" else "lower is better"
    described = searched.evaluation.get(objective.name)
    how = f", measured by {shortened(_how(described), 160)}" if described else ""
    return f"{shortened(str(objective), 80)}, {way}{how}"


def _how(described: object) -> str:
    """Return the stored description of an evaluation in one line."""
    if not isinstance(described, dict):
        return str(described)
    return ", ".join(f"{key} {value}" for key, value in described.items() if value is not None)


def _budget(searched: Searched) -> str:
    if not searched.budget:
        return ""
    if searched.budget.unit == "seconds":
        return f"{searched.budget}, of which {Budget(searched.spent, 'seconds')} are used"
    return f"{searched.budget} full evaluations, of which {short(searched.spent)} are used"


def _counts(searched: Searched) -> str:
    found = Counter(_OUTCOMES[trial.outcome] for trial in searched.trials)
    parts = [f"{found[text]:,} {text}" for text in _OUTCOMES.values() if found[text]]
    return f"{len(searched.trials):,}: {', '.join(parts)}" if parts else "none"


def _when(searched: Searched) -> str:
    if searched.began is None:
        return ""
    text = f"began {searched.began:%Y-%m-%d %H:%M:%S}"
    if searched.ended is not None and not searched.count("running"):
        text += f", ended {searched.ended:%Y-%m-%d %H:%M:%S}"
    spent = sum(trial.seconds for trial in searched.trials)
    return f"{text}; evaluations took {duration(spent)} in all" if spent else text


def _workers(searched: Searched) -> str:
    workers = {trial.worker for trial in searched.trials if trial.worker}
    hosts = {trial.host.split(" ")[0] for trial in searched.trials if trial.host}
    if not workers:
        return ""
    names = ", ".join(shortened(host, 40) for host in sorted(hosts)[:_DEVICES])
    return f"{counted(len(workers), 'worker')} on {names or 'unknown machines'}"


def _devices(searched: Searched) -> Sequence[str]:
    """Return on what latencies were measured, each once."""
    found: dict[str, None] = {}
    for trial in searched.trials:
        for name, device in trial.device.items():
            if isinstance(device, dict):
                stable = {key: value for key, value in device.items() if key != "load"}
                found[f"{shortened(name, 40)}: {shortened(_how(stable), 200)}"] = None
    return list(found)[:_DEVICES]


def _versions() -> str:
    """Return the versions that have read the study."""
    own = sys.modules["bonas"].__version__
    return (
        f"report by bonas {own}, Optuna {optuna.__version__}, torch {torch.__version__}, "
        f"Python {sys.version.split()[0]}"
    )
