"""Estimates, intervals and power: arrays in, numbers out; no files, no plots."""

from __future__ import annotations

from reports.statistics.design import Design, SuiteDesign
from reports.statistics.effects import LIKE_THESE, THESE, Effect, Target, effect
from reports.statistics.estimates import answer_entropy, maj_at_k, pass_at_k
from reports.statistics.intervals import Interval, Side, mean_interval, paired_difference, side
from reports.statistics.multiplicity import benjamini_hochberg, holm, holm_levels, tie_ranks
from reports.statistics.power import DEFAULT_VARIANCES, Variances, detectable_difference, items_to_detect
from reports.statistics.rule import VERDICTS, Rule, Verdict

__all__ = [
    "DEFAULT_VARIANCES",
    "LIKE_THESE",
    "THESE",
    "VERDICTS",
    "Design",
    "Effect",
    "Interval",
    "Rule",
    "Side",
    "SuiteDesign",
    "Target",
    "Variances",
    "Verdict",
    "answer_entropy",
    "benjamini_hochberg",
    "detectable_difference",
    "effect",
    "holm",
    "holm_levels",
    "items_to_detect",
    "maj_at_k",
    "mean_interval",
    "paired_difference",
    "pass_at_k",
    "side",
    "tie_ranks",
]
