"""Names that Holter gives to tapes."""

from __future__ import annotations

from holter.patterns import later

# ABOUT-HOST-TIME-PID, as ``holter run`` names a tape.
GIVEN_NAME = later(r".+-\d{4}(?P<month>\d\d)(?P<day>\d\d)-(?P<hour>\d\d)(?P<minute>\d\d)\d\d-\d+")


def what_differs(stem: str) -> str:
    """Return the time in a tape's name that Holter gave, such as ``11-30 10:11``; another name as it is.

    A given name repeats data set, configuration, fold and host.
    """
    given = GIVEN_NAME.fullmatch(stem)
    return stem if given is None else "{month}-{day} {hour}:{minute}".format_map(given.groupdict())
