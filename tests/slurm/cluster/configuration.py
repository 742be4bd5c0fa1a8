"""The configuration files of a cluster."""

from __future__ import annotations

import time

from tests.slurm.cluster.layout import CONTROLLER, Facts, Layout

MAX_ARRAY_SIZE = 1001
"""An array holds the indices 0 to 1,000."""
GRACE_S = 10
"""How long a preempted job of the partition `low` has before it is killed; in `abrupt` it has no time at all."""

SLURM = """\
ClusterName=explorebench
SlurmctldHost={controller}(127.0.0.1)
SlurmctldPort={facts.controller_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
# cred_expire is also how long a requeued job waits before it may start again. Less than 5 is refused, and 120 taken.
AuthInfo=socket={layout.munge_socket},cred_expire=5
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
MailProg=/bin/true
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
StateSaveLocation={layout.state}
SlurmctldPidFile={slurmctld_pid}
SlurmctldLogFile={layout.logs}/slurmctld.log
SlurmctldDebug=info
SlurmdPidFile={slurmd_pid}
SlurmdLogFile={layout.logs}/slurmd-%n.log
SlurmdSpoolDir={layout.spool}/%n
SlurmdDebug=info
SlurmdParameters=config_overrides
TaskProlog={layout.prolog}
# Without cgroups a job over its memory is seen when it is sampled, once a second, and killed.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
PropagateResourceLimits=NONE
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=1,bf_min_age_reserve=0,sched_interval=2,sched_min_interval=100000,batch_sched_delay=0,default_queue_depth=1000,preempt_youngest_first
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
PriorityType=priority/basic
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobRequeue=1
# Without it a job that is preempted is not sent its --signal, but SIGTERM alone.
SlurmctldParameters=preempt_send_user_signal
# Job ids are not those of the cluster before this one.
FirstJobId={first_job}
MaxArraySize={max_array_size}
MaxJobCount=20000
InactiveLimit=0
# A busy disk may hold up a killed process for a minute, after which Slurm would drain the node.
UnkillableStepTimeout=600
KillWait=3
MinJobAge=120
OverTimeLimit=0
SlurmctldTimeout=10
SlurmdTimeout=10
MessageTimeout=10
CompleteWait=0
WaitTime=0
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={facts.accounting_port}
# Whatever AuthInfo says, slurmctld would speak to slurmdbd through munge's usual socket.
AccountingStoragePass={layout.munge_socket}
AccountingStorageEnforce=associations,limits,qos
AccountingStoreFlags=job_comment
{nodes}
PartitionName=DEFAULT Nodes=ALL DefMemPerCPU=512 DefaultTime=60 State=UP OverSubscribe=NO
PartitionName=main Default=YES PriorityTier=10 PreemptMode=OFF MaxTime=1-00:00:00
PartitionName=low PriorityTier=1 PreemptMode=REQUEUE GraceTime={grace} MaxTime=1-00:00:00
PartitionName=abrupt PriorityTier=1 PreemptMode=REQUEUE GraceTime=0 MaxTime=1-00:00:00
PartitionName=high PriorityTier=100 PreemptMode=OFF MaxTime=01:00:00
"""

SLURMDBD = """\
AuthType=auth/munge
AuthInfo=socket={layout.munge_socket}
DbdHost={controller}
DbdAddr=127.0.0.1
DbdPort={facts.accounting_port}
CommunicationParameters=NoInAddrAny
SlurmUser=root
PidFile={slurmdbd_pid}
LogFile={layout.logs}/slurmdbd.log
DebugLevel=info
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={facts.database_port}
StorageUser=slurm
StoragePass={facts.password}
StorageLoc=slurm_acct_db
CommitDelay=1
"""

CGROUP = """\
# Nothing here uses control groups. The plugin that slurmd finds by itself won't start where they aren't mounted.
CgroupPlugin=cgroup/v1
"""

PROLOG = """\
#!/bin/sh
# What is printed here becomes the environment of a task: on a node whose clock is wrong, its tasks see that clock.
clock={layout.clocks}/$SLURMD_NODENAME
if [ -s "$clock" ]; then sed 's/^/export /' "$clock"; fi
"""


def write(layout: Layout, facts: Facts) -> None:
    """Write slurm.conf, slurmdbd.conf, the hosts that every machine knows, and the prolog of tasks."""
    nodes = "\n".join(
        f"NodeName={name} NodeHostname={name} NodeAddr=127.0.0.1 Port={port} CPUs={facts.cpus}"
        f" RealMemory={facts.memory_mb} State=UNKNOWN"
        for name, port in zip(facts.nodes, facts.node_ports, strict=True)
    )
    layout.configuration.write_text(
        SLURM.format(
            layout=layout,
            facts=facts,
            controller=CONTROLLER,
            nodes=nodes,
            slurmctld_pid=layout.pid_file("slurmctld"),
            slurmd_pid=layout.pid_file("slurmd-%n"),
            first_job=int(time.time()) % 60_000 * 1_000 + 1_001,
            max_array_size=MAX_ARRAY_SIZE,
            grace=GRACE_S,
        )
    )
    layout.configuration.with_name("cgroup.conf").write_text(CGROUP)
    accounting = layout.configuration.with_name("slurmdbd.conf")
    accounting.touch(mode=0o600)
    accounting.write_text(
        SLURMDBD.format(layout=layout, facts=facts, controller=CONTROLLER, slurmdbd_pid=layout.pid_file("slurmdbd"))
    )
    layout.hosts.write_text("".join(f"127.0.0.1 {name}\n" for name in ("localhost", CONTROLLER, *facts.nodes)))
    layout.prolog.write_text(PROLOG.format(layout=layout))
    layout.prolog.chmod(0o755)
