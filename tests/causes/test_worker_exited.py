"""worker-exited: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

import pytest

from causes.judge import judged


@pytest.mark.parametrize("exceptions", [..., None])
def test_exit_code_one_without_an_exception_says_something_only_where_exceptions_are_seen(exceptions):
    facts = {"episode.kind": "death", "worker.exit_code": 1, "worker.exit_signal": 0, "export.replaced": ...}
    seen = {"exception.first": exceptions} if exceptions is ... else {}
    assert judged(**facts, **seen)["worker-exited"].verdict == ("likely" if seen else "possible")
    other = judged(**{**facts, "worker.exit_code": 3}, exception__first=...)
    assert other["worker-exited"].verdict == "confirmed"
