"""disk-full-or-quota: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

from causes.circumstances import DIED
from causes.judge import judged


def test_no_space_left_is_the_disks_and_not_an_error_of_the_training():
    found = judged(
        **DIED, exception__role="main", exception__first="OSError: [Errno 28] No space left on device",
        disk__error="full", disk__full=True, shm__trouble=..., gpu__shared=..., worker__exit_signal=...,
    )  # fmt: skip
    assert found["disk-full-or-quota"].verdict == "confirmed"
    assert found["main-exception"].verdict == "likely"
    assert found["shm-too-small"].verdict == "excluded"


def test_another_error_while_the_disk_is_full_is_not_the_disks():
    found = judged(
        **DIED, exception__role="main", exception__first="ValueError: shape", exception__kind="other", disk__error=...,
        disk__full=True,
        shm__trouble=..., gpu__shared=..., worker__exit_signal=...,
    )  # fmt: skip
    assert found["disk-full-or-quota"].verdict == "excluded"
    assert found["main-exception"].verdict == "confirmed"
