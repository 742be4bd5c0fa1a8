"""What is printed of the probes before jobs are sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from slurm.code import CodeSnapshot
    from slurm.dispatch import Dispatcher, Needs

FIRST = 3
"""Cells that are looked up in the plan on the node: one would do, and a trial among them."""


def preflight(needs: Needs, snapshot: CodeSnapshot, dispatcher: Dispatcher) -> None:
    """Try each place out that the jobs go to, and print what was found.

    Raises:
        SlurmError: If a place is unfit, or a probe doesn't come back.
    """
    from slurm.commands import SlurmError
    from slurm.preflight import CLOCK_S, Preflight, places

    def tell(state: str) -> None:
        click.echo(f"preflight: {state}")

    flight = Preflight(run=dispatcher.run, plan_name=needs.plan.name, cluster=dispatcher.cluster, tell=tell)
    cells = tuple({array.jobs[0].cell_id: None for array in needs.arrays})[:FIRST]
    problems = []
    for request in places(needs, dispatcher.profile):
        found = flight.probe(request, snapshot, cells)
        for look in found.looks:
            click.echo(f"  {'ok' if look.fine else 'FAILED':<6}  {look.what}: {look.found}")
        if abs(found.clock_s) > CLOCK_S:
            ahead = "ahead of" if found.clock_s > 0 else "behind"
            click.echo(f"  caution: the clock of {found.host} is {abs(found.clock_s):,.0f} s {ahead} this one")
        problems += [f"preflight on {found.host}: {look.what}: {look.found}" for look in found.unfit]
    if problems:
        raise SlurmError(*problems, "nothing was sent; to send all the same: --no-preflight")
