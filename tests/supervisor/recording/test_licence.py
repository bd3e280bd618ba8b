"""The story of MIC-DKFZ/nnUNet issue 2041 from end to end: an unlicensed vGPU leaves its grace period.

GPU readings come through the real NVML binding and nvidia-smi's text, both answered by a small library and script
of the tests. The training is a real one; its steps become 150 times slower, each in one native call.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from holter.demo.prepare import Prepared
from holter.evidence import chain
from holter.records import Judged
from needs import needs
from nvml.fake_nvml import FakeGpu
from supervisor.scene import Named, Scene, top, verdict_of

pytestmark = [pytest.mark.training, needs("cc")]

STEP_DELAY_S = 18.0  # 150 times the demo's step of 0.12 s


@pytest.mark.long
def test_full_speed_then_a_standstill_named_by_the_licence_stage(brain: Prepared, tmp_path: Path):
    scene = Scene(brain, tmp_path / "vgpu_unlicensed_nvml")
    scene.folder.mkdir()
    gpu = FakeGpu.vgpu(tmp_path / "gpu", licence="Unlicensed (Unrestricted)", utilization=97)
    delay = tmp_path / "delay"
    scene.extra = gpu.environment()
    scene.options = ("--epochs", "2", "--iterations", "30", "--no-validation", "--train-step-delay-file", str(delay))

    named = Named("vgpu-unlicensed")

    def throttle(recorder, tick):
        gpu.set(licence="Unlicensed (Restricted)", utilization=0)
        delay.write_text(str(STEP_DELAY_S))

    def licensed_again(recorder, tick):
        if named.count(recorder, tick) or (scene.fault_s is not None and tick.t_s > scene.fault_s + 60):
            gpu.set(licence="Licensed (Expiry: N/A)", utilization=97)
            delay.unlink(missing_ok=True)

    result = scene.play(throttle, each_tick=licensed_again)
    assert result.returncode == 0
    recording = scene.recording()
    readings = [reading for tick in recording.all_ticks for reading in tick.gpus]
    assert {reading.source for reading in readings} == {"nvml"}
    assert {reading.virtualization for reading in readings} >= {"vgpu"}
    diagnosis = scene.diagnoses()[0]
    assert diagnosis.episode.kind == "stall"
    assert diagnosis.episode.alarm_s - scene.fault_s < 20
    assert top(diagnosis) == ("vgpu-unlicensed", "confirmed")
    assert verdict_of(diagnosis, "frozen-worker") == "excluded"
    links = [chain.NATIVE_CALL(), chain.VGPU(), chain.VGPU_LICENCE()]
    assert [link.target for link in diagnosis.wait_chain] == links
    facts = {fact.name: fact for fact in diagnosis.facts}
    assert facts["queue.ready"].value == "full"
    assert facts["gpu.power_ratio"].status == "unknown", "a guest cannot read it, which is not the same as fine"
    assert facts["gpu.licence_worsened"].value is True
    named = [judged for judged in recording.events(Judged) if judged.cause is not None]
    assert (named[-1].cause, named[-1].verdict) == ("vgpu-unlicensed", "confirmed"), "live, while it stands still"
    assert named[-1].t_s - diagnosis.episode.alarm_s <= 10
    assert ("gpu-side-stall", "confirmed") not in [(verdict.cause, verdict.verdict) for verdict in named]
