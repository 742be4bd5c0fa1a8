"""How cosines are spread, counted on their device: a handful of numbers, however many rollouts there are."""

from __future__ import annotations

import torch
from torch import Tensor

from harness.store.cosines import BINS


def binned(cosines: Tensor) -> list[int]:
    """Return how many of `cosines`, of any shape, fall into each of `BINS` bins from −1 to 1.

    What rounding put beyond an end is in the last bin there; what is not a number is in none.
    """
    known = cosines.detach().flatten()
    known = known[~known.isnan()].double()
    places = ((known + 1) * (BINS / 2)).floor().clamp(0, BINS - 1).long()
    counts: list[int] = torch.bincount(places, minlength=BINS).tolist()
    return counts
