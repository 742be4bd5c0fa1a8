"""The commands, by the order in which a new user meets them."""

from __future__ import annotations

import click

from harness.cli.lazy import Door, LazyGroup

DOORS = {
    "init": Door("harness.cli.init", "Write a plan to start from."),
    "check": Door("harness.cli.check", "Validate a plan; list its cells, its cost and what it can detect."),
    "power": Door("harness.cli.power", "Say what a plan can detect, with the variances of a pilot."),
    "doctor": Door("harness.cli.doctor", "Say what this machine or a cluster has, and what is missing."),
    "queue": Door("harness.cli.queue", "Run what is missing of a plan."),
    "status": Door("harness.cli.status", "Show where each cell of a run stands."),
    "watch": Door("harness.cli.watch", "Watch a run on the terminal: cells, curves, what happened."),
    "logs": Door("harness.cli.logs", "Print what the process of a cell printed."),
    "cancel": Door("harness.cli.cancel", "Let cells of a run rest, and cancel their jobs."),
    "resume": Door("harness.cli.resume", "Go on with cells that were cancelled."),
    "retry": Door("harness.cli.retry", "Try failed cells again."),
    "account": Door("harness.cli.account", "Ask Slurm what it counted for a run's jobs."),
    "report": Door("harness.cli.report", "Write the page and the leaderboard of a run."),
    "publish": Door("harness.cli.publish", "Add runs to a site of many: index, history, pages per strategy."),
    "compare": Door("harness.cli.compare", "Set two results side by side, with items gained and lost."),
    "gate": Door("harness.cli.gate", "Say whether anything regressed, for CI."),
    "paths": Door("harness.cli.paths", "Show which answers a strategy preferred in a step."),
    "evaluate": Door("harness.cli.evaluate", "Evaluate a model on suites, outside any plan."),
    "rescore": Door("harness.cli.rescore", "Grade stored answers again, without generating."),
    "import": Door("harness.cli.imports", "Import results that were made elsewhere.", "import_results"),
    "export": Door("harness.cli.imports", "Write the results of a run into one table."),
    "calibrate": Door("harness.cli.calibrate", "Show on simulations how often verdicts are right."),
    "strategies": Door("harness.cli.strategies", "List the strategies, or describe one."),
    "suites": Door("harness.cli.suites", "List, show, verify, freeze or make suites."),
    "data": Door("harness.cli.data", "Bring datasets and models to machines without a network."),
    "model": Door("harness.cli.model", "Rebuild or measure the embedded model."),
}


@click.group(cls=LazyGroup, doors=DOORS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="explorebench")
def main() -> None:
    """Compare exploration strategies for RL on verifiable rewards, at equal compute.

    Start with `explorebench init`, then `queue`, then `report`.
    """
