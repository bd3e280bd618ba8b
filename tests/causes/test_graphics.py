"""Causes about GPUs and compilation: what names each, the look-alike that does not, and what unknown facts do."""

from __future__ import annotations

import pytest

from causes.usual import UNSAID
from holter.causes import verdicts
from holter.evidence import NAMES, Evidence
from holter.records import Fact, Verdict

DIED = {
    "episode.kind": "death", "exception.role": "main", "exception.first": "RuntimeError: …", "worker.exit_signal": ...,
    "main.exit_signal": 0, "disk.error": ..., "shm.trouble": ..., "gpu.shared": ..., "exception.truncated_file": False,
    "gpu.mig": False, "gpu.xid_kind": ..., "setting.compile": ..., "gpu.trouble": ..., "oom.kills": 0,
}  # fmt: skip
SLOW = {
    "episode.kind": "slow-down", "wait.ratio": 0.02, "gpu.throttled": False, "gpu.shared": ...,
    "step.times_usual": 8.0, "gpu.utilization_ratio": 1.0, "gpu.present": True, "gpu.licence_stage": ...,
    "plan.configuration": "3d_fullres", "software.slow_kernels": "none", "gpu.mig": False, "predict.on_cpu": ...,
}  # fmt: skip
STANDS = {
    "episode.kind": "stall", "gpu.licence_stage": ..., "gpu.throttled": ..., "gpu.shared": ..., "gpu.trouble": ...,
    "workers.stopped": (), "workers.blocked": (), "worker.exit_signal": ..., "setting.nccl_p2p": ...,
    "setting.compile": ..., "progress.resumed": False, "main.alive": True, "cpu.throttled_ratio": ...,
}  # fmt: skip
# One process is in its step, the others wait for it there.
TOGETHER = {**STANDS, "ddp.ranks": 2, "ddp.steps": 400, "activity.present": True}

# Cause -> evidence that decides it.
TOLD: dict[str, dict[str, object]] = {
    "compile-toolchain-broken": {**DIED, "exception.kind": "compile", "compile.missing": "compiler"},
    "compile-warmup": {
        **STANDS, "phase": "compile", "compile.children": ("cc1plus", "ptxas"), "compile.started": True,
        "activity.present": True,
    },
    "cuda-device-assert": {**DIED, "exception.kind": "cuda-assert", "exception.assertion": "idx_dim < index_size"},
    "gpu-slow-kernels-software": {
        **SLOW, "step.times_usual": 1.0, "software.torch": "2.9.0+cu128", "epochs.shape": "flat",
        "software.slow_kernels": "conv3d-without-cudnn",
    },
    "gpu-oom-cpu-fallback": {
        **STANDS, "predict.on_cpu": True, "phase": "final-validation", "main.waits_on": "native-call",
        "main.exit_signal": ...,
    },
    "gpu-lost-or-gsp": {**STANDS, "gpu.trouble": "lost", "gpu.xid_kind": "gone", "main.state": "D"},
    "gpu-driver-mismatch": {**DIED, "exception.kind": "cuda-mismatch", "gpu.driver_fits": False},
    "gpu-out-of-memory": {
        **DIED, "exception.kind": "cuda-oom", "exception.cuda_oom": True, "gpu.memory_ratio": 0.98,
        "gpu.zombie_bytes": 0,
    },
    "mig-slice-too-small": {
        **DIED, "exception.kind": "cuda-oom", "exception.cuda_oom": True, "gpu.mig": True, "gpu.slice_bytes": 5e9,
        "gpu.memory_ratio": 0.98,
    },
    "pcie-link-degraded": {**SLOW, "gpu.pcie_ratio": 0.06, "gpu.pcie_busy_ratio": 0.9},
    "batch-size-cliff": {**SLOW, "batch.times_per_sample": 4.0, "gpu.spinning": (), "gpu.power_ratio": 0.95},
    "vram-spill-to-host": {
        **SLOW, "system.virtual_machine": "wsl", "gpu.memory_ratio": 0.99, "gpu.spinning": ("GPU 0",),
    },
    "container-lost-gpu": {
        **DIED, "system.container": "docker", "exception.kind": "gpu-missing", "gpu.trouble": "forbidden",
    },
    "ddp-collective-timeout": {**TOGETHER, "ddp.behind": ("PID 12 (waits for train-batch)",)},
    "nccl-p2p-broken": {
        **TOGETHER, "ddp.behind": (), "ddp.steps": 0, "gpu.spinning": ("GPU 0", "GPU 1"),
        "system.gpu_iommu": "translated", "gpu.pcie_busy_ratio": 0.0,
    },
}  # fmt: skip

