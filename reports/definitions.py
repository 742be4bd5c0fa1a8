"""What each number is: one sentence for every column of every table."""

from __future__ import annotations

import re

from reports.read.plan import PlanView

DEFINITIONS: tuple[tuple[str, str], ...] = (
    (r"arm", "A strategy with all its parameters, trained from the same model with the same budget."),
    (r"rank", "By primary score. All arms that are not told from the leader of a group share its rank; partial: cells "
              "are still to come."),
    (r"seeds", "Training seeds that have a score, of those planned."),
    (r"seed", "The training seed: it decides the prompts, their order and every random draw."),
    (r"verdict", "Improved, regressed, equivalent or can't tell, by the rule that the plan fixes; see the note."),
    (r"finding", "Regressed: worse by more than the margin, told at 95% among all rows of the reference (Holm). Held: "
                 "the interval lies above minus the margin."),
    (r"for .*\(points\)", "The same difference with an interval for the other target: these very items, or items like "
                          "these."),
    (r"less .*\(points\)|difference \(points\)|arm less .*", "Score of the arm less that of the other, paired by "
     "training seed and item, with its interval: another training run, on these items or items like these."),
    (r"sd over seeds.*", "Standard deviation of the score over training seeds, with its 95% interval (chi-squared)."),
    (r"worst seed.*", "The lowest score of a training seed."),
    (r"erratic falls", "Falls from one evaluation to the next that measurement alone would give any fall of an arm "
                       "once in a hundred arms."),
    (r"would-be rollbacks", "Evaluations that lie so far below the best one before that one would have gone back."),
    (r"periods with a gain.*", "Share of the stretches between two evaluations whose gain is beyond noise."),
    (r"volatility.*", "Standard deviation of the gains between evaluations, mean over seeds."),
    (r"largest drawdown.*", "The deepest fall below the best score so far, over all seeds."),
    (r"regressed on", "Suites on which the arm fell below the untrained model or the baseline by more than the margin, "
                      "told from noise (Holm)."),
    (r"mean score over equal compute.*", "Area under score against compute up to the compute that all arms used, "
                                         "divided by it: the mean score on the way."),
    (r".* to the final score of .*", "Compute until a seed first reached the baseline's final score, linear between "
     "evaluations: median over seeds; never counts as infinite."),
    (r"seeds that got there", "How many seeds reached the baseline's final score."),
    (r"on the front.*", "Whether no other arm scores at least as much for at most as much compute."),
    (r"suites at most .*", "Share of primary suites on which the arm reaches the baseline's score for at most so many "
                           "times the compute of the cheapest arm (Dolan and More 2002)."),
    (r"interquartile mean.*", "Mean of the middle half of seeds x suites, with a 95% bootstrap over seeds within each "
                              "suite; too narrow below some ten seeds."),
    (r"chance that a seed beats.*", "How often a seed of the arm scores above one of the baseline, over all pairs and "
                                    "suites; ties count half."),
    (r"optimality gap.*", "How far below 100% the scores lie on average."),
    (r"seeds x suites above.*", "Share of seeds x primary suites with a score above the level."),
    (r"generated tokens", "Tokens sampled in training, lost work included, evaluation excluded; mean over seeds."),
    (r"forward tokens", "Tokens that went through the layers."),
    (r"backward tokens", "Tokens that gradients were taken through."),
    (r"FLOPs", "Floating-point operations, from the real lengths and the model's shape, attention included."),
    (r"device-seconds|ours \(device-seconds\)|evaluation \(device-seconds\)|seconds", "Wall time that a device was "
     "held."),
    (r"steps|step", "Optimizer steps."),
    (r"of which lost.*", "Device-seconds whose work an interruption threw away; they are in the sums."),
    (r"energy.*", "What the devices took, where a counter could be read; whatever else ran on them is in it."),
    (r"peak memory.*|memory.*", "Most memory that was held."),
    (r"phase", "Generate, score, update, select, watch or evaluate, and the part of the strategy that asked for it."),
    (r"parameters", "Where the arm's parameters come from."),
    (r"family", "The family of the arm's strategy."),
    (r"control", "An arm that keeps everything of another but its idea."),
    (r"suite", "A fixed list of items with prompts, settings and a grader, under one hash."),
    (r"against", "What the arm is compared with: the untrained model, its checkpoint before, or the baseline."),
    (r"margin.*", "A smaller difference doesn't matter: the plan's margin, or the noise of the measurement."),
    (r"items gained", "Items with more right answers than before, over all seeds."),
    (r"items lost", "Items with fewer right answers than before, over all seeds."),
    (r"surely lost", "Items whose loss is more than the noise of their answers (Benjamini-Hochberg at 5%)."),
    (r"sign test p", "Chance of a split between gained and lost this uneven, if each way were as likely; about these "
                     "very answers, not another training run."),
    (r"pass@.*less.*", "pass@k less that of the untrained model, mean over seeds, 95% t interval."),
    (r"pass@.*", "Chance that one of k answers is right, unbiased (Chen et al. 2021)."),
    (r"what it looks like", "Sharpening: likely answers became likelier. Discovery: problems became solvable."),
    (r"truncated.*", "Answers that ran into the token cap."),
    (r"no readable answer.*", "Answers in which no final answer could be read; they are wrong."),
    (r"empty.*", "Answers without a letter."),
    (r"grader failed.*", "Answers on which the grader took too long, or failed; they count as wrong."),
    (r"answer length.*", "Mean tokens of an answer."),
    (r"evaluations of the untrained model", "How often the same model was evaluated, with other random numbers."),
    (r"items that flip.*", "Share of items whose answers are right in one evaluation and wrong in another."),
    (r"sd of one evaluation.*", "Standard deviation of the score when nothing changed."),
    (r"95% of A/A.*|the same for means.*", "What 95% of differences between two evaluations of one model lie within."),
    (r"covers the truth.*", "How often the 95% interval holds the true difference; it should be 95%."),
    (r"false alarms.*", "How often the interval lies clear of zero though nothing differs; it should be 5% at most."),
    (r"signal", "What the strategy computed of the candidate; its direction is the strategy's."),
    (r"bonus", "What the strategy added to the candidate's reward or advantage."),
    (r"advantage", "What the policy gradient weighs the candidate by."),
    (r"reward", "Of the verifier, 0 to 1."),
    (r"recover.*|median recovery.*", "Steps until the running mean of the reward was back at its level before the "
                                     "reset."),
    (r"resets?", "A reset of weights, optimizer, reference or answers, and when."),
    (r"share", "Of the budget that was spent by then."),
    (r"score \(%\)|validation score.*|.* \(%\)", "Share of right answers: mean over samples, items and then seeds, "
     "± half the 95% t interval over seeds."),
    (r"bonus scaled by", "What the inner strategy's bonus is multiplied by from this audit on: fidelity times payoff."),
    (r"fidelity \(rho\)", "Rank correlation of the signal's cosines with those of the true gradients, mean over "
     "groups; it counts as 0 if it is not above chance."),
    (r"fidelity p", "Chance of a rank correlation this high if the signal said nothing (Mantel's test)."),
    (r"payoff", "Refuted: more bonus went with less gain, told from noise. Taken for granted: otherwise."),
    (r"audit", "What was measured, in words."),
    (r"SHA-256.*", "A hash: the same content gives the same, any other content another."),
    (r"samples per item|samples", "Answers drawn per item, K."),
    (r"aggregation", "How an item's score is made of its samples: avg, pass@k or maj@k."),
    (r"items", "Problems of the suite."),
    (r"attempt", "A start of the cell; an interruption is followed by another."),
)  # fmt: skip


def definition_of(title: str, plan: PlanView) -> str:
    """Return what a column holds; nothing for a column that says it itself."""
    if title.removesuffix(" (%)") in {suite.name for suite in plan.suites}:
        suite = plan.suite(title.removesuffix(" (%)"))
        return f"Score on {suite.name}: {suite.description or suite.skill}".rstrip(": ")
    for pattern, said in DEFINITIONS:
        if re.fullmatch(pattern, title, re.S):
            return said
    return ""
