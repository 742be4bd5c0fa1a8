"""The fixed order of the training prompts, the same for every arm of a seed."""

from __future__ import annotations


class PromptSupply:
    """Hands out the prompts 0, 1, 2, … of a pool, anew from its start at its end.

    A rest that doesn't fill a batch is left out, as TRL's sampler does, so that a strategy which asks for nothing more
    sees the batches that TRL alone would make.
    """

    def __init__(self, size: int, batch: int) -> None:
        self._usable = size - size % batch
        self.handed_out = 0
        """Prompts handed out so far, all passes together."""

    def take(self, count: int) -> list[int]:
        """Return the next `count` prompts."""
        first, self.handed_out = self.handed_out, self.handed_out + count
        return [number % self._usable for number in range(first, self.handed_out)]
