"""Docker's limit of processes, with and without an error that such a limit has."""

from __future__ import annotations

import io

import pytest

from holter.diagnosis.logs import read_pasted
from holter.records import Diagnosis

# As docker inspect prints it (the keys of moby's ContainerState and HostConfig).
INSPECT = """[
    {
        "Id": "9f1c55ab0c7e",
        "State": {
            "Status": "exited",
            "OOMKilled": %s,
            "ExitCode": 1
        },
        "HostConfig": {
            "PidsLimit": 512,
            "ShmSize": 8589934592,
            "IpcMode": "private"
        }
    }
]
"""
REFUSED = (
    "RuntimeError: can't start new thread",
    "BlockingIOError: [Errno 11] Resource temporarily unavailable",
    "OSError: [Errno 11] Resource temporarily unavailable",
    "OpenBLAS blas_thread_init: pthread_create failed for thread 37 of 64: Resource temporarily unavailable",
)


def diagnoses(text: str) -> tuple[Diagnosis, ...]:
    return read_pasted(io.BytesIO(text.encode()), "x.txt").diagnoses


@pytest.mark.parametrize("message", REFUSED)
def test_a_refused_process_reaches_the_limit_that_docker_shows(message: str) -> None:
    (diagnosis,) = diagnoses(f"{INSPECT % 'false'}\n{message}\n")
    facts = {fact.name: fact.value for fact in diagnosis.facts}
    assert diagnosis.verdicts[0].cause == "process-limit"
    assert facts["limit.processes"] == 512
    assert facts["limit.reached"] == "processes"


def test_a_limit_alone_is_no_trouble() -> None:
    assert diagnoses(INSPECT % "false") == ()


def test_a_container_that_was_not_killed_had_memory() -> None:
    killed, spared = (
        diagnoses(f"{INSPECT % value}\nRuntimeError: can't start new thread\n") for value in ("true", "false")
    )
    assert [fact.value for fact in killed[0].facts if fact.name == "oom.kills"] == [1]
    assert not any(fact.value for fact in spared[0].facts if fact.name == "oom.kills")
