"""Sentences as data: until it is shown, a sentence is a key and the values for its blanks."""

from __future__ import annotations

import re
from typing import Literal, cast

import msgspec


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of all records: immutable, keyword-only, None for unknown values."""


Role = Literal[
    "main", "train-worker", "val-worker", "export-worker", "resource-tracker", "compile-worker", "other",
    "pool-worker",  # of a command that predicts, preprocesses or evaluates
]  # fmt: skip
# Roles of processes that work for the run.
WORKERS: tuple[Role, ...] = ("train-worker", "val-worker", "export-worker", "pool-worker")
DATA_WORKERS: tuple[Role, ...] = ("train-worker", "val-worker")
# Roles of processes that serve the libraries; a thread of Inductor's pool looks every second whether its parent lives.
SERVANTS: tuple[Role, ...] = ("compile-worker", "resource-tracker")


class Subject(Record, frozen=True, kw_only=True, tag="subject"):
    """The process that a sentence is about; only the role if no single process is meant."""

    role: Role
    index: int | None = None  # of a data worker: batchgenerators' thread_id
    pid: int | None = None

    @property
    def name(self) -> str:
        """Return the language-independent name, "train-worker 2 (PID 4711)": for comparison, not for display.

        It is used in values of facts, in JSON for the subject of an episode, and on older tapes.
        """
        number = "" if self.index is None else f" {self.index}"
        return f"{self.role}{number}" if self.pid is None else f"{self.role}{number} (PID {self.pid})"

    @classmethod
    def from_name(cls, name: str) -> Subject | None:
        """Return the process with that name, as ``name`` or a report writes it; None for any other text."""
        match = _NAME.fullmatch(name)
        if match is None:
            return None
        role = "train-worker" if match["role"] == "worker" else match["role"]
        return cls(
            role=cast("Role", role),
            index=None if match["index"] is None else int(match["index"]),
            pid=None if match["pid"] is None else int(match["pid"]),
        )


_NAME = re.compile(
    r"(?P<role>main|worker|(?:train|val|export|compile)-worker|resource-tracker|other)"
    r"(?: (?P<index>\d+))?(?: \(PID (?P<pid>\d+)\))?"
)


class Message(Record, frozen=True, kw_only=True, tag="message"):
    """A sentence before rendering. ``sentences.define`` creates the keys; the values are in base units."""

    key: str
    values: tuple[tuple[str, Value], ...] = ()

    def value(self, name: str) -> Value | None:
        """Return the value of one blank; None if it was not given."""
        return dict(self.values).get(name)


Single = str | bool | int | float | Subject | Message
Value = Single | tuple[Single, ...]  # a tuple is shown as a list
Text = str | Message  # a plain string is shown unchanged: text of another program, or of an older Holter
Actor = Subject | Text  # waiter or target of a wait: a process, a named thing, or a quoted file or mount
