"""The processes that train one cell together: who is which, and how they stay of one mind.

Every rank runs the same loop. Each samples, scores and updates on its share of the rollouts; what a strategy is shown
is gathered first, so that each rank asks it the same with the same random numbers and no rank ever knows less than one
alone would. The first rank writes all files; what it must do alone, the others wait for.

Objects and waiting go over the CPU (gloo), tensors over the devices. A rank that dies closes its connections, at which
the others stop.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import torch
import torch.distributed as dist
from torch import Generator, Tensor
from torch.distributed.rendezvous import rendezvous

from harness.errors import LEFT_NO_WORD, CauseKind, CellError, attributing
from harness.ledger.ledger import Phase, Use

if TYPE_CHECKING:
    from accelerate import Accelerator

Value = TypeVar("Value")
MEETING = timedelta(minutes=10)
"""For all ranks to be there."""
WAITING = timedelta(days=30)
"""For what the first rank does alone: an evaluation may take hours, and whoever has died is noticed by other means."""
LOST_WORDS = ("closed by peer", "reset by peer", "connection refused", "socket closed", "broken pipe", "remote process")
"""What torch says when a rank is gone."""


class TogetherError(CellError):
    """Raised by every rank at the same place: none of them waits for another."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ranks:
    """This process among those of its cell; one alone by default."""

    index: int = 0
    count: int = 1
    on_node: int = 0
    """Its number among those of its node."""

    @classmethod
    def of(cls, accelerator: Accelerator) -> Ranks:
        """Return what accelerate has found."""
        return cls(
            index=accelerator.process_index,
            count=accelerator.num_processes,
            on_node=accelerator.local_process_index,
        )

    @property
    def first(self) -> bool:
        """Whether this is the one that writes."""
        return self.index == 0

    def share(self, rows: int) -> list[int]:
        """Return this rank's places among `rows`, as many as every other's; the last is repeated to fill the last."""
        each = -(-rows // self.count)
        return [min(place, rows - 1) for place in range(self.index * each, (self.index + 1) * each)]

    def gathered(self, value: Value) -> list[Value]:
        """Return what every rank gives, in their order."""
        if self.count == 1:
            return [value]
        found: list[Any] = [None] * self.count
        dist.all_gather_object(found, value)
        return found

    def joined(self, values: list[Value]) -> list[Value]:
        """Return the lists of all ranks as one."""
        return [value for theirs in self.gathered(values) for value in theirs]

    def stacked(self, tensor: Tensor) -> Tensor:
        """Return the tensors of all ranks, of one shape, joined along their first dimension."""
        if self.count == 1:
            return tensor
        parts = [torch.empty_like(tensor) for _ in range(self.count)]
        dist.all_gather(parts, tensor.contiguous())
        return torch.cat(parts)

    def of_first(self, tensor: Tensor) -> Tensor:
        """Return the first rank's tensor, in every rank."""
        if self.count == 1:
            return tensor
        theirs = tensor.contiguous()
        dist.broadcast(theirs, 0)
        return theirs

    def told(self, value: Any) -> Any:
        """Return what the first rank gives, in every rank."""
        if self.count == 1:
            return value
        box = [value if self.first else None]
        dist.broadcast_object_list(box, 0)
        return box[0]

    def alone(self, do: Callable[[], None]) -> None:
        """Let the first rank do something while the others wait.

        Raises:
            TogetherError: In every rank, if it failed; what `do` raised, where there is one rank.
        """
        if self.count == 1:
            do()
            return
        said: tuple[CauseKind, str] | None = None
        if self.first:
            try:
                with attributing():
                    do()
            except CellError as error:
                said = error.kind, error.message
            except KeyboardInterrupt:
                said = "interrupted", "stopped by the user"
        said = self.told(said)
        if said is not None:
            raise TogetherError(*said)

    def agreed(self, ask: Callable[[], CellError | None]) -> CellError | None:
        """Return what the first rank answers, in every rank, as an error that all raise at the same place."""
        if self.count == 1:
            return ask()
        error = ask() if self.first else None
        said = self.told(None if error is None else (error.kind, error.message))
        return None if said is None else TogetherError(*said)

    def require_same(self, value: Any, what: str) -> None:
        """Raise RuntimeError if the ranks have come to differ in `what`, which would spoil the cell unseen."""
        theirs = self.gathered(value)
        if any(other != theirs[0] for other in theirs):
            raise RuntimeError(
                f"{what} differ between ranks: {'; '.join(str(other)[:80] for other in theirs)}. "
                "Train with one rank, and report this"
            )

    def require_in_step(self, generator: Generator, prompts: int) -> None:
        """Raise RuntimeError if a strategy has drawn other random numbers here than in other ranks, or more prompts."""
        if self.count > 1:
            drawn = hashlib.sha256(generator.get_state().numpy().tobytes()).hexdigest()[:12]
            self.require_same((prompts, drawn), "prompts and random numbers")

    def own(self, generator: Generator, *place: int) -> Generator:
        """Return the generator of what each rank draws by itself at a `place`; the common one, if there is one rank.

        It is made of the common one's seed and the place, so that none is to be kept and the common one isn't moved.
        """
        if self.count == 1:
            return generator
        digest = hashlib.sha256(repr((generator.initial_seed(), *place, self.index)).encode()).digest()
        return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)

    def summed(self, uses: list[Use]) -> list[Use]:
        """Return the uses of all ranks in one step, added up by phase and part."""
        if self.count == 1:
            return uses
        total: dict[tuple[Phase, str], Use] = {}
        for use in self.joined(uses):
            key = use.phase, use.part
            total[key] = _added(total[key], use) if key in total else use
        return list(total.values())

    def total(self, number: float) -> float:
        """Return the sum of a number over all ranks."""
        return sum(self.gathered(number))

    def means(self, numbers: dict[str, float]) -> dict[str, float]:
        """Return the mean of each number over the ranks that have it."""
        if self.count == 1:
            return numbers
        theirs = self.gathered(numbers)
        names = dict.fromkeys(name for one in theirs for name in one)
        found = {name: [one[name] for one in theirs if name in one] for name in names}
        return {
            name: values[0] if len(set(values)) == 1 else sum(values) / len(values) for name, values in found.items()
        }


