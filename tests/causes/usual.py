"""Facts that every recording tells and that only certain errors give a value."""

from __future__ import annotations

from holter.records import Fact

NAMES = ("data.read_only", "exception.truncated_file", "limit.reached", "memory.refused", "results.gone")
UNSAID = {name: Fact(name=name, value=None, status="not-applicable") for name in NAMES}
