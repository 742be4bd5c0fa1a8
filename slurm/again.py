"""A job asks Slurm to start it again."""

from __future__ import annotations

import signal
import subprocess
import time

from slurm.notices import Notices

TRIES, PAUSE_S, LONGEST_PAUSE_S = 34, 0.2, 5.0
"""A controller that is being restarted answers after a while; Slurm ends the job first if it must.

The first pauses are short: where a task is lost, srun ends the others, and what is asking Slurm just then is ended too;
the next must come before the kill, `KillWait` seconds later.
"""


def queue_again(notices: Notices) -> None:
    """Let submitit ask Slurm to start this job again, and end it; return if submitit isn't there or Slurm won't.

    Submitit does so in its handler of USR2, wherever the program is at that moment. It is called here instead, when the
    cell's state is on disk or can't be any more. Slurm is asked once, however many threads want it.
    """
    handler = notices.before.get(signal.SIGUSR2)
    if not callable(handler):
        return
    with notices.asking:
        for tried in range(0 if notices.asked else TRIES):
            try:
                handler(signal.SIGUSR2, None)
                return
            except SystemExit:
                notices.asked = True
                raise
            except (subprocess.SubprocessError, OSError) as error:
                print(f"can't be queued again yet: {error}", flush=True)
                time.sleep(min(PAUSE_S * 2**tried, LONGEST_PAUSE_S))
