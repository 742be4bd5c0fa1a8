"""A cluster to try things on: `python -m tests.slurm.cluster start`, `status`, `stop`."""

from __future__ import annotations

import os
import sys
import time

import click

from tests.slurm.cluster.cluster import Cluster
from tests.slurm.cluster.faults import FaultyCluster
from tests.slurm.cluster.layout import Layout, Size, folder_of
from tests.slurm.cluster.machines import take_down
from tests.slurm.cluster.packages import ClusterUnavailableError

named = click.option("--name", default="mine", show_default=True, help="Tells it from other clusters on this machine.")


@click.group(help=__doc__)
def main() -> None:
    """Group the commands."""


@main.command()
@named
@click.option("--nodes", default=Size.nodes, show_default=True)
@click.option("--cpus", default=Size.cpus, show_default=True, help="Of each node; they are virtual.")
@click.option("--memory-mb", default=Size.memory_mb, show_default=True, help="Of each node; it is virtual.")
def start(name: str, nodes: int, cpus: int, memory_mb: int) -> None:
    """Start a cluster and print what to type to use it."""
    begun = time.monotonic()
    if folder_of(name).exists():
        raise click.ClickException(f"{folder_of(name)} is there already: stop it first, or give --name another")
    try:
        cluster = Cluster.start(name, Size(nodes=nodes, cpus=cpus, memory_mb=memory_mb))
    except (ClusterUnavailableError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{nodes} nodes, up in {time.monotonic() - begun:.1f} s. In a shell that shall use it:", err=True)
    click.echo(f"export SLURM_CONF={cluster.layout.configuration}")


@main.command()
@named
def status(name: str) -> None:
    """Show nodes and jobs."""
    cluster = existing(name)
    click.echo(cluster.command("sinfo", "--Node", "--long") + cluster.command("squeue", "--long"), nl=False)


@main.command()
@named
def stop(name: str) -> None:
    """Kill everything of the cluster and delete its folder."""
    if not folder_of(name).exists():
        raise click.ClickException(f"no cluster {name!r}: {folder_of(name)} isn't there")
    take_down(Layout(folder_of(name)))


@main.command()
@named
@click.argument("fault", type=click.Choice(
    ["kill-node", "start-node", "kill-slurmd", "start-slurmd", "restart-controller", "stop-accounting",
     "start-accounting", "requeue", "preempt"]))  # fmt: skip
@click.argument("what", nargs=-1)
def fault(name: str, fault: str, what: tuple[str, ...]) -> None:
    """Do something to the cluster: `fault kill-node node2`, `fault preempt 1234`, `fault stop-accounting`."""
    existing(name)
    getattr(FaultyCluster(folder_of(name)), fault.replace("-", "_"))(*what)


def existing(name: str) -> Cluster:
    """Return the cluster of that name."""
    if not folder_of(name).exists():
        raise click.ClickException(f"no cluster {name!r}: start it first")
    return Cluster(folder_of(name))


if __name__ == "__main__":
    if os.geteuid() != 0:
        sys.exit("a cluster needs root (namespaces, mounts)")
    main()
