"""Regressions: what every arm lost and gained, down to the answers."""

from __future__ import annotations

from reports.answers import Changed, Gallery
from reports.blocks import Custom, Section
from reports.findings import Findings
from reports.regressions import regression_table
from reports.site import answers_page

NOTE = (
    "Every arm on every suite against the untrained model, its own checkpoint before, and the baseline, paired by seed "
    "and item, 95% intervals. “Regressed”: worse by more than the margin, with all rows of a reference sharing the "
    "doubt (Holm). “Held”: the interval lies above minus the margin. A suite that training didn't aim at and that "
    "regressed was forgotten. Net scores hide losses, so items gained and lost are both shown; surely lost: more than "
    "the noise of their answers (Benjamini-Hochberg)."
)
SHOWN = 1
"""Items lost, and items gained, of each suite and reference, within the page; more stand on the pages beside it."""
CHARACTERS = 1_500_000
"""Of items with their answers within the page, about; arms beyond that have theirs beside it only."""
MARKUP = {"item": 600, "answer": 80}
"""Characters of HTML around each, about."""


def regressions(found: Findings) -> Section:
    """Return what became of every arm on every suite, with answers."""
    table = regression_table(found.run, found.beside.regressions).named("regressions", "Every comparison", folded=True)
    broken = [arm for arm in found.run.plan.trained_arms if found.beside.broken(arm)]
    order = list(dict.fromkeys([*broken, *(row.arm for row in found.board.ranked if row.arm in found.looks)]))
    gallery, left, arms = Gallery(found), CHARACTERS, []
    for arm in order:
        changed = gallery.of(arm, SHOWN) if left > 0 else []
        left -= sum(map(_characters, changed))
        page = answers_page(found.run.plan.trained_arms.index(arm))
        arms.append({"name": arm, "changed": changed, "page": page, "broken": found.beside.broken(arm)})
    answers = Custom(template="answers.html.j2", context={"arms": arms})
    return Section(id="regressions", title="Regressions", note=NOTE, blocks=(answers, table))


def _characters(changed: Changed) -> int:
    answers = [answer for side in changed.sides for answer in side.kept]
    return MARKUP["item"] + sum(MARKUP["answer"] + len(answer.text or "") for answer in answers)
