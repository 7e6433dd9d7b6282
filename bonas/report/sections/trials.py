"""All trials: a table that a script fills page by page, so that thousands do not slow the page."""

from __future__ import annotations

from bonas.report.counted import counted
from bonas.report.markup import escaped
from bonas.report.searched import Searched
from bonas.report.searched_trial import OUTCOMES
from bonas.report.section import Section
from bonas.report.trial_data import trial_data


def section(searched: Searched) -> Section | None:
    """Return the table; None if there are no trials."""
    if not searched.trials:
        return None
    found = [outcome for outcome in OUTCOMES if searched.count(outcome)]
    options = "".join(
        f'<option value="{OUTCOMES.index(outcome)}">{escaped(outcome.replace("_", " "))} '
        f"({searched.count(outcome):,})</option>"
        for outcome in found
    )
    n = counted(len(searched.trials), "trial")
    body = f"""<div id="trials-tools" class="tools" hidden>
<label>Outcome <select id="trials-outcome"><option value="">all ({len(searched.trials):,})</option>
{options}<option value="front">on the front ({len(searched.front):,})</option></select></label>
<label>Find <input id="trials-find" type="search" placeholder="a choice or a number"></label>
</div>
<div class="scroll" tabindex="0" role="group" aria-label="All trials"><table id="trials-table">
<caption class="hidden">All trials</caption></table></div>
<div id="trials-pages" class="tools" hidden><button type="button" id="trials-before">Previous
</button><span id="trials-place" aria-live="polite"></span><button type="button" id="trials-after">
Next</button></div>
<noscript><p>{escaped(n)}: this table needs scripts, which are switched off here.</p></noscript>
<script type="application/json" id="trials-data">{trial_data(searched)}</script>"""
    return Section("trials", "All trials", body)
