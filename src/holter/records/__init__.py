"""Data records that probes produce, the tape stores, and detectors, evidence and causes use.

Every record is typed and frozen. Times named ``t_s`` are seconds since the start of the recording, on a clock that
never jumps; wall-clock times are named ``wall``. A field is None if the value could not be read or does not apply; it
is never 0 or -1 for "unknown". Counters end in ``_total`` and count since the process (or machine) started; all other
fields are the state at ``t_s``.
"""

# It passes on the names of its modules, and has nothing else.
# ruff: noqa: F401
# mypy: implicit-reexport

from holter.records.environment import Environment
from holter.records.events import (
    Ability,
    AbilityName,
    ActionSource,
    ActionState,
    ActionTaken,
    ContractSettled,
    EpochEnded,
    Event,
    ExceptionSeen,
    Judged,
    KernelMessage,
    LogLine,
    Noted,
    Notice,
    PhaseChanged,
    ProcessBorn,
    ProcessEnded,
)
from holter.records.results import (
    Diagnosis,
    Episode,
    EpisodeKind,
    Fact,
    Finding,
    Link,
    Plan,
    Remedy,
    Safety,
    TargetKind,
    Verdict,
    VerdictName,
)
from holter.records.samples import (
    SAMPLE_TYPES,
    Beat,
    CgroupSample,
    GpuProcess,
    GpuSample,
    GpuSlice,
    HostSample,
    OtherTraining,
    Phase,
    ProcessSample,
    Sample,
    StorageSample,
    Unread,
    WaitKind,
)
from holter.records.stacks import Frame, StackDump, ThreadStack
from holter.records.text import (
    DATA_WORKERS,
    SERVANTS,
    WORKERS,
    Actor,
    Message,
    Record,
    Role,
    Single,
    Subject,
    Text,
    Value,
)
from holter.records.ticks import ProbeRun, Tick
