"""Data records that probes produce, the tape stores, and detectors, evidence and causes use.

Every record is typed and frozen. Times named ``t_s`` are seconds since the start of the recording, on a clock that
never jumps; wall-clock times are named ``wall``. A field is None if the value could not be read or does not apply; it
is never 0 or -1 for "unknown". Counters end in ``_total`` and count since the process (or machine) started; all other
fields are the state at ``t_s``.
"""

from __future__ import annotations

from holter.records.environment import Environment
from holter.records.events import (
    Ability,
    AbilityName,
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
from holter.records.results import Diagnosis, Episode, EpisodeKind, Fact, Finding, Link, Plan, Remedy, Verdict
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
from holter.records.text import DATA_WORKERS, WORKERS, Actor, Message, Record, Role, Single, Subject, Text, Value
from holter.records.ticks import ProbeRun, Tick

__all__ = [
    "DATA_WORKERS",
    "SAMPLE_TYPES",
    "WORKERS",
    "Ability",
    "AbilityName",
    "ActionTaken",
    "Actor",
    "Beat",
    "CgroupSample",
    "ContractSettled",
    "Diagnosis",
    "Environment",
    "Episode",
    "EpisodeKind",
    "EpochEnded",
    "Event",
    "ExceptionSeen",
    "Fact",
    "Finding",
    "Frame",
    "GpuProcess",
    "GpuSample",
    "GpuSlice",
    "HostSample",
    "Judged",
    "KernelMessage",
    "Link",
    "LogLine",
    "Message",
    "Noted",
    "Notice",
    "OtherTraining",
    "Phase",
    "PhaseChanged",
    "Plan",
    "ProbeRun",
    "ProcessBorn",
    "ProcessEnded",
    "ProcessSample",
    "Record",
    "Remedy",
    "Role",
    "Sample",
    "Single",
    "StackDump",
    "StorageSample",
    "Subject",
    "Text",
    "ThreadStack",
    "Tick",
    "Unread",
    "Value",
    "Verdict",
    "WaitKind",
]
