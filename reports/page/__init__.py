"""The page of one run: a single HTML file that needs no network, no script and no other file."""

from __future__ import annotations

from importlib.resources import files

from reports.aggregates import aggregate_table
from reports.claims import does
from reports.consistency import consistency_table, noise_table
from reports.controls import TITLE, controls
from reports.curves import SMOOTHING
from reports.efficiency import efficiency_table
from reports.leaderboard import Leaderboard
from reports.origin import origin_of_parameters, tuning_budget
from reports.page.drawings import compute_drawing, score_drawings, training_drawings, watch_drawings
from reports.page.standings import standings
from reports.read import Run, TuningRun
from reports.regressions import regression_table
from reports.resets import gain_table, reset_table
from reports.summary import plain_answer, standing
from reports.tables import Table, compute_table, fingerprint_tables, hash_table, note_table, suite_table
from reports.tried import failed_trials_table, tried_table
from reports.verdicts.words import rule_in_words
from reports.watches import watch_table


def render(run: Run, board: Leaderboard, unit: str, accounting: Table) -> str:
    """Return the page as HTML, with score against compute in `unit`, and what a scheduler counted, if anything."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("reports.page", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    plan = run.plan
    same, differing = fingerprint_tables(run)
    style = files("reports.page").joinpath("page.css").read_text(encoding="utf-8")
    return environment.get_template("page.html.j2").render(
        style=Markup(style),
        run=run,
        plan=plan,
        board=board,
        standing=standing(run, board),
        answer=plain_answer(run, board),
        standings=standings(board),
        controls=controls(run, board.at),
        controls_title=TITLE,
        controls_do=does(run),
        training=training_drawings(run),
        primary=score_drawings(run, board, primary=True),
        others=score_drawings(run, board, primary=False),
        suites=[(suite, suite_table(run, suite, board.at)) for suite in plan.suites],
        phases=compute_drawing(run),
        compute=compute_table(run),
        tuning=run.tuning,
        tuning_budget="none" if run.tuning is None else tuning_budget(run.tuning),
        tried=[] if run.tuning is None else _tried(run, run.tuning),
        hashes=hash_table(run),
        same=same,
        differing=differing,
        notes=note_table(run),
        resets=reset_table(run),
        gains=gain_table(run, board.at),
        watches=watch_table(run),
        watched=watch_drawings(run),
        smoothing=SMOOTHING,
        rule=rule_in_words(plan.rule),
        accounting=accounting,
        aggregates=aggregate_table(run, board.at),
        consistency=consistency_table(run, board.at),
        noise=noise_table(run),
        efficiency=efficiency_table(run, unit),
        regressions=regression_table(run, board.at),
    )


def _tried(run: Run, tuning: TuningRun) -> list[tuple[str, str, Table, Table]]:
    """Return, for each tuned arm, its name, what was chosen, and the tables of what was tried and what failed."""
    return [
        (arm, origin_of_parameters(run, arm), tried_table(tuning, arm), failed_trials_table(tuning, arm))
        for arm in tuning.plan.grids
    ]
