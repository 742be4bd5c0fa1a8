"""What `queue --on slurm` does and prints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.errors import explained
from harness.store.paths import RunPaths

if TYPE_CHECKING:
    from harness.plan.resolve import Plan
    from harness.store.stages import Stage
    from slurm.cluster import Cluster
    from slurm.code import CodeSnapshot
    from slurm.dispatch import Dispatcher, Needs, Sent
    from slurm.profile import Profile


@dataclass(frozen=True, kw_only=True, slots=True)
class Wishes:
    """What was typed."""

    plan_file: Path
    profile: Path | None
    overrides: Mapping[str, object]
    """Of the profile, by field; None is nothing said."""
    retry_failed: bool
    dry_run: bool
    preflight: bool


def send(plan: Plan, run: RunPaths, wishes: Wishes) -> int:
    """Send what a plan needs to Slurm, or say what would be sent, and return the exit code."""
    from slurm.commands import SlurmError
    from slurm.dispatch import Dispatcher
    from slurm.limits import limits_of

    with explained(SlurmError):
        profile, said = profile_of(wishes.plan_file, wishes.profile, wishes.overrides)
        cluster = cluster_of()
        click.echo(said)
        require_fit(plan, profile, cluster)
    limits = limits_of(cluster, {profile.request(stage).qos for stage in stages(plan)})
    dispatcher = Dispatcher(run=run, cluster="slurm", profile=profile, limits=limits, retry_failed=wishes.retry_failed)
    if wishes.dry_run:
        from harness.cli.dry_run import show

        with explained(SlurmError):
            show(plan, dispatcher)
        return 0

    def check(needs: Needs, snapshot: CodeSnapshot) -> None:
        click.echo(snapshot.line())
        if wishes.preflight:
            from harness.cli.preflight import preflight

            preflight(needs, snapshot, dispatcher)

    def waiting() -> None:
        click.echo("another queue is sending jobs of this run; waiting until it is done")

    with explained(SlurmError):
        sent = dispatcher.send(plan, check, waiting)
    _report(sent, wishes.plan_file)
    _go_on_later(sent, dispatcher, wishes.plan_file)
    click.echo(f"next: explorebench status {run.root}")
    return 0


def profile_of(plan_file: Path | None, named: Path | None, overrides: Mapping[str, object]) -> tuple[Profile, str]:
    """Return the profile that holds, and a line that says which it is.

    Raises:
        PlanError: If it isn't what it should be.
    """
    from slurm.profile import Profile, find_profile, load_profile, overridden

    path = named or find_profile(plan_file)
    profile = overridden(load_profile(path) if path else Profile(), overrides)
    return profile, f"profile: {path or 'none (no cluster.yaml beside the plan or here): defaults are used'}"


def cluster_of() -> Cluster:
    """Return the cluster that this machine belongs to.

    Raises:
        SlurmError: If there is no Slurm, or it can't be asked.
    """
    from slurm.cluster import read_cluster
    from slurm.commands import require_slurm

    require_slurm()
    return read_cluster()


def require_fit(plan: Plan, profile: Profile, cluster: Cluster) -> None:
    """Raise SlurmError if jobs of some stage of the plan would never start."""
    from slurm.commands import SlurmError
    from slurm.fit import misfits
    from slurm.launch import unlaunchable

    asked = {stage: profile.request(stage) for stage in stages(plan)}
    problems = [
        f"{stage} jobs: {problem}"
        for stage, request in asked.items()
        for problem in (*unlaunchable(plan, request, stage), *misfits(request, cluster))
    ]
    if problems:
        raise SlurmError(*problems)


def stages(plan: Plan) -> tuple[Stage, ...]:
    """Return the stages for which a plan sends jobs."""
    return ("train", "evaluate") if plan.evaluation.separate else ("all",)


def _report(sent: Sent, plan_file: Path) -> None:
    needs = sent.needs
    for array, number in zip(needs.arrays, sent.numbers, strict=True):
        kind = f"array {number}" if len(array.jobs) > 1 else f"job {number}"
        after = f", each after its job in {sent.numbers[array.after]}" if array.after is not None else ""
        click.echo(f"{kind}: {len(array.jobs)} x {array.stage}{after}")
    if needs.queued.cells:
        click.echo(f"{len(needs.queued.cells)} cells are in the queue already and were not sent again")
    click.echo(f"{needs.jobs} jobs queued")
    again = f"explorebench queue {plan_file} --on slurm"
    if needs.left_out:
        click.echo(f"{needs.left_out} cells left out: the queue has no more room for you; later: {again}")


def _go_on_later(sent: Sent, dispatcher: Dispatcher, plan_file: Path) -> None:
    """Send the job that goes on when trials are over, or say what to type then."""
    from harness.tuning.waiting import waiting_lines
    from slurm.commands import SlurmError
    from slurm.continuing import send_continue

    waiting = waiting_lines(sent.needs.plan, dispatcher.run)
    if not waiting:
        return
    try:
        job = send_continue(dispatcher, sent)
    except SlurmError as error:
        click.echo(f"caution: the job that would go on by itself wasn't taken: {error}", err=True)
        job = None
    if job:
        then = f"job {job} sends them when the trials are over"
    elif sent.needs.queued.continues:
        then = "a job that sends them when the trials are over is in the queue"
    else:
        then = f"when its trials are done, type the same again: explorebench queue {plan_file} --on slurm"
    for line in waiting:
        click.echo(f"{line}; {then}")
