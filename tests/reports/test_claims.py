from __future__ import annotations

from reports.claims import MEANINGS
from strategies import known_strategies


def test_every_control_of_ours_has_its_words() -> None:
    ours = {name for name, kind in known_strategies().items() if kind.family == "controls"} - {"base"}
    assert ours | {"random_subset"} <= set(MEANINGS)
