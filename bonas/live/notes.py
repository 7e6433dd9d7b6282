"""Notes in Optuna's dashboard: what a study searches, and what a trial is worth."""

from __future__ import annotations

import shlex

from bonas.markdown import code, plain, table
from bonas.report.charts import short
from bonas.report.counted import counted
from bonas.report.searched import Searched
from bonas.report.searched_trial import SearchedTrial
from bonas.report.space_text import grouped_parameters, size_text, space_name
from bonas.report.values import bare_value, value_text

_FRONT = 12  # networks of the front in the note of a study
_GROUPS = 8  # of parameters
_OUTCOMES = {
    "known": "known before the search",
    "not_finite": "without a finite value for each objective",
    "pruned": "pruned by its evaluation",
    "stopped": "stopped early",
    "failed": "failed",
    "released": "given up unmeasured: its worker ended",
}
"""An outcome that values do not say -> its words."""


def study_note(searched: Searched) -> str:
    """Return the note of a study: its space, its front, and how to go on."""
    return "\n\n".join(filter(None, (_space(searched), _front(searched), _commands(searched))))


def trial_note(searched: Searched, trial: SearchedTrial, drawing: str | None = None) -> str:
    """Return the note of a trial.

    Args:
        searched: The study.
        trial: One of its trials.
        drawing: The path of its drawing on the server; None if there is none.
    """
    lines, words = [], []
    if trial.number in {each.number for each in searched.front}:
        words.append("on the front")
    if trial.outcome in _OUTCOMES:
        words.append(_OUTCOMES[trial.outcome])
    if trial.violations:
        words.append("violates " + ", ".join(trial.violations))
    if words:
        lines.append(f"**{plain('; '.join(words))}**")
    lines.append(_values(searched, trial))
    if trial.failure is not None and trial.failure.message:
        lines.append(plain(trial.failure.message))
    if trial.stop is not None:
        step = "" if trial.stop.step is None else f"at step {trial.stop.step}: "
        lines.append(plain(step + trial.stop.reason))
    if drawing:
        lines.append(f"![the network of trial {trial.number}]({drawing})")
    return "\n\n".join(filter(None, lines))


def _values(searched: Searched, trial: SearchedTrial) -> str:
    """Return the values with names and units, and what was expected."""
    expected = trial.prediction
    rows = []
    for objective in searched.objectives:
        name = objective.name
        if name not in trial.values and expected is None:
            continue
        row = [name, value_text(trial, objective)]
        if expected is not None:
            mean, sd = expected.mean.get(name), expected.sd.get(name)
            unit = f" {objective.unit}" if objective.unit else ""
            row.append("–" if mean is None or sd is None else f"{short(mean)} ± {short(sd)}{unit}")
        rows.append(row)
    heads = ["objective", "value", *(["predicted"] if expected is not None else [])]
    return table(heads, rows) if rows else ""


def _space(searched: Searched) -> str:
    if not searched.is_of_bonas:
        return ""
    name, size = space_name(searched) or "a space", size_text(searched)
    lines = [f"### What is searched\n\n**{plain(name)}**" + (f", {plain(size)}" if size else "")]
    groups = grouped_parameters(searched)
    lines.append("\n".join(f"- {plain(group, 400)}" for group in groups[:_GROUPS]))
    goals = ", ".join(
        f"{o.name}{f' [{o.unit}]' if o.unit else ''} "
        f"({'higher' if o.direction == 'maximize' else 'lower'} is better)"
        for o in searched.objectives
    )
    lines.append(f"Objectives: {plain(goals, 400)}")
    if searched.constraints:
        lines.append(f"Constraints: {plain(', '.join(map(str, searched.constraints)), 400)}")
    return "\n\n".join(lines)


def _front(searched: Searched) -> str:
    front = searched.front
    if not front:
        return "### Front\n\nNothing is measured yet."
    heads = ["trial", *(f"{o.name} [{o.unit}]" if o.unit else o.name for o in searched.objectives)]
    rows = [
        [str(trial.number), *(bare_value(trial, o) for o in searched.objectives)]
        for trial in front[:_FRONT]
    ]
    more = len(front) - _FRONT
    rest = f"\n\nand {counted(more, 'other network')}" if more > 0 else ""
    title = "Front" if len(searched.objectives) > 1 else "Best"
    return f"### {title}\n\n{table(heads, rows)}{rest}"


def _commands(searched: Searched) -> str:
    if searched.storage is None:
        return ""
    where = f"--storage {shlex.quote(searched.storage)} --study {shlex.quote(searched.name)}"
    parts = [f"What happened, as one page:\n\n{code(f'bonas report {where}')}"]
    if searched.is_of_bonas:
        worker = f"bonas worker my_search:search {where}"
        parts.append(f"More workers, or a search that goes on:\n\n{code(worker)}")
    return "### How to go on\n\n" + "\n\n".join(parts)