# What separates a look-alike: cause, the facts that differ, and what is right instead (None: nothing is confirmed).
LOOK_ALIKES: tuple[tuple[str, dict[str, object], str | None], ...] = (
    # The network cannot be compiled, and nothing is missing.
    ("compile-toolchain-broken", {"compile.missing": ...}, None),
    # Kernels are tried out, and memory ends meanwhile.
    ("compile-toolchain-broken", {"exception.kind": "cuda-oom", "gpu.zombie_bytes": 0}, "gpu-out-of-memory"),
    # What CUDA says after a printed assertion may be anything; without one it is an error like any other.
    ("cuda-device-assert", {"exception.kind": "cuda-other", "exception.assertion": ...}, "main-exception"),
    ("gpu-out-of-memory", {"exception.kind": "pinned-memory", "exception.pinned_memory": True}, "main-exception"),
    ("compile-warmup", {"activity.present": False, "compile.children": ()}, None),
    ("compile-warmup", {"setting.compile": False, "phase": "train"}, None),
    ("cuda-device-assert", {"gpu.xid_kind": "gone", "gpu.trouble": "lost"}, "gpu-lost-or-gsp"),
    ("gpu-slow-kernels-software", {"plan.configuration": "2d"}, None),
    ("gpu-slow-kernels-software", {"step.times_usual": 5.0}, None),
    ("gpu-slow-kernels-software", {"software.torch": "2.8.0", "software.slow_kernels": "none"}, None),
    ("gpu-slow-kernels-software", {"gpu.present": False}, None),
    ("gpu-oom-cpu-fallback", {"main.waits_on": "export-result"}, None),
    ("gpu-lost-or-gsp", {"gpu.trouble": ..., "gpu.xid_kind": "application"}, None),
    # A GPU of somebody else falls off the bus while our training waits for its workers.
    ("gpu-lost-or-gsp", {"gpu.trouble": ..., "main.waits_on": "batch-queue"}, None),
    ("gpu-driver-mismatch", {"gpu.driver_fits": True, "gpu.capability_fits": True}, None),
    ("gpu-out-of-memory", {"gpu.shared": "memory", "gpu.zombie_bytes": 20e9}, "gpu-shared-or-zombie"),
    ("gpu-out-of-memory", {"gpu.mig": True, "gpu.slice_bytes": 5e9}, "mig-slice-too-small"),
    ("mig-slice-too-small", {"gpu.mig": False, "gpu.slice_bytes": ..., "gpu.zombie_bytes": 0}, "gpu-out-of-memory"),
    ("mig-slice-too-small", {"gpu.slice_bytes": 40e9}, None),
    # Eight lanes are how many boards are built; and a GPU that hardly uses its link does not wait for it.
    ("pcie-link-degraded", {"gpu.pcie_ratio": 0.5}, None),
    ("pcie-link-degraded", {"gpu.pcie_busy_ratio": 0.05}, None),
    ("batch-size-cliff", {"batch.times_per_sample": 1.05}, None),
    ("vram-spill-to-host", {"system.virtual_machine": "none"}, None),
    ("vram-spill-to-host", {"gpu.spinning": ()}, None),
    # Memory that is moved about shows a GPU at work.
    ("vram-spill-to-host", {"gpu.utilization_ratio": 0.1}, None),
    ("container-lost-gpu", {"gpu.trouble": ...}, None),
    ("container-lost-gpu", {"system.container": "none"}, None),
    ("ddp-collective-timeout", {"ddp.ranks": 1, "ddp.behind": ...}, None),
    ("ddp-collective-timeout", {"workers.stopped": ("train-worker 3 (PID 9)",)}, None),
    ("nccl-p2p-broken", {"ddp.behind": ("PID 12 (waits for train-batch)",)}, "ddp-collective-timeout"),
    ("nccl-p2p-broken", {"ddp.steps": 400}, None),
    ("nccl-p2p-broken", {"setting.nccl_p2p": False}, None),
)

# One sentence, version or setting as a person would pass it on, everything else unknown.
ALONE = (
    ("compile-toolchain-broken", {"exception.kind": "compile"}),
    ("compile-toolchain-broken", {"compile.missing": "old-compiler", "echo.says": "training"}),
    ("cuda-device-assert", {"exception.kind": "cuda-assert"}),
    ("gpu-slow-kernels-software", {"software.torch": "2.9.0", "epochs.shape": "flat"}),
    ("gpu-oom-cpu-fallback", {"predict.on_cpu": True}),
    ("gpu-lost-or-gsp", {"exception.kind": "gpu-lost"}),
    ("gpu-driver-mismatch", {"exception.kind": "cuda-mismatch"}),
    ("gpu-out-of-memory", {"exception.kind": "cuda-oom"}),
    ("ddp-collective-timeout", {"exception.kind": "nccl-timeout"}),
    ("container-lost-gpu", {"exception.kind": "gpu-missing", "system.container": "docker"}),
    ("compile-warmup", {"epochs.shape": "first-only", "compile.started": True}),
    ("mig-slice-too-small", {"exception.kind": "cuda-oom", "gpu.mig": True}),
)


def judged(facts: dict[str, object]) -> dict[str, Verdict]:
    """Verdicts by cause, best first; a value of ... does not apply, what is not named is unknown."""
    assert set(facts) <= NAMES
    stated = {
        name: Fact(name=name, value=None, status="not-applicable") if value is ... else Fact(name=name, value=value)
        for name, value in facts.items()
    }
    return {verdict.cause: verdict for verdict in verdicts(Evidence(UNSAID | stated))}


