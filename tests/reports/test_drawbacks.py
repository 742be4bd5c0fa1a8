"""What is planted in a run is what its first sentences say, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from benchmarks.synthetic import Arm, Store, write_store
from reports.findings import findings
from reports.read import read_run

SCORES = "scores # points (joint #% interval over # arms # to #)"
LEADER = f"On suite-#, leader {SCORES} higher than the baseline plain"
UNTOLD = f"{LEADER}; for it this run can't tell."
PLANTED = {
    "nothing": (Arm(name="it"), [UNTOLD]),
    "better": (Arm(name="it", primary=0.06), [f"{LEADER}; it {SCORES} higher than the baseline plain."]),
    "worse": (Arm(name="it", primary=-0.06), [f"{LEADER}; it {SCORES} lower than the baseline plain."]),
    "forgets": (Arm(name="it", forgetting=-0.08), [UNTOLD, "Something broke: it on suite-# (below plain)."]),
    "dear": (Arm(name="it", cost=2.0), [
        UNTOLD, "it used # times the generated tokens of an arm that scores at least as much."]),
    "erratic": (Arm(name="it", drop_at=0.6), [
        UNTOLD, "it fell # time beyond noise on its way, by up to # points, in # seed."]),
}  # fmt: skip


@pytest.mark.parametrize("truth", PLANTED)
def test_the_first_sentences_say_what_is_true_and_nothing_else(truth: str, tmp_path: Path) -> None:
    arm, expected = PLANTED[truth]
    # A leader that scores more for as little, so that an arm is never the best by luck.
    store = Store(arms=(Arm(name="plain"), arm, Arm(name="leader", primary=0.2)), seeds=8, items=400)
    write_store(tmp_path / "run", store, np.random.default_rng(5))
    answer = findings(read_run(tmp_path / "run")).answer
    before_training = answer[: next(place for place, said in enumerate(answer) if said.startswith("Training with"))]
    assert [re.sub(r"\d+(\.\d+)?", "#", said) for said in before_training] == expected
