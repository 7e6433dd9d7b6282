"""How to go on: commands for this study, to be copied."""

from __future__ import annotations

import json
import shlex

from bonas.report.markup import escaped
from bonas.report.searched import Searched
from bonas.report.section import Section
from bonas.studies.outcomes import is_known

_SEARCH = "my_search:search"
_REST = 2  # of a budget that is used up: how many times as much is suggested


def section(searched: Searched) -> Section:
    """Return what can be done with the study."""
    if not searched.is_of_bonas:
        body = (
            "<p>Another program made this study; it can go on with it. A search of bonas takes its "
            "measurements as known with <code>warm_start</code>.</p>"
        )
        return Section("continuation", "How to go on", body)
    if searched.storage is None:
        body = (
            "<p>The study is in memory and ends with its process. Give <code>bonas.optimize</code> "
            'a storage, such as <code>storage="search.log"</code>: the same call then goes on '
            "where the search ended.</p>"
        )
        return Section("continuation", "How to go on", body)
    where = f"{_option('storage', searched.storage)} {_option('study', searched.name)}"
    best = searched.best(searched.objectives[0])
    trial = "" if best is None else f" --trial {best.number}"
    commands = [
        ("Evaluate more networks", f"bonas worker {_SEARCH} {where} --budget {_budget(searched)}"),
        (
            "Train the best networks in full, and open the test rows once",
            f"bonas finalize {_SEARCH} {where}",
        ),
        (
            "Write a trained network as a folder that needs no bonas",
            f"bonas export {_SEARCH} {where}{trial} --out exported",
        ),
        ("See the search while it runs", f"bonas watch {where}"),
        ("Write this report again", f"bonas report {where} --out report.html"),
    ]
    secret = "***" in searched.storage
    notes = [
        f"<p><code>{_SEARCH}</code> stands for your <code>bonas.Search</code>, as module:name. "
        "In Python the same search goes on with the storage and the name of the study:</p>",
        _command(_python(searched)),
    ]
    if secret:
        notes.insert(0, "<p>Replace <code>***</code> by the password of the storage.</p>")
    listed = "".join(f"<h3>{escaped(title)}</h3>{_command(text)}" for title, text in commands)
    return Section("continuation", "How to go on", listed + "".join(notes))


def _option(name: str, value: str) -> str:
    """Return an option and its value for a shell, also of a value that begins like an option."""
    return f"--{name}{'=' if value.startswith('-') else ' '}{shlex.quote(value)}"


def _budget(searched: Searched) -> str:
    """Return a budget that lets the search go on."""
    budget = searched.budget
    if budget.unit == "seconds":
        total = budget.amount if searched.spent < budget.amount else _REST * budget.amount
        return shlex.quote(f"{total:.0f}s")
    counted = sum(not is_known(trial.frozen) for trial in searched.trials)
    amount = int(budget.amount) or counted or 1
    return str(amount if searched.spent + 1 <= amount else _REST * amount)


def _python(searched: Searched) -> str:
    """Return the call that goes on, as Python."""
    budget = _budget(searched).strip("'")
    amount = budget if budget.isdecimal() else json.dumps(budget)
    return (
        f"bonas.optimize(space, {amount}, storage={searched.storage!r}, "
        f"study_name={searched.name!r})"
    )


def _command(text: str) -> str:
    """Return a command that can be copied; it scrolls within the page."""
    return (
        f'<div class="command"><pre tabindex="0"><code>{escaped(text)}</code></pre>'
        '<button type="button" class="copy" hidden>Copy</button></div>'
    )
