"""All benchmarks, as one table."""

from benchmarks import evaluation, g2rl_step, grpo_cell, help, statistics
from benchmarks.measurement import HEADER

print(HEADER)
for module in (grpo_cell, g2rl_step, help):
    print(module.measure().markdown(), flush=True)
for row in (*evaluation.measure(), *statistics.iqm_rows()):
    print(row.markdown(), flush=True)
