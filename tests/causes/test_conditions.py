"""Conditions admit, observations accuse: a circumstance gives no score, and what is not there is no cause."""

from __future__ import annotations

import pytest

from holter.causes import CAUSES, RULES_OF, verdicts
from holter.causes.weigh import Rule
from holter.evidence import NAMES, Evidence
from holter.evidence.stated.choices import CHOICES
from holter.evidence.vocabulary import VOCABULARY, is_condition
from holter.records import Fact, Verdict

KINDS = CHOICES["episode.kind"]
NUMBERS = (0.0, 0.05, 1.0, 20.0, 5000.0)


def judged(facts: dict[str, object]) -> dict[str, Verdict]:
    stated = {name: Fact(name=name, value=value) for name, value in facts.items()}  # type: ignore[arg-type]
    assert stated.keys() <= NAMES
    return {verdict.cause: verdict for verdict in verdicts(Evidence(stated))}


def values_of(name: str) -> tuple[object, ...]:
    spec = next(spec for spec in VOCABULARY if spec.name == name)
    if spec.name in CHOICES:
        return CHOICES[spec.name]
    return {"bool": (True, False), "number": NUMBERS, "list": (("x",), ())}.get(spec.kind, ("0.25.1", "true"))


def holding(rule: Rule) -> dict[str, object]:
    return next(({rule.fact: value} for value in values_of(rule.fact) if rule.test(value)), {})


@pytest.mark.parametrize("name", [spec.name for spec in VOCABULARY if is_condition(spec.name)])
def test_a_circumstance_alone_accuses_nobody(name: str) -> None:
    for kind in KINDS:
        for value in values_of(name):
            found = judged({"episode.kind": kind, name: value})
            worst = max(found.values(), key=lambda verdict: (verdict.verdict in ("confirmed", "likely"), verdict.score))
            assert (worst.verdict in ("possible", "excluded"), worst.score) == (True, 0.0), (worst.cause, kind, value)


@pytest.mark.slow
def test_all_circumstances_of_a_cause_together_still_accuse_nobody() -> None:
    for cause, rules in RULES_OF.items():
        for kind in KINDS:
            facts: dict[str, object] = {"episode.kind": kind}
            for rule in rules:
                if rule.speaks == "for" and is_condition(rule.fact):
                    facts.update(holding(rule))
            verdict = judged(facts)[cause]
            assert verdict.verdict in ("possible", "excluded"), (cause, facts)


PRESUPPOSED = {
    "vram-spill-to-host": ("windows", "gpu"),
    "windows-spawn-commit": ("windows",),
    "container-lost-gpu": ("container", "gpu"),
    "export-ram-oom": ("export",),
    "export-lost-result-hang": ("export",),
    "vgpu-unlicensed": ("gpu",),
    "gpu-side-stall": ("gpu",),
    "ddp-collective-timeout": ("ranks",),
    "preprocess-worker-killed": ("nnunet",),
    "no-exit-after-finish": ("nnunet",),
}


@pytest.mark.parametrize("cause", PRESUPPOSED)
def test_without_what_it_presupposes_a_cause_is_excluded(cause: str) -> None:
    """Whatever else speaks for it: everything that any of its rules asks for is stated."""
    for scope in PRESUPPOSED[cause]:
        facts: dict[str, object] = {}
        for rule in RULES_OF[cause]:
            if rule.speaks == "for":
                facts.update(holding(rule))
        verdict = judged({**facts, f"scope.{scope}": False})[cause]
        assert verdict.verdict == "excluded"
        assert f"presupposes-{scope}" in {finding.text for finding in verdict.against}


def test_every_cause_is_judged_with_nothing_known() -> None:
    assert set(judged({})) == set(CAUSES)


# Written by hand, for a list made by the code would leave out what the code forgets. Versions, counts, allocations
# and settings, each as its cause wants to have it.
CIRCUMSTANCES: dict[str, object] = {
    "software.torch": "2.9.0", "software.cuda": "11.8", "software.cudnn": "7605", "software.driver": "450.51",
    "software.nnunetv2": "2.6.4", "software.batchgenerators": "0.25.1", "software.batchgeneratorsv2": "0.2",
    "software.threadpoolctl": "2.2.0", "software.blosc2": "2.0", "software.slow_kernels": "conv3d-without-cudnn",
    "system.os": "windows", "system.container": "docker", "system.virtual_machine": "wsl",
    "system.gpu_iommu": "translated", "setting.n_proc_da": 0, "setting.omp_threads": 32, "setting.compile": True,
    "setting.pinning": "true", "setting.nccl_p2p": True, "cpu.effective": 4, "cpu.visible": 64, "cpu.quota": 4.0,
    "cpu.allocated_ratio": 0.06, "cpu.workers_per_cpu": 3.0, "affinity.narrowed": True, "workers.threads": 65,
    "storage.windows_drive": True, "storage.fs_type": "nfs4", "gpu.present": True, "gpu.mig": True,
    "gpu.slice_bytes": 5e9, "gpu.driver_fits": False, "gpu.capability_fits": False, "gpu.pcie_ratio": 0.06,
    "gpu.virtualization": "vgpu", "plan.configuration": "3d_fullres", "plan.median_voxels": 4e8, "ddp.ranks": 2,
    "trainings.others": 3, "fds.limit": 1024, "data.read_only": True,
}  # fmt: skip


@pytest.mark.parametrize("name", CIRCUMSTANCES)
def test_one_version_count_or_allocation_accuses_nobody(name: str) -> None:
    for kind in KINDS:
        found = judged({"episode.kind": kind, name: CIRCUMSTANCES[name]})
        assert {cause for cause, verdict in found.items() if verdict.verdict in ("confirmed", "likely")} == set(), kind


@pytest.mark.parametrize("machine", ["wsl", "none"])
def test_all_versions_counts_and_allocations_together_accuse_nobody(machine: str) -> None:
    facts = {**CIRCUMSTANCES, "system.virtual_machine": machine}
    for kind in KINDS:
        for phase in CHOICES["phase"]:
            found = judged({**facts, "episode.kind": kind, "phase": phase})
            assert {cause for cause, verdict in found.items() if verdict.verdict in ("confirmed", "likely")} == set(), (
                kind
            )
