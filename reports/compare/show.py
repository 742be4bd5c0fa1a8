"""A comparison of two sides as Markdown, as a page, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from reports import formatting
from reports.compare.compared import OnSuite, compared, settings_that_differ
from reports.compare.sides import Side
from reports.compare.texts import Answered, ItemPair, item_pairs
from reports.markdown import escaped
from reports.page import page_environment, page_style
from reports.statistics import Interval
from reports.verdicts.words import rule_in_words

NOT_KEPT = "not kept"
"""In the place of a question that neither run holds."""
FIXED = "these very models, items like these: it says nothing of another training run"


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Two sides, whole."""

    a: Side
    b: Side
    suites: tuple[OnSuite, ...]
    settings: tuple[tuple[str, str, str], ...]
    """Name, A's value and B's, where they differ."""
    gained: dict[str, tuple[ItemPair, ...]]
    """Items on which A does better, by suite."""
    lost: dict[str, tuple[ItemPair, ...]]

    @property
    def rule(self) -> str:
        """How verdicts are reached."""
        return rule_in_words(self.a.run.plan.rule)


def comparison(
    a: Side, b: Side, *, suites: Sequence[str] = (), seed: int | None = None, items: int | None = None
) -> Comparison:
    """Return two sides compared, with at most `items` gained and lost items of each suite; all of them without.

    Raises:
        ReportError: As `compared`.
    """
    found = compared(a, b, suites, seed)
    return Comparison(
        a=a,
        b=b,
        suites=tuple(found),
        settings=tuple(settings_that_differ(a, b)),
        gained={one.suite: tuple(item_pairs(a, b, one, one.changes.gained[:items])) for one in found},
        lost={one.suite: tuple(item_pairs(a, b, one, one.changes.lost[:items])) for one in found},
    )


def as_markdown(found: Comparison) -> str:
    """Return all of it as Markdown."""
    lines = [f"# {escaped(found.a.name)} against {escaped(found.b.name)}", "", found.rule, ""]
    titles = (
        "suite",
        "A (%)",
        "B (%)",
        "A less B (points)",
        "verdict",
        "pairs of seeds",
        "gained",
        "lost",
        "sign test p",
    )
    lines += [f"| {' | '.join(titles)} |", f"|{'---|' * len(titles)}"]
    lines += [f"| {' | '.join(map(escaped, row))} |" for row in map(summary_row, found.suites)]
    lines += ["", *(f"- {text}" for one in found.suites for text in notes(one))]
    for one in found.suites:
        for word, items in (("gained", found.gained[one.suite]), ("lost", found.lost[one.suite])):
            if items:
                lines += [
                    "",
                    f"## {escaped(one.suite)}: {word}",
                    "",
                    "| item | question | A | B | A answered | B answered |",
                    "|---|---|---|---|---|---|",
                ]
                lines += [f"| {' | '.join(map(escaped, _item_row(item)))} |" for item in items]
    if found.settings:
        lines += ["", "## Settings that differ", "", "| setting | A | B |", "|---|---|---|"]
        lines += [f"| {' | '.join(map(escaped, row))} |" for row in found.settings]
    return "\n".join(lines) + "\n"


def as_html(found: Comparison) -> str:
    """Return all of it as one page that needs no other file and no network."""
    from markupsafe import Markup

    return (
        page_environment()
        .get_template("compare.html.j2")
        .render(
            style=Markup(page_style()),
            found=found,
            rows=[(one, summary_row(one), notes(one)) for one in found.suites],
        )
    )


def as_json(found: Comparison) -> dict[str, Any]:
    """Return all of it, JSON-able; scores and differences as fractions."""
    return {
        "a": found.a.name,
        "b": found.b.name,
        "suites": [
            {
                "suite": one.suite,
                "scores": list(one.scores),
                "seeds": [list(pair) for pair in one.seeds],
                "over_seeds": _ends(one.over_seeds),
                "verdict": one.verdict,
                "over_items": _ends(one.over_items),
                "sign_test_p": one.changes.p_value,
                "left_out": one.left_out,
                "items_gained": [one.items[place] for place in one.changes.gained],
                "items_lost": [one.items[place] for place in one.changes.lost],
                "gained": [asdict(item) for item in found.gained[one.suite]],
                "lost": [asdict(item) for item in found.lost[one.suite]],
            }
            for one in found.suites
        ],
        "settings": [{"name": name, "a": ours, "b": theirs} for name, ours, theirs in found.settings],
    }


def summary_row(one: OnSuite) -> tuple[str, ...]:
    """Return one suite as texts: scores, difference, verdict, seeds, items gained and lost."""
    return (
        one.suite,
        formatting.percent(one.scores[0]),
        formatting.percent(one.scores[1]),
        formatting.points(one.over_seeds),
        one.verdict,
        f"{len(one.seeds)}",
        f"{len(one.changes.gained)}",
        f"{len(one.changes.lost)}",
        f"{one.changes.p_value:.2g}",
    )


def notes(one: OnSuite) -> list[str]:
    """Return what else is to be said of a suite."""
    few = " One pair of seeds gives no interval over training runs." if len(one.seeds) == 1 else ""
    texts = [f"{one.suite}: {formatting.points(one.over_items)} points for {FIXED}.{few}"]
    if one.left_out:
        texts.append(f"{one.suite}: not paired: {one.left_out}.")
    return texts


def _item_row(item: ItemPair) -> tuple[str, ...]:
    sure = " (surely)" if item.certain else ""
    question = NOT_KEPT if item.question is None else item.question
    return (f"{item.name}{sure}", question, *item.right, *(_first(answers) for answers in item.answers))


def _first(answers: Sequence[Answered]) -> str:
    """Return the first answer that was kept, with whether it is right."""
    for answer in answers:
        if answer.text is not None:
            return f"{'right' if answer.right else 'wrong'}: {answer.text}"
    return "text not kept"


def _ends(interval: Interval) -> dict[str, float | None]:
    return {"mean": interval.mean, "low": interval.low, "high": interval.high}
