"""The entries of `arms` in a plan file, and what is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass

from harness.plan.arms import BASE, Arm, same
from harness.plan.build import build_arm, require_effect
from harness.plan.complaints import shown
from harness.plan.grid import PART, GridError, Values, in_words, points
from harness.plan.schema import PlanFile
from harness.plan.source import Location, Source


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One entry of `arms` in the file, taken apart."""

    place: Location
    name: object
    """The arm's own name; None without one."""
    spec: object
    """The strategy and its parameters."""
    has_grid: bool
    grid: object


def resolve_arms(source: Source, file: PlanFile, problems: list[str]) -> list[Arm]:
    """Return the arms of a plan, the untrained model first; what is wrong with them is added to `problems`."""
    arms = [Arm(name=BASE, strategy=None, spec={BASE: {}}, family="controls", training=file.training)]
    for index, raw in enumerate(file.arms):
        if raw == BASE:  # the untrained model is there already
            continue
        entry = _entry(raw, ("arms", index))
        arm = _arm(source, file, entry, problems)
        if arm is None:
            continue
        if twin := _twin(arm, arms):
            problems.append(f"{source.where(entry.place)}: {twin}")
        arms.append(arm)
    if not problems and file.baseline not in [arm.name for arm in arms[1:]]:
        known = ", ".join(arm.name for arm in arms[1:])
        problems.append(
            f"{source.where(('baseline',))}: the baseline must be one of the arms ({known}); got {file.baseline!r}"
        )
    return arms


def _entry(raw: object, place: Location) -> Entry:
    """Split `{name: mine, g2rl: {…}, grid: {…}}` into the arm's own name, the strategy and the grid."""
    if not isinstance(raw, dict) or not raw.keys() & {"name", "grid"}:
        return Entry(place=place, name=None, spec=raw, has_grid=False, grid=None)
    spec = {key: value for key, value in raw.items() if key not in ("name", "grid")}
    return Entry(place=place, name=raw.get("name"), spec=spec, has_grid="grid" in raw, grid=raw.get("grid"))


def _arm(source: Source, file: PlanFile, entry: Entry, problems: list[str]) -> Arm | None:
    """Return the arm of an entry; None, with what is wrong among `problems`, if there can't be one."""
    if entry.name is not None and (not isinstance(entry.name, str) or not entry.name.strip()):
        problems.append(f"{source.where((*entry.place, 'name'))}: expected text; got {shown(entry.name)}")
        return None
    if entry.has_grid:
        return _tuned(source, file, entry, problems)
    try:
        return build_arm(file, entry.name, entry.spec, {})
    except ValueError as error:
        problems.append(f"{source.where(entry.place, _inside(error))}: {error}")
        return None


def _tuned(source: Source, file: PlanFile, entry: Entry, problems: list[str]) -> Arm | None:
    """Return the arm of an entry with a grid, every point of which has been built."""
    place = (*entry.place, "grid")
    if file.tuning is None:
        problems.append(
            f"{source.where(place)}: a grid needs a tuning budget; add tuning: to the plan, or drop the grid"
        )
        return None
    try:
        name = entry.name if isinstance(entry.name, str) else _name_without_grid(entry.spec)
        values = points(entry.grid)
    except GridError as error:
        problems.append(f"{source.where(place if error.name is None else (*place, error.name))}: {error}")
        return None
    except ValueError as error:
        problems.append(f"{source.where(entry.place, _inside(error))}: {error}")
        return None
    trial = file.tuning.budget.shared(len(values) * len(file.tuning.seeds))
    found: list[Arm] = []
    complaints: dict[str, str] = {}
    for one in values:
        try:
            point = build_arm(file, f"{name}: {in_words(one)}", entry.spec, one)
            require_effect(file, point, trial)
        except ValueError as error:
            where = source.where(*_at_fault(entry.place, one, error))
            complaints.setdefault(str(error), f"{where}: {error} (at {in_words(one)})")
            continue
        if twin := next((other for other in found if same(point, other)), None):
            message = f"the points {in_words(twin.values)} and {in_words(one)} do the same; leave one out"
            complaints.setdefault("twins", f"{source.where(place)}: {message}")
        found.append(point)
    problems += complaints.values()
    return None if complaints else _waiting(name, file, found)


def _waiting(name: str, file: PlanFile, points: list[Arm]) -> Arm:
    """Return the arm whose parameters are to be chosen among those of `points`."""
    return Arm(name=name, strategy=None, spec={}, family=points[0].family, training=file.training, points=tuple(points))


def _name_without_grid(spec: object) -> str:
    """Return the name of a tuned arm: that of its strategy without the grid, where that can be built.

    Raises:
        StrategyError: If there is no such strategy, with a grid or without.
    """
    from strategies import StrategyError, build, label
    from strategies.registry import class_of, name_and_parameters

    name, _ = name_and_parameters(spec)
    class_of(name)
    try:
        return label(build(spec))
    except StrategyError:  # it needs what the grid gives
        return name


def _at_fault(arm: Location, values: Values, error: ValueError) -> tuple[Location, Location]:
    """Return what of an arm with a grid an error is about, and where in it the line is."""
    inside = _inside(error)
    path = PART.join(map(str, inside[1::2]))
    named = [error.name] if isinstance(error, GridError) else [path, PART.join(map(str, (*inside[:1], path)))]
    for name in named:
        if name is not None and name in values:
            return (*arm, "grid", name), ()
    if not inside:
        return (*arm, "grid", *(values if len(values) == 1 else ())), ()
    return arm, inside


def _inside(error: ValueError) -> Location:
    from strategies import StrategyError

    return error.at if isinstance(error, StrategyError) else ()


def _twin(arm: Arm, others: list[Arm]) -> str | None:
    """Say what is wrong with an arm that has the name, or does the same, as one before it."""
    if any(other.name == arm.name for other in others):
        return f"the arm {arm.name!r} stands twice; change it, or give it a name of its own (name: …)"
    for other in others:
        if same(arm, other):  # the same seeds: not a comparison of two runs, but one run twice
            return (
                f"the arm {arm.name!r} does the same as {other.name!r}, with the same seeds; change it, or leave it out"
            )
    return None
