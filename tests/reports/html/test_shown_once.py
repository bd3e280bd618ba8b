"""What the page shows of stacks, events and commands: nothing twice, and with the marks of its language."""

from __future__ import annotations

import msgspec
import pytest

from holter.records import ProcessEnded
from holter.reports.catalogue import Lang
from holter.reports.html import command
from holter.reports.html.facts import event_words, stacks
from holter.tape import Recording


def test_threads_that_stand_still_are_shown_once(recording: Recording) -> None:
    dumps = recording.stacks()
    assert any(dump.threads for dump in dumps)
    later = [msgspec.structs.replace(dump, t_s=dump.t_s + 4.0) for dump in dumps]
    still = msgspec.structs.replace(recording, all_stacks=(*dumps, *later))
    assert stacks(still, "en") == stacks(recording, "en")
    moved = [msgspec.structs.replace(dump, threads=dump.threads * 2) for dump in later]
    went_on = msgspec.structs.replace(recording, all_stacks=(*dumps, *moved))
    assert len(stacks(went_on, "en")) == 2 * len(stacks(recording, "en"))


@pytest.mark.parametrize(
    ("lang", "said"),
    [("en", "main process (PID 7): ended with exit code 1"), ("zh", "主进程（PID 7）：退出码 1")],
)
def test_the_colon_of_an_event_is_that_of_its_language(lang: Lang, said: str) -> None:
    assert event_words(ProcessEnded(t_s=1.0, pid=7, role="main", exit_code=1), lang) == ("end", said)


def test_an_option_of_a_command_stays_whole_and_the_rest_is_escaped() -> None:
    marked = command("run -o <x> --val-iterations 2 a--b --c")
    whole = '<span class="word">--val-iterations</span>'
    assert marked == f'run -o &lt;x&gt; {whole} 2 a--b <span class="word">--c</span>'
