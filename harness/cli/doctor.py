"""`explorebench doctor`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.errors import explained

if TYPE_CHECKING:
    from harness.plan.resolve import Plan
    from harness.runner.machine import Finding

UNFIT = 1


@click.command()
@click.argument("plan_file", metavar="[PLAN]", required=False, type=click.Path(path_type=Path))
@click.option("--on", type=click.Choice(["local", "slurm"]), default="local", show_default=True)
@click.option("--profile", type=click.Path(path_type=Path), help="Slurm: what jobs ask for. [default: cluster.yaml]")
@click.option("--runs", type=click.Path(file_okay=False, path_type=Path), default="runs", show_default=True)
@click.option("--write", type=click.Path(dir_okay=False, path_type=Path), help="Write a profile to start from.")
@click.option("--json", "as_json", is_flag=True, help="For a script.")
def doctor(
    plan_file: Path | None, on: str, profile: Path | None, runs: Path, write: Path | None, as_json: bool
) -> None:
    """Say what this machine or the cluster has, what PLAN needs, and what is missing.

    Exit code 0 when a run would work, 1 when it would not, 2 when the plan or the profile can't be read.
    """
    if write is not None:
        _write(write)
        return
    from harness.runner.machine import examine

    found = list(examine(runs))
    plan = None
    if plan_file is not None:
        with explained():
            from harness.plan.resolve import load_plan

            plan = load_plan(plan_file)
        found += _of_plan(plan)
    if on == "slurm":
        found += _of_slurm(plan, plan_file, profile, runs)
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found], indent=2))
    else:
        width = max(len(one.what) for one in found)
        for one in found:
            level = "PROBLEM" if one.level == "problem" else one.level
            click.echo(f"{level:<7}  {one.what:<{width}}  {one.found}")
    sys.exit(UNFIT if any(one.level == "problem" for one in found) else 0)


def _of_plan(plan: Plan) -> Iterator[Finding]:
    from harness.runner.machine import caution, ok

    yield ok("plan", f"{plan.name}: {len(plan.cells)} cells, model {plan.model.name} {plan.model.sha256[:12]}")
    if "/" in plan.model.name and not Path(plan.model.name).exists() and "data" not in plan.source.data:
        yield caution(
            "plan",
            f"the model {plan.model.name} is read from the hub: nodes without a network need a snapshot, "
            f"explorebench data fetch {plan.source.path}",
        )


def _of_slurm(plan: Plan | None, plan_file: Path | None, profile: Path | None, runs: Path) -> Iterator[Finding]:
    """Yield what is found of the cluster; a profile that can't be read ends the command."""
    from harness.cli.submission import cluster_of, profile_of, stages
    from harness.runner.machine import ok, problem
    from slurm.commands import SlurmError
    from slurm.doctor import disk, examine
    from slurm.requests import Purpose

    purposes: tuple[Purpose, ...] = (*(stages(plan) if plan else ("train", "evaluate")), "probe")
    with explained():
        asked, said = profile_of(plan_file, profile, {})
    yield ok("profile", said.removeprefix("profile: "))
    try:
        vllm = plan.training.vllm if plan else None
        yield from examine(cluster_of(), asked, purposes, vllm.gpus if vllm and vllm.mode == "server" else 0)
    except SlurmError as error:
        yield problem("slurm", str(error))
    yield from disk(runs)


def _write(path: Path) -> None:
    """Write the profile to start from."""
    if path.exists():
        raise click.UsageError(f"{path} is there already; choose another name")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text((files("slurm") / "cluster.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    click.echo(f"wrote {path}; next: explorebench doctor --on slurm --profile {path}")
