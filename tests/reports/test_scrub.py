from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from reports_scene import CASES, DATA, HOME, HOST, SECRETS, USER

from holter.records import ActionTaken, Diagnosis, Environment, Tick
from holter.reports.html import write_html
from holter.reports.scrub import Scrubber, scrubbed
from holter.tape import Recording


@pytest.fixture(scope="module")
def clean(recording: Recording, diagnoses: tuple[Diagnosis, ...]) -> tuple[Recording, tuple[Diagnosis, ...]]:
    return scrubbed(recording, diagnoses)


def test_no_original_name_survives_in_any_record(clean: tuple[Recording, tuple[Diagnosis, ...]]) -> None:
    recording, diagnoses = clean
    everything = msgspec.json.encode(
        [recording.all_ticks, recording.all_stacks, recording.environment, str(recording.path), diagnoses]
    ).decode()
    assert [secret for secret in SECRETS if secret in everything] == []


def test_the_unscrubbed_recording_does_hold_the_names(recording: Recording, diagnoses: tuple[Diagnosis, ...]) -> None:
    everything = msgspec.json.encode(
        [recording.all_ticks, recording.all_stacks, recording.environment, str(recording.path), diagnoses]
    ).decode()
    assert [secret for secret in SECRETS if secret not in everything] == []


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_no_original_name_survives_in_the_html_file(
    recording: Recording, diagnoses: tuple[Diagnosis, ...], tmp_path: Path, lang: str
) -> None:
    told = write_html(recording, diagnoses, tmp_path / "r.html", lang, scrub=True).read_text(encoding="utf-8")  # type: ignore[arg-type]
    told = told.replace("<wbr>", "")
    assert [secret for secret in SECRETS if secret in told] == []
    assert "case-" in told and "host-1" in told and "/path-1" in told


def test_the_same_name_gets_the_same_pseudonym_everywhere(
    recording: Recording, diagnoses: tuple[Diagnosis, ...]
) -> None:
    scrubber = Scrubber(recording, diagnoses)
    case = scrubber.text(CASES[1])
    assert scrubber.text(f"{DATA}/{CASES[1]}.b2nd").endswith(f"/{case}.b2nd")
    assert scrubber.text(f"read {CASES[1]}_seg.b2nd twice: {CASES[1]}") == f"read {case}_seg.b2nd twice: {case}"


def test_a_frame_keeps_its_place_in_the_library_and_loses_the_home_folder(
    clean: tuple[Recording, tuple[Diagnosis, ...]],
) -> None:
    files = [frame.file for dump in clean[0].stacks() for thread in dump.threads for frame in thread.frames]
    assert any(file.endswith("/site-packages/batchgenerators/x.py") for file in files)
    assert all(file.startswith("/path-") for file in files)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("5/6 workers, and/or 0 of 6, 3.5 GiB/s", "5/6 workers, and/or 0 of 6, 3.5 GiB/s"),
        ("/dev/shm is full", "/dev/shm is full"),
        ("/proc/4711/stat", "/proc/4711/stat"),
        (f"user {USER} on {HOST}", "user user-1 on host-1"),
        ("10.12.0.7 said no", "address-1 said no"),
        ("mail to a.b@clinic.example", "mail to mail-1"),
        ("Dataset042_Pancreas", "Dataset042"),
    ],
)
def test_ordinary_words_stay_and_names_go(told: str, expected: str) -> None:
    environment = Environment(wall_start="2026-01-01", hostname=HOST, variables=(("USER", USER), ("HOME", HOME)))
    assert Scrubber(Recording(environment=environment)).text(told) == expected


def test_numbers_and_states_are_untouched(recording: Recording, clean: tuple[Recording, tuple[Diagnosis, ...]]) -> None:
    before, after = recording.all_ticks[300], clean[0].all_ticks[300]
    assert before.host == after.host
    assert [process.state for process in before.processes] == [process.state for process in after.processes]
    assert [beat.steps_total for beat in before.beats] == [beat.steps_total for beat in after.beats]


def test_texts_of_actions_are_scrubbed_and_their_names_stay() -> None:
    action = ActionTaken(t_s=1.0, action="restart", state="begun", cause="external-kill", text=f"{HOME}/bin/train 1")
    environment = Environment(wall_start="2026-01-01", variables=(("USER", USER),))
    recording = Recording(all_ticks=(Tick(t_s=1.0, events=(action,)),), environment=environment)
    (clean,) = scrubbed(recording, ())[0].events(ActionTaken)
    assert (clean.action, clean.cause) == ("restart", "external-kill")
    assert USER not in clean.text and "train 1" in clean.text
