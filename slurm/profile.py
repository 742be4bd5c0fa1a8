"""`cluster.yaml`: what jobs ask a cluster for, by stage. Every complaint names the file and the line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from harness.errors import PlanError
from harness.plan.complaints import complaint, shown
from harness.plan.source import Location, read_source
from slurm.requests import PROBE_TIME_MIN, Purpose, Request

FILE = "cluster.yaml"
OURS = {
    **dict.fromkeys(("account", "partition", "qos", "constraint", "time", "nodes"), ""),
    **{"mem": "memory", "cpus-per-task": "cpus", "gpus-per-node": "gpus", "gres": "gpus"},
    **{"ntasks": "tasks", "ntasks-per-node": "tasks", "array": "at_once", "signal": "save_before_s"},
    **dict.fromkeys(("requeue", "dependency", "comment", "job-name", "output", "error", "open-mode", "wrap"), "none"),
}
"""Options of sbatch that we set, and the field that does; an empty name is the option's own, none is nobody's."""
STAGE_FIELDS = ("train", "evaluate", "probe")
UNITS_MIN = {"d": 1440, "h": 60, "min": 1, "m": 1}
UNITS_GIB = {"K": 2**-20, "M": 2**-10, "G": 1.0, "T": 1024.0}


def _minutes(value: object) -> object:
    """Return a time limit in minutes: a number, 90min, 4h, 2d, or Slurm's H:MM:SS and D-HH:MM:SS."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    text = str(value).strip()
    if found := re.fullmatch(r"(\d+)\s*(d|h|min|m)", text):
        return int(found[1]) * UNITS_MIN[found[2]]
    if found := re.fullmatch(r"(?:(\d+)-)?(\d+):(\d\d):(\d\d)", text):
        days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
        return days * 1440 + hours * 60 + minutes + (seconds > 0)
    raise ValueError(f"expected a time such as 90min, 4h, 2d, 4:00:00 or 1-12:00:00; got {shown(value)}")


def _gib(value: object) -> object:
    """Return memory in GiB: a number, or text such as 32G or 500M."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if found := re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT])(?:i?B)?", str(value).strip()):
        return float(found[1]) * UNITS_GIB[found[2]]
    raise ValueError(f"expected memory such as 32G or 500M; got {shown(value)}")


class Resources(BaseModel):
    """What is asked for; nothing said is the default, or what stands above the stages."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    account: str | None = None
    partition: str | None = None
    qos: str | None = None
    constraint: str | None = None
    """Features that a node must have, as Slurm writes them."""
    time: Annotated[int | None, BeforeValidator(_minutes), Field(ge=1)] = None
    """Limit of one job; a cell that needs longer goes on in the next."""
    memory: Annotated[float | None, BeforeValidator(_gib), Field(gt=0)] = None
    """On each node."""
    cpus: int | None = Field(default=None, ge=1)
    """For each task."""
    gpus: int | None = Field(default=None, ge=0)
    """On each node."""
    gpu_type: str | None = None
    nodes: int | None = Field(default=None, ge=1)
    tasks: int | None = Field(default=None, ge=1)
    """On each node."""
    at_once: int | None = Field(default=None, ge=1)
    """Jobs that may run side by side."""
    save_before_s: int | None = Field(default=None, ge=1)
    """How long before its end a job is told to save."""
    modules: list[str] | None = None
    """Loaded in each job."""
    setup: list[str] | None = None
    """Lines of shell for each job, after the modules."""
    container: str | None = None
    """Stands before Python in each job."""
    python: str | None = None
    sbatch: dict[str, str | int | bool] | None = None
    """Further options of sbatch by their long names."""

    @field_validator("sbatch")
    @classmethod
    def _not_ours(cls, value: dict[str, str | int | bool] | None) -> dict[str, str | int | bool] | None:
        for name in value or {}:
            field = OURS.get(name.replace("_", "-").lstrip("-"))
            if field == "none":
                raise ValueError(f"{name} is set by explorebench; leave it out")
            if field is not None:
                raise ValueError(f"{name} has a field of its own: {field or name}")
        return value


class Profile(Resources):
    """The whole file: for every job, and what is different in one stage."""

    train: Resources = Resources()
    """Jobs that train (and evaluate, unless the plan has that done by jobs of its own)."""
    evaluate: Resources = Resources()
    """Jobs that only evaluate."""
    probe: Resources = Resources()
    """The job that tries a node out before the others are sent."""

    def request(self, purpose: Purpose) -> Request:
        """Return what a job asks for by its purpose; a probe asks for a place such as that of a training job."""
        parts = {"probe": (self.train, self.probe), "evaluate": (self.evaluate,)}.get(purpose, (self.train,))
        said = self.model_dump(exclude=set(STAGE_FIELDS), exclude_none=True)
        if purpose == "probe":
            said["time"] = PROBE_TIME_MIN
        for part in parts:
            inherited = {"time"} if part is self.train and purpose == "probe" else set()
            said |= part.model_dump(exclude=inherited, exclude_none=True)
        return _request(said)


def overridden(profile: Profile, values: Mapping[str, object]) -> Profile:
    """Return `profile` with values that hold for every stage, whatever it says; None is no value."""
    said = {name: value for name, value in values.items() if value is not None}
    if not said:
        return profile
    stages = {name: getattr(profile, name).model_copy(update=dict.fromkeys(said)) for name in STAGE_FIELDS}
    if "time" in said:  # a probe is short, however long the others may be
        stages["probe"] = profile.probe.model_copy(update=dict.fromkeys(said.keys() - {"time"}))
    return profile.model_copy(update={**said, **stages})


PARTS: dict[Location, type[BaseModel]] = {
    (): Profile,
    **{(stage,): Resources for stage in STAGE_FIELDS},
}


def load_profile(path: Path) -> Profile:
    """Read a profile.

    Raises:
        PlanError: Naming every problem found, each with file and line.
    """
    source = read_source(path)
    if source.data is None:
        return Profile()
    if not isinstance(source.data, dict):
        raise PlanError([f"{path}: expected fields such as partition, time and memory; got {shown(source.data)}"])
    try:
        return Profile.model_validate(source.data)
    except ValidationError as error:
        raise PlanError([complaint(source, detail, PARTS) for detail in error.errors()]) from error


def written(profile: Profile) -> str:
    """Return a profile as the text of a file: what `load_profile` reads as the same."""
    said = profile.model_dump(mode="json", exclude_none=True)
    return yaml.safe_dump({name: value for name, value in said.items() if value != {}}, sort_keys=False)


def find_profile(plan: Path | None) -> Path | None:
    """Return the profile beside a plan, or else the one in the working directory; None if neither is there."""
    places = [*([plan.parent / FILE] if plan else []), Path(FILE)]
    return next((place for place in places if place.is_file()), None)


def _request(said: dict[str, Any]) -> Request:
    names = {"time": "time_min", "memory": "memory_gib", "save_before_s": "save_s"}
    values = {names.get(name, name): value for name, value in said.items()}
    for name in ("modules", "setup"):
        if name in values:
            values[name] = tuple(values[name])
    values["sbatch"] = tuple(values.get("sbatch", {}).items())
    return Request(**values)
