"""One batch of what two parts make of it, and what each part is shown of it.

Shape suffixes: B rollouts, T completion tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from strategies.rollouts import Rollouts, Shaped, TokenBatch

PRIMARY, HEDGE = "primary", "hedge"
PART = "part"
"""The column that says whose a rollout is: 0 the primary's, 1 the hedge's."""
Made = Mapping[str, Shaped | None]
"""What each part that was asked made of a batch, by its name."""


def charged_to(part: str, rollouts: Rollouts) -> Rollouts:
    """Return the rollouts as `part` sees them: its own parts are charged below it."""
    return replace(rollouts, charge=lambda inner: rollouts.charge(f"{part}/{inner}"))


def rows_of(tokens: TokenBatch, chosen: Tensor) -> TokenBatch:
    """Return the rows of a pass that are `chosen`, (B,) bool."""
    if chosen.all():
        return tokens
    names = ("logp", "old_logp", "entropy", "advantages", "mask", "rows")
    return replace(tokens, **{name: getattr(tokens, name)[chosen] for name in names})


def mixture(made: Made, plain: Tensor, hedge: float | Tensor) -> Shaped | None:
    """Return one batch of what two parts made of it; None if neither changes anything.

    Args:
        made: By name of the part; one that is left out, or made nothing, stands for `plain`.
        plain: The advantages as they come, (B,) or (B, T).
        hedge: The hedge's weight; or (B,) bool, which rollouts are the hedge's.
    """
    first, second = made.get(PRIMARY), made.get(HEDGE)
    if first is None and second is None:
        return None
    unmoved = Shaped(advantages=plain)
    a, b = (first or unmoved).advantages, (second or unmoved).advantages
    if a.dim() != b.dim():  # (B,) beside (B, T): a rollout's advantage holds for each of its tokens
        a, b = (x.unsqueeze(1) if x.dim() == 1 else x for x in (a, b))
    if isinstance(hedge, Tensor):
        chosen = hedge.to(a.device)
        mixed = torch.where(chosen.unsqueeze(1) if a.dim() == 2 else chosen, b, a)
    else:
        mixed = a if hedge == 0 else b if hedge == 1 else (1 - hedge) * a + hedge * b
    given = {name: one for name, one in made.items() if one is not None}
    columns = told_apart({name: one.columns for name, one in given.items()})
    cosines = told_apart({name: one.cosines for name, one in given.items()})
    return Shaped(advantages=mixed, diagnostics=prefixed(made), columns=columns, cosines=cosines)


def rejoined(made: Made, tokens: TokenBatch, hedge: Tensor) -> Shaped | None:
    """Return one pass of what each part made of its own rows; None if neither changes anything.

    Args:
        made: By name of the part: what it made of its rows, in their order.
        tokens: The whole pass.
        hedge: (B,) bool: the rows that are the hedge's.
    """
    if all(one is None for one in made.values()):
        return None
    advantages = tokens.advantages.clone()
    for name, chosen in ((PRIMARY, ~hedge), (HEDGE, hedge)):
        one = made.get(name)
        if one is not None:
            advantages[chosen] = one.advantages
    return Shaped(advantages=advantages, diagnostics=prefixed(made))


def prefixed(made: Made) -> dict[str, float]:
    """Return the diagnostics of both parts, each under its part's name."""
    return {f"{name}/{key}": value for name, one in made.items() if one for key, value in one.diagnostics.items()}


def told_apart(given: Mapping[str, Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Return what both parts call theirs; what both have, or what is about parts, is put under its part's name."""
    both = [column for columns in given.values() for column in columns]
    return {
        f"{name}/{column}" if both.count(column) > 1 or column == PART else column: values
        for name, columns in given.items()
        for column, values in columns.items()
    }
