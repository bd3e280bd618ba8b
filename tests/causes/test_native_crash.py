"""native-crash: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

import pytest

from causes.circumstances import DEATH
from causes.judge import judged
from holter.causes.native_crash import OFFERS

CRASHED = {**DEATH, "main.exit_signal": 6, "hardware.crash_signals": ("SIGABRT",), "hardware.kernel_errors": ()}


def test_one_crash_is_a_librarys_and_says_nothing_of_the_machine():
    found = judged({**CRASHED, "gpu.xid_kind": ..., "exception.first": ..., "exception.kind": ...})
    assert (next(iter(found)), found["native-crash"].verdict) == ("native-crash", "likely")
    assert found["faulty-host-hardware"].verdict == "excluded"
    reported = judged({**CRASHED, "hardware.kernel_errors": ("mce: [Hardware Error]: CPU 3",)})
    assert next(iter(reported)) == "faulty-host-hardware"


@pytest.mark.parametrize(
    "differs",
    [
        {"main.exit_signal": 9},
        {"exception.first": "RuntimeError: CUDA error", "exception.kind": "nccl-timeout"},
        {"episode.kind": "stall"},
    ],
)
def test_what_is_no_crash_of_a_library_is_not_called_one(differs):
    assert judged({**CRASHED, **differs})["native-crash"].verdict == "excluded"


@pytest.mark.parametrize(
    ("program", "is_offered"),
    [
        ({"scope.nnunet": True}, True),
        ({"scope.nnunet": False, "software.torch": "2.13.0"}, True),
        ({"scope.nnunet": False}, False),
    ],
)
def test_a_program_without_torch_is_not_advised_to_leave_out_its_compiler(program, is_offered):
    offer = next(offer for offer in OFFERS if offer.id == "try-without-compile")
    assert offer.only_if is not None and offer.only_if(program) is is_offered
