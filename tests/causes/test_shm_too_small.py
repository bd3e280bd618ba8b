"""shm-too-small: what makes it confirmed or likely, and what only looks like it."""

from __future__ import annotations

import io
import json

from causes.judge import judged
from holter.diagnosis.logs import read_pasted
from holter.diagnosis.targets import diagnose_target


def test_a_line_about_a_bus_error_confirms_a_small_shared_memory_only_with_its_size():
    line = {
        "episode.kind": "death", "shm.trouble": "no-room", "exception.first": "BusError: Unexpected bus error",
        "oom.kills": 0,
    }  # fmt: skip
    assert judged(line)["shm-too-small"].verdict == "likely"
    assert judged({**line, "shm.used_ratio": 0.97})["shm-too-small"].verdict == "confirmed"
    assert judged({**line, "shm.total_bytes": 64 << 20})["shm-too-small"].verdict == "confirmed"


def test_workers_whose_batches_find_no_shared_memory_starve_the_training_and_not_the_cpus():
    facts = {
        "episode.kind": "slow-down", "wait.ratio": 0.9, "cpu.run_busy_ratio": 1.0, "queue.ready": "empty",
        "workers.working": 2, "workers.stopped": (), "workers.blocked": (), "activity.present": True,
        "exception.kind": "shared-memory", "exception.first": "RuntimeError: unable to allocate shared memory(shm)",
        "shm.no_space": True, "shm.used_ratio": 1.0, "oom.kills": 0,
    }  # fmt: skip
    found = judged(**facts, shm__trouble="no-room")
    assert found["shm-too-small"].verdict == "confirmed"
    assert found["cpu-starved-augmentation"].verdict == "excluded"
    fine = judged(**{**facts, "exception.kind": ..., "exception.first": ..., "shm.no_space": ...}, shm__trouble=...)
    assert fine["cpu-starved-augmentation"].verdict in ("confirmed", "likely")
    assert fine["shm-too-small"].verdict == "excluded"


def test_a_full_shared_memory_is_no_full_disk_by_whichever_door(tmp_path):
    error = "OSError: [Errno 28] No space left on device: '/dev/shm/torch_1'"
    file = tmp_path / "facts.json"
    file.write_text(json.dumps({"holter_evidence": 1, "facts": {"exception.first": error}}))
    stated = diagnose_target(str(file), tell_observed=lambda _: None)
    for result in (stated, read_pasted(io.BytesIO(f"{error}\n".encode()), "paste")):
        found = {each.cause: each.verdict for each in result.diagnoses[0].verdicts}
        assert (next(iter(found)), found["shm-too-small"]) == ("shm-too-small", "confirmed")
        assert found["disk-full-or-quota"] == "excluded"
