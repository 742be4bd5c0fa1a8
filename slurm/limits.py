"""How much a cluster takes at once, and where that comes from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from slurm.cluster import Cluster

UNLIMITED = 10**9


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Numbers of jobs; an array's tasks are counted one by one."""

    array: int = UNLIMITED
    """Jobs of one array, at most."""
    queue: int = UNLIMITED
    """Jobs that the controller keeps, of everybody."""
    user: int = UNLIMITED
    """Jobs that this user may have in the queue."""

    def room(self, queued: int, per_cell: int) -> int:
        """Return how many more cells may be sent, with `per_cell` jobs each, when `queued` jobs of the user's wait."""
        return max(0, (min(self.queue, self.user) - queued) // per_cell)

    def hit(self, jobs: int, queued: int) -> Iterator[str]:
        """Yield which limits so many more jobs would run into."""
        if jobs > self.array:
            yield f"MaxArraySize {self.array:,}: split into arrays of at most that many"
        if queued + jobs > self.user:
            yield f"MaxSubmitJobs {self.user:,} for you, {queued:,} are queued: the rest when these are over"
        if queued + jobs > self.queue:
            yield f"MaxJobCount {self.queue:,} for everybody, {queued:,} of yours are queued: the rest later"


def limits_of(cluster: Cluster, services: Iterable[str | None] = ()) -> Limits:
    """Return the limits that a cluster says it has.

    Args:
        cluster: What Slurm says of itself.
        services: The qualities of service that jobs ask for.
    """
    found = cluster.accounts
    own = [] if found is None else [found.max_submitted, *(found.of_qos.get(name or "") for name in services)]
    user = min((limit for limit in own if limit is not None), default=None)
    return Limits(array=cluster.max_array_size, queue=cluster.max_jobs, user=UNLIMITED if user is None else user)