def confirmed(found: dict[str, Verdict]) -> list[str]:
    return [cause for cause, verdict in found.items() if verdict.verdict == "confirmed"]


@pytest.mark.parametrize("cause", sorted(TOLD))
def test_decisive_evidence_names_the_cause_and_no_other(cause):
    found = judged(TOLD[cause])
    assert next(iter(found)) == cause
    assert confirmed(found) == [cause]


@pytest.mark.parametrize(("cause", "differs", "instead"), LOOK_ALIKES, ids=lambda one: str(one)[:50])
def test_a_look_alike_is_told_apart_by_one_fact(cause, differs, instead):
    found = judged({**TOLD[cause], **differs})
    assert found[cause].verdict != "confirmed"
    if instead is not None:
        assert confirmed(found) == [instead]
    else:
        assert set(confirmed(found)) <= {"frozen-worker", "main-exception"}


@pytest.mark.parametrize(("cause", "facts"), ALONE, ids=lambda one: str(one)[:40])
def test_the_telling_sentence_alone_makes_it_likely_and_no_more(cause, facts):
    found = judged({"episode.kind": "slow-down" if "software.torch" in facts else "death", **facts})
    if cause in ("compile-warmup", "gpu-oom-cpu-fallback"):
        found = judged(facts)
    assert found[cause].verdict == "likely"
    assert confirmed(found) == []
    assert next(iter(found)) == cause or found[next(iter(found))].score == found[cause].score


@pytest.mark.parametrize("cause", sorted(TOLD))
def test_forgetting_any_fact_raises_nothing_and_confirms_no_rival(cause):
    truth = judged(TOLD[cause])[cause]
    for forgotten in TOLD[cause]:
        found = judged({name: value for name, value in TOLD[cause].items() if name != forgotten})
        assert found[cause].score <= truth.score, forgotten
        assert set(confirmed(found)) <= {cause}, forgotten


SPECIAL = ("compile", "cuda-assert", "cuda-oom", "gpu-lost", "cuda-mismatch", "gpu-missing", "nccl-timeout")


@pytest.mark.parametrize("kind", SPECIAL)
def test_an_exception_with_a_cause_of_its_own_is_not_just_an_exception(kind):
    facts = {**DIED, "exception.kind": kind, "system.container": "docker", "gpu.zombie_bytes": 0}
    found = judged(facts)
    assert found["main-exception"].verdict != "confirmed"
    assert next(iter(found)) != "main-exception"


def test_an_exception_of_no_special_kind_is_the_trainings_own():
    assert confirmed(judged({**DIED, "exception.kind": "other"})) == ["main-exception"]


def test_a_printed_assertion_decides_whatever_cuda_says_after_it():
    facts = {**TOLD["cuda-device-assert"], "exception.kind": "cuda-other"}
    assert confirmed(judged(facts)) == ["cuda-device-assert"]


def test_a_rank_that_is_behind_is_no_stall_of_the_gpu():
    facts = {
        **TOGETHER, "main.waits_on": "native-call", "queue.ready": "full", "main.state": "S", "gpu.present": True,
        "wait.ratio": 0.0, "workers.working": 0, "ddp.behind": ("PID 12 (waits for train-batch)",),
    }  # fmt: skip
    assert confirmed(judged(facts)) == ["ddp-collective-timeout"]
    assert confirmed(judged({**facts, "ddp.behind": ..., "ddp.ranks": 1})) == ["gpu-side-stall"]


def test_a_lost_gpu_is_more_than_a_stall_on_its_side():
    facts = {
        **TOLD["gpu-lost-or-gsp"], "main.waits_on": "native-call", "queue.ready": "full", "gpu.present": True,
        "wait.ratio": 0.0,
    }  # fmt: skip
    found = judged(facts)
    assert confirmed(found) == ["gpu-lost-or-gsp"]
    assert found["gpu-side-stall"].verdict == "likely"


def test_a_vgpu_without_a_licence_that_refuses_has_ended_the_training():
    facts = {"episode.kind": "death", "gpu.virtualization": "vgpu", "gpu.licence_stage": "unlicensed"}
    refused = judged({**facts, "exception.kind": "cuda-refused", "main.waits_on": ...})
    assert (next(iter(refused)), refused["vgpu-unlicensed"].verdict) == ("vgpu-unlicensed", "confirmed")
    assert judged({**facts, "exception.kind": "other"})["vgpu-unlicensed"].verdict == "excluded"


def test_an_exception_yields_only_to_a_cause_that_is_left():
    """The kind speaks of a licence, and the virtual GPU is licensed and alone."""
    facts = {
        **DIED, "exception.kind": "cuda-refused", "gpu.virtualization": "vgpu", "gpu.licence_stage": "licensed",
        "gpu.shared": ...,
    }  # fmt: skip
    found = judged(facts)
    assert (found["vgpu-unlicensed"].verdict, found["gpu-shared-or-zombie"].verdict) == ("excluded", "excluded")
    assert "its-kind-explains" not in {one.text for one in found["main-exception"].against}
    assert confirmed(found) == ["main-exception"]
