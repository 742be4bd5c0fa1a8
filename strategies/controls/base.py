"""Base: the model as it came, never trained.

Every other arm starts from this model, so that what training gained and what it broke can be read off one line: an arm
that solves less than this at some k, or on some other suite, has forgotten something.

Formula:
    π = π_0 throughout; nothing is sampled for training and the budget stays unspent.

Source:
    Yue et al. 2025, arXiv 2504.13837, whose comparison is with the base model at every k.

Defaults:
    None: there is nothing to set.

Known defects:
    None; but it has no training seeds, so its spread is that of evaluation alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from strategies.contract import Strategy


@dataclass(frozen=True, kw_only=True)
class Base(Strategy):
    """No training; the module says the rest."""

    family: ClassVar[str] = "controls"
    summary: ClassVar[str] = "the model as it came, never trained"
    trained: ClassVar[bool] = False
