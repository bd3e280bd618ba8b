"""One sentence means the same whichever way it comes: pasted, in an evidence file, from the hook, in a log."""

from __future__ import annotations

import io
import json
import re

import pytest
from tests.diagnosis.logs import v2

from evidence.text_facts.test_messages import MESSAGES
from evidence.text_facts.test_sources import SOURCES
from holter.diagnosis.logs import read_pasted
from holter.diagnosis.targets import read_evidence
from holter.records import Diagnosis, Environment, Episode, ExceptionSeen, Tick
from holter.remedies.diagnose import diagnose_recording
from holter.tape import Recording

# An array is only known to be a case cut short where such a frame is; every other message means the same below it.
FRAMES = 'Traceback (most recent call last):\n  File "/x/numpy/lib/format.py", line 3, in read_array\n    read()\n'
MORE = (
    "MemoryError",
    "numpy.core._exceptions._ArrayMemoryError: Unable to allocate 1.50 GiB for an array with shape (3, 4)",
    "OSError: [Errno 12] Cannot allocate memory",
    "RuntimeError: [enforce fail at alloc_cpu.cpp:114] err == 0. DefaultCPUAllocator: can't allocate memory",
    "terminate called after throwing an instance of 'std::bad_alloc'",
    "Bus error (core dumped)",
    "ERROR: Unexpected bus error encountered in worker. This might be caused by insufficient shared memory (shm).",
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.",
    "OSError: [Errno 28] No space left on device",
    "OSError: [Errno 122] Disk quota exceeded",
    "OSError: [Errno 30] Read-only file system",
    "RuntimeError: unable to mmap 67108864 bytes from file </torch_1_2_3>: Cannot allocate memory (12)",
)
SENTENCES = (*(message for message, _ in (*MESSAGES.values(), *SOURCES.values())), *MORE)
COMPARED = (
    "exception.kind", "exception.cuda_oom", "exception.truncated_file", "shm.trouble", "shm.no_space", "limit.reached",
    "disk.error", "gpu.trouble", "worker.exit_signal", "worker.role", "main.exit_signal", "oom.kills", "echo.says",
    "compile.missing", "data.read_only", "results.gone", "predict.on_cpu", "ddp.timed_out", "gpu.driver_fits",
)  # fmt: skip
EXCEPTION = re.compile(r"[\w.]*?(\w+(?:Error|Exception))(?:: (.*))?", re.DOTALL)


def facts(diagnosis: Diagnosis) -> dict[str, str]:
    """What was found; that nothing was seen, and an error of no known kind, are no finding."""
    return {
        fact.name: str(fact.value).lower()
        for fact in diagnosis.facts
        if fact.status == "known" and fact.name in COMPARED and fact.value not in (False, "other")
    }


def pasted(text: str) -> dict[str, str]:
    return facts(read_pasted(io.BytesIO(text.encode()), "text").diagnoses[-1])


def by_evidence(text: str) -> dict[str, str]:
    content = json.dumps({"facts": {"exception.first": text, "episode.kind": "death"}}).encode()
    return facts(read_evidence(content, "evidence.json").diagnoses[-1])


def by_hook(error: str, message: str, text: str) -> dict[str, str]:
    raised = ExceptionSeen(t_s=10.0, pid=7, role="main", error=error, message=message, traceback=FRAMES + text)
    episode = Episode(
        kind="death", phase="train", start_s=10.0, alarm_s=10.0, end_s=11.0, detector="death", subject="training"
    )
    recording = Recording(
        all_ticks=(Tick(t_s=0.0), Tick(t_s=10.0, events=(raised,)), Tick(t_s=11.0)),
        all_episodes=(episode,),
        environment=Environment(wall_start="2026-01-01T00:00:00+00:00"),
        finished=True,
    )
    return facts(diagnose_recording(recording, (episode,), is_over=True)[-1])


@pytest.mark.slow
@pytest.mark.parametrize("text", SENTENCES)
def test_the_same_sentence_gives_the_same_facts_by_every_way(text: str) -> None:
    told = pasted(text)
    log = v2([100] * 5, cut=True)
    assert by_evidence(text) == told
    assert pasted(f"{log}{text}\n") == told
    assert pasted(f"{log}{FRAMES}{text}\n") == told
    raised = EXCEPTION.fullmatch(text)
    if raised is not None:
        assert by_hook(raised[1], raised[2] or "", text) == told


def test_a_bus_error_of_a_worker_is_not_the_end_of_the_main_process() -> None:
    told = pasted("RuntimeError: DataLoader worker (pid 4161) is killed by signal: Bus error.")
    assert (told["worker.exit_signal"], told.get("main.exit_signal")) == ("7", None)
