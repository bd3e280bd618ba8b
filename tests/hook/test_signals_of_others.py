"""A handler that the program installs is never called by Holter, however late it comes."""

from __future__ import annotations

import pytest

from holter.hook.page import decode

PROGRAM = """
import os, signal
import batchgenerators
{handler}
print(os.getpid())
"""


@pytest.mark.parametrize(
    ("handler", "is_ours"),
    [
        ("", True),
        ("signal.signal(signal.SIGUSR1, lambda *_: None)", True),
        ("signal.signal(signal.SIGUSR2, lambda *_: None)", False),
    ],
)
def test_the_signal_for_stacks_is_left_to_a_program_that_takes_it(hooked, tmp_path, handler, is_ours):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.format(handler=handler))
    done = hooked.run(program)
    assert done.returncode == 0, done.stderr
    seen = decode((hooked.scratch / f"beat-{done.stdout.strip()}").read_bytes())
    assert seen is not None
    assert (seen.fault_signal is not None) == is_ours
    assert not [line for line in hooked.lines("note") if line["what"] == "hook-failed"]


PAST_US = """
import os, time
from signal import SIGUSR2, signal
import batchgenerators
from _holter_hook.workers.children import start_pulse
start_pulse()
time.sleep(0.5)
signal(SIGUSR2, lambda *_: os._exit(3))
time.sleep(2.5)
print(os.getpid())
"""


@pytest.mark.slow
def test_a_handler_by_a_function_that_was_imported_before_us_is_seen_within_seconds(hooked, tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PAST_US)
    done = hooked.run(program)
    assert done.returncode == 0, done.stderr
    seen = decode((hooked.scratch / f"beat-{done.stdout.strip()}").read_bytes())
    assert seen is not None and seen.fault_signal is None
