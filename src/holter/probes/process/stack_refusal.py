"""Why one way to read the stacks of a process failed."""

from __future__ import annotations

from holter.records import Text
from holter.sentences import define

PERMISSION_DENIED = define("stack.permission-denied", "permission denied")
NO_PROCESS = define("stack.no-process", "no such process")
NOT_FOUND = define("stack.not-found", "not found")
NO_ANSWER = define("stack.no-answer", "no answer within {within:g} s")


class Refused(Exception):
    """The stacks could not be read in this way; ``why`` is the reason."""

    def __init__(self, why: Text) -> None:
        super().__init__(why)
        self.why = why


def reason(refusal: Exception) -> Text:
    if isinstance(refusal, Refused):
        return refusal.why
    if isinstance(refusal, FileNotFoundError):
        return NOT_FOUND()
    if isinstance(refusal, PermissionError):
        return PERMISSION_DENIED()
    if isinstance(refusal, ProcessLookupError):
        return NO_PROCESS()
    return str(refusal) or type(refusal).__name__