ALONE = Ranks()


def _added(one: Use, other: Use) -> Use:
    joules = [use.energy_joules for use in (one, other) if use.energy_joules is not None]
    memory = [use.peak_memory_bytes for use in (one, other) if use.peak_memory_bytes is not None]
    return replace(
        one,
        generated_tokens=one.generated_tokens + other.generated_tokens,
        forward_tokens=one.forward_tokens + other.forward_tokens,
        backward_tokens=one.backward_tokens + other.backward_tokens,
        forward_flops=one.forward_flops + other.forward_flops,
        backward_flops=one.backward_flops + other.backward_flops,
        device_seconds=one.device_seconds + other.device_seconds,
        peak_memory_bytes=max(memory, default=None),
        energy_joules=sum(joules) if joules else None,
    )


def meet() -> Ranks:
    """Join the other ranks of this process's cell, as torchrun's variables name them, and return which one it is.

    They stay together until the process ends: to take leave would be to wait for ranks that may be gone.

    Raises:
        CellError: If they don't all come.
    """
    count = int(os.environ.get("WORLD_SIZE") or 1)
    if count == 1:
        return ALONE
    ranks = Ranks(index=int(os.environ["RANK"]), count=count, on_node=int(os.environ.get("LOCAL_RANK") or 0))
    gpu = torch.cuda.is_available()
    if gpu:
        torch.cuda.set_device(ranks.on_node)
    try:
        store, *_ = next(iter(rendezvous("env://", timeout=MEETING)))
        backend = "cpu:gloo,cuda:nccl" if gpu else "gloo"
        dist.init_process_group(backend, store=store, rank=ranks.index, world_size=count, timeout=WAITING)
    except RuntimeError as error:
        place = f"{os.environ.get('MASTER_ADDR')}:{os.environ.get('MASTER_PORT')}"
        message = f"rank {ranks.index} of {count} didn't meet the others at {place}: {error}"
        raise CellError("rank lost", " ".join(message.split())) from error
    return ranks


@contextmanager
def losses_named(cause_of: Callable[[], tuple[CauseKind, str] | None]) -> Iterator[None]:
    """Re-raise torch's complaint about a broken connection as what it means: another rank is gone.

    Args:
        cause_of: Returns why, if that rank could still say it.
    """
    try:
        yield
    except CellError:
        raise
    except RuntimeError as error:
        if not any(words in str(error).lower() for words in LOST_WORDS):
            raise
        kind, message = cause_of() or ("rank lost", LEFT_NO_WORD)
        raise CellError(kind, message) from error
