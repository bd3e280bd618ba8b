"""The GPU probe against a real ``libnvidia-ml.so.1`` through the real binding; only the hardware is invented."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from holter.probes import Reading
from holter.probes.child.deadline import Limits
from holter.probes.gpu.gpu import ABSENT_RECHECK_S, GpuProbe
from holter.records import GpuSample
from needs import needs
from nvml.fake_nvml import BARE_METAL, VGPU_GUEST, FakeGpu
from said import english, gaps

pytestmark = [pytest.mark.slow, needs("cc")]

SOON_S = 10.0  # a generous limit for things that take milliseconds on an idle machine
READ_MAX_S = 0.1  # what one look may take, whatever the driver does
OUTLIERS_MAX = 2  # looks that a busy machine, not the driver, may have made longer
CHILD_RSS_MAX_BYTES = 35 * 2**20

ProbeOf = Callable[..., GpuProbe]


@pytest.fixture
def gpu(tmp_path: Path) -> FakeGpu:
    return FakeGpu(tmp_path)


@pytest.fixture
def probe_of() -> Iterator[ProbeOf]:
    """Builds probes with short deadlines and closes them."""
    made: list[GpuProbe] = []

    def build(fake: FakeGpu, **settings: object) -> GpuProbe:
        quick = {"limits": Limits(deadline_s=0.4, abandon_s=0.8, back_off_s=(0.2,))}
        probe = GpuProbe(environment={**os.environ, **fake.environment()}, **{**quick, **settings})  # type: ignore[arg-type]
        made.append(probe)
        return probe

    yield build
    for probe in made:
        probe.close()


class Clock:
    """Reads a probe again and again, and notes how long each read took."""

    def __init__(self, probe: GpuProbe) -> None:
        self.probe = probe
        self.began = time.monotonic()
        self.took_s: list[float] = []
        self.notes: list[str] = []

    def read(self) -> Reading:
        before = time.monotonic()
        reading = self.probe.read(before - self.began)
        self.took_s.append(time.monotonic() - before)
        self.notes += [event.what for event in reading.events if hasattr(event, "what")]
        return reading

    def never_waited(self) -> bool:
        """No look took long, but for the moments in which the machine did something else."""
        return sum(took_s > READ_MAX_S for took_s in self.took_s) <= OUTLIERS_MAX and max(self.took_s) < 10 * READ_MAX_S

    def until(self, wanted: Callable[[GpuSample], bool]) -> GpuSample:
        """The first sample that is as wanted."""
        while time.monotonic() - self.began < SOON_S:
            for sample in self.read().samples:
                assert isinstance(sample, GpuSample)
                if wanted(sample):
                    return sample
            time.sleep(0.02)
        pytest.fail("no such sample in time")


def gpus_of(reading: Reading) -> list[GpuSample]:
    return [sample for sample in reading.samples if isinstance(sample, GpuSample)]


def first(probe: GpuProbe) -> GpuSample:
    """What it sees once the process that reads is up: on a busy machine that takes longer than its short deadline."""
    until = time.monotonic() + SOON_S
    while True:
        sample = gpus_of(probe.read_complete(1.0, SOON_S))[0]
        if "has not returned" not in english(sample.note) or time.monotonic() > until:
            return sample


def alive(pid: int) -> bool:
    """Running, in whatever state; a zombie is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + SOON_S
    while not condition():
        assert time.monotonic() < until, "did not happen in time"
        time.sleep(0.01)


def test_every_field_reaches_the_sample(gpu: FakeGpu, probe_of: ProbeOf) -> None:
    gpu.set(ecc_uncorrected=2, pcie_generation=3, pcie_width=8, memory_clock=900, memory_clock_max=1215, mig=1)
    sample = first(probe_of(gpu))
    assert (sample.index, sample.source, sample.note) == (0, "nvml", None)
    assert (sample.name, sample.uuid) == (BARE_METAL["name"], BARE_METAL["uuid"])
    assert sample.driver == "550.90.07"
    assert sample.utilization_ratio == pytest.approx(0.93)
    assert (sample.memory_used_bytes, sample.memory_total_bytes) == (9 * 2**30, 40 * 2**30)
    assert (sample.power_w, sample.power_limit_w) == (pytest.approx(287.4), 400)
    assert (sample.sm_clock_mhz, sample.sm_clock_max_mhz) == (1395, 1410)
    assert (sample.memory_clock_mhz, sample.memory_clock_max_mhz) == (900, 1215)
    assert sample.temperature_c == 61
    assert sample.clock_reasons == ("sw-power-cap",)
    assert sample.ecc_uncorrected_total == 2
    assert (sample.pcie_generation, sample.pcie_generation_max) == (3, 4)
    assert (sample.pcie_width, sample.pcie_width_max) == (8, 16)
    assert (sample.processes, sample.mig) == ((), True)
    assert (sample.virtualization, sample.licence_supported, sample.licence_stage) == ("none", False, None)
    assert gaps(sample) == []


def test_pcie_traffic_is_measured_after_an_answer_so_that_nobody_waits_for_it(gpu: FakeGpu, probe_of: ProbeOf) -> None:
    clock = Clock(probe_of(gpu))
    sample = clock.until(lambda s: s.pcie_rx_bytes_per_s is not None)
    assert (sample.pcie_rx_bytes_per_s, sample.pcie_tx_bytes_per_s) == (1.2e9, 8e7)
    assert clock.never_waited()


def test_two_gpus_are_two_samples(gpu: FakeGpu, probe_of: ProbeOf) -> None:
    gpu.set(count=2, per_gpu={1: {"utilization": 4, "uuid": "GPU-second"}})
    samples = gpus_of(probe_of(gpu).read_complete(1.0, SOON_S))
    assert [(s.index, s.utilization_ratio) for s in samples] == [(0, 0.93), (1, 0.04)]


@pytest.mark.parametrize(
    ("bits", "words"),
    [
        (0x0, ()),
        (0x1, ("gpu-idle",)),
        (0x4 | 0x20, ("sw-power-cap", "sw-thermal-slowdown")),
        (0x8 | 0x40, ("hw-slowdown", "hw-thermal-slowdown")),
        (0x80 | 0x8, ("hw-slowdown", "hw-power-brake-slowdown")),
        (0x2 | 0x10 | 0x100, ("applications-clocks-setting", "sync-boost", "display-clock-setting")),
        (0x4 | 0x80000, ("sw-power-cap", "bits-0x80000")),
    ],
)
def test_clock_reasons_are_words(gpu: FakeGpu, probe_of: ProbeOf, bits: int, words: tuple[str, ...]) -> None:
    gpu.set(clock_event_reasons=bits)
    assert first(probe_of(gpu)).clock_reasons == words


def test_an_old_driver_is_asked_for_throttle_reasons(gpu: FakeGpu, probe_of: ProbeOf) -> None:
    gpu.set(function_not_found="clock_event_reasons", clock_throttle_reasons=0x20)
    assert first(probe_of(gpu)).clock_reasons == ("sw-thermal-slowdown",)


def test_what_a_guest_cannot_read_is_none_with_its_reason(tmp_path: Path, probe_of: ProbeOf) -> None:
    sample = first(probe_of(FakeGpu.vgpu(tmp_path)))
    hidden = (
        "power_w",
        "power_limit_w",
        "temperature_c",
        "clock_reasons",
        "pcie_generation",
        "pcie_width_max",
        "mig",
    )
    for field in hidden:
        assert getattr(sample, field) is None
        assert f"{field}: not supported" in gaps(sample)
    assert (sample.utilization_ratio, sample.sm_clock_mhz) == (0.93, 1590)


def test_no_power_is_not_zero_power(gpu: FakeGpu, probe_of: ProbeOf) -> None:
    gpu.set(power=0, pcie_width=0)
    sample = first(probe_of(gpu))
    assert (sample.power_w, sample.pcie_width) == (None, None)
    assert "power_w: the driver answers an impossible number, 0" in gaps(sample)


@pytest.mark.parametrize("section", ["vGPU Software Licensed Product", "GRID Licensed Product"])
@pytest.mark.parametrize(
    ("printed", "stage"),
    [
        ("Unlicensed (Unrestricted)", "unlicensed-unrestricted"),
        ("Unlicensed (Restricted)", "unlicensed-restricted"),
        ("Unlicensed", "unlicensed"),
        ("Licensed (Expiry: 2031-7-23 13:17:27 GMT)", "licensed"),
        ("Licensed", "licensed"),
    ],
)
def test_the_licence_stage_is_told_at_once(
    tmp_path: Path, probe_of: ProbeOf, section: str, printed: str, stage: str
) -> None:
    sample = first(probe_of(FakeGpu.vgpu(tmp_path, licence=printed, licence_section=section)))
    assert (sample.virtualization, sample.licence_supported) == ("vgpu", True)
    assert (sample.licence_stage, sample.licence_text) == (stage, printed)
    assert sample.licence_product == VGPU_GUEST["licence_product"]


def test_until_the_text_is_there_no_stage_is_claimed(tmp_path: Path, probe_of: ProbeOf) -> None:
    clock = Clock(probe_of(FakeGpu.vgpu(tmp_path, block="nvidia-smi")))
    sample = clock.until(lambda s: s.licence_stage is not None)
    assert (sample.licence_stage, sample.licence_text) == ("unknown", None)
    assert "licence_text: not read yet" in gaps(sample)


def test_the_licence_is_followed_through_its_stages(tmp_path: Path, probe_of: ProbeOf) -> None:
    gpu = FakeGpu.vgpu(tmp_path)
    clock = Clock(probe_of(gpu, licence_interval_s=0.1))
    clock.until(lambda s: s.licence_stage == "unlicensed-unrestricted")
    gpu.set(licence="Unlicensed (Restricted)", utilization=2)
    clock.until(lambda s: s.licence_stage == "unlicensed-restricted")
    gpu.set(licence="Licensed (Expiry: N/A)", utilization=97)
    clock.until(lambda s: s.licence_stage == "licensed")


def test_a_gpu_passed_through_is_not_called_unlicensed(gpu: FakeGpu, probe_of: ProbeOf) -> None:
    gpu.set(virtualization=1, licence_supported=1, licence="Unlicensed (Restricted)", licence_product="NVIDIA RTX")
    sample = first(probe_of(gpu))
    assert (sample.virtualization, sample.licence_stage) == ("pass-through", None)
    assert sample.licence_text == "Unlicensed (Restricted)", "the words are kept for people"


def test_bare_metal_never_runs_nvidia_smi(gpu: FakeGpu, probe_of: ProbeOf) -> None:
    (gpu.folder / "bin" / "nvidia-smi").write_text(f"#!/bin/sh\ntouch {gpu.folder}/was-run\n")
    clock = Clock(probe_of(gpu))
    for _ in range(5):
        clock.until(lambda s: s.utilization_ratio is not None)
    assert not (gpu.folder / "was-run").exists()


def test_a_driver_before_the_fourth_feature_list_is_read_by_text(tmp_path: Path, probe_of: ProbeOf) -> None:
    gpu = FakeGpu.vgpu(tmp_path, function_not_found="licence", licence="Unlicensed", not_supported="power")
    sample = first(probe_of(gpu))
    assert (sample.licence_supported, sample.licence_stage) == (None, "unlicensed")
    assert "licence_supported: function not found" in gaps(sample)


def test_a_vgpu_is_known_by_its_name_where_the_mode_is_hidden(tmp_path: Path, probe_of: ProbeOf) -> None:
    gpu = FakeGpu.vgpu(tmp_path, not_supported="virtualization", name="NVIDIA A40-8Q")
    sample = first(probe_of(gpu))
    assert (sample.virtualization, sample.licence_stage) == (None, "unlicensed-unrestricted")


@pytest.mark.parametrize(("change", "trouble"), [({"smi_fails": 1}, "ended with status 9"), ({}, "is not found")])
def test_without_the_text_the_stage_is_what_nvml_knows(
    tmp_path: Path, probe_of: ProbeOf, change: dict[str, object], trouble: str
) -> None:
    gpu = FakeGpu.vgpu(tmp_path, **change)
    if not change:
        (tmp_path / "bin" / "nvidia-smi").unlink()
    sample = first(probe_of(gpu))
    assert (sample.licence_stage, sample.licence_text) == ("unlicensed", None)
    assert any(line.startswith("licence_text:") and trouble in line for line in gaps(sample))


def test_nvidia_smi_that_hangs_delays_nothing(tmp_path: Path, probe_of: ProbeOf) -> None:
    clock = Clock(probe_of(FakeGpu.vgpu(tmp_path, block="nvidia-smi")))
    for _ in range(10):
        clock.until(lambda s: s.utilization_ratio == 0.93)
    assert clock.never_waited()


def test_a_call_that_never_returns_stops_nobody_and_is_named(gpu: FakeGpu, probe_of: ProbeOf) -> None:
    clock = Clock(probe_of(gpu))
    clock.until(lambda s: s.utilization_ratio is not None)
    hung = clock.probe.child_pid
    assert hung is not None
    gpu.set(block="utilization")
    silent = clock.until(lambda s: s.note is not None)
    assert english(silent.note) == "nvmlDeviceGetUtilizationRates has not returned for 0 s"
    assert (silent.utilization_ratio, silent.power_w, silent.name) == (None, None, BARE_METAL["name"])
    given_up = clock.until(lambda s: "was killed because it did not answer" in english(s.note))
    assert "nvmlDeviceGetUtilizationRates" in english(given_up.note)
    wait_until(lambda: not alive(hung))
    gpu.set(block="")
    clock.until(lambda s: s.utilization_ratio is not None)
    assert clock.probe.child_pid not in (None, hung)
    assert clock.notes[:2] == ["gpu-call-overdue", "gpu-reader-ended"]
    assert clock.notes[-1] == "gpu-call-returned"
    assert clock.never_waited()


def test_a_driver_that_hangs_while_it_opens_is_told_too(gpu: FakeGpu, probe_of: ProbeOf) -> None:
    gpu.set(block="init")
    note = Clock(probe_of(gpu)).until(lambda s: s.note is not None).note
    assert english(note).startswith("nvmlInit has not returned")


def test_a_driver_library_that_crashes_takes_only_the_child(gpu: FakeGpu, probe_of: ProbeOf) -> None:
    clock = Clock(probe_of(gpu))
    gpu.set(crash="power")
    note = clock.until(lambda s: s.note is not None).note
    assert "was killed by SIGABRT (in nvmlDeviceGetPowerUsage)" in english(note)
    gpu.set(crash="")
    clock.until(lambda s: s.power_w is not None)
    assert clock.notes == ["gpu-reader-ended", "gpu-call-returned"]


def test_a_slow_answer_comes_with_the_time_it_was_asked_at(gpu: FakeGpu, probe_of: ProbeOf) -> None:
    gpu.set(slow="power", slow_ms=300)
    probe = probe_of(gpu, limits=Limits(deadline_s=SOON_S))
    assert probe.read(1.0).samples == ()
    time.sleep(1.0)
    assert [s.t_s for s in gpus_of(probe.read(3.0))] == [1.0]


def test_one_slow_answer_does_not_make_all_later_ones_old(gpu: FakeGpu, probe_of: ProbeOf) -> None:
    probe = probe_of(gpu, limits=Limits(deadline_s=SOON_S), patience_s=1.0)
    first(probe)
    gpu.set(slow="power", slow_ms=1500)
    assert probe.read(10.0).samples == ()
    gpu.set(slow="")
    time.sleep(1.0)
    assert [s.t_s for s in gpus_of(probe.read(12.0))] == [12.0]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (None, "no NVIDIA driver here: libnvidia-ml.so.1 is not found"),
        ({"init_error": 9}, "the NVIDIA driver cannot be opened: driver not loaded"),
        ({"count": 0}, "the NVIDIA driver lists no GPU"),
    ],
)
def test_no_gpu_is_one_clean_sample_and_no_process(
    gpu: FakeGpu, probe_of: ProbeOf, change: dict[str, object] | None, reason: str
) -> None:
    if change is None:
        gpu.remove_library()
    else:
        gpu.set(**change)
    probe = probe_of(gpu)
    (sample,) = gpus_of(probe.read_complete(0.0, SOON_S))
    assert sample == GpuSample(t_s=0.0, index=0, source="none", note=sample.note) and english(sample.note) == reason
    assert probe.child_pid is None
    for step in range(1, 20):
        assert probe.read(ABSENT_RECHECK_S / 20 * step) == Reading()
    assert probe.child_pid is None, "it was looked for again too soon"
    wait_until(lambda: probe.read(ABSENT_RECHECK_S + 1) == Reading() and probe.child_pid is None)


def test_a_driver_that_appears_later_is_found(gpu: FakeGpu, probe_of: ProbeOf) -> None:
    gpu.set(init_error=9)
    probe = probe_of(gpu)
    first(probe)
    gpu.set(init_error=0)
    found: list[GpuSample] = []
    wait_until(lambda: bool(found.extend(gpus_of(probe.read(ABSENT_RECHECK_S + 2))) or found))
    assert found[0].source == "nvml"


def test_a_gpu_that_fell_off_the_bus_keeps_its_name(gpu: FakeGpu, probe_of: ProbeOf) -> None:
    clock = Clock(probe_of(gpu))
    clock.until(lambda s: s.utilization_ratio is not None)
    gpu.set(lost=1)
    lost = clock.until(lambda s: s.utilization_ratio is None)
    again = clock.until(lambda s: s.utilization_ratio is None)
    for sample in (lost, again):
        assert english(sample.note) == "the driver does not reach this GPU: gpu is lost"
        assert sample.name == BARE_METAL["name"]
    gpu.set(lost=0)
    clock.until(lambda s: s.utilization_ratio is not None)


def test_a_lost_gpu_does_not_hide_the_other(gpu: FakeGpu, probe_of: ProbeOf) -> None:
    gpu.set(count=2, per_gpu={0: {"lost": 1}})
    samples = gpus_of(probe_of(gpu).read_complete(1.0, SOON_S))
    assert [s.utilization_ratio for s in samples] == [None, 0.93]


def test_foreign_processes_are_named_and_not_ours(gpu: FakeGpu, probe_of: ProbeOf) -> None:
    beyond = 2**22 + 1  # above the kernel's largest PID, as a PID of another namespace may be
    foreign = subprocess.Popen(["sleep", "60"])
    try:
        gpu.set(
            processes=[(os.getpid(), 5 * 2**30), (foreign.pid, 2**30), (beyond, 2**20)],
            process_names={os.getpid(): "/usr/bin/python3"},
        )
        sample = first(probe_of(gpu, ours=lambda: {os.getpid()}))
    finally:
        foreign.kill()
        foreign.wait()
    seen = {p.pid: (p.name, p.memory_bytes, p.ours) for p in sample.processes or ()}
    assert seen == {
        os.getpid(): ("/usr/bin/python3", 5 * 2**30, True),
        foreign.pid: ("sleep", 2**30, False),
        beyond: (None, 2**20, False),
    }
    assert gaps(sample) == [f"processes: PID {beyond} is not visible here"]


@pytest.mark.parametrize("block", ["", "utilization"])
def test_the_child_ends_with_its_parent_even_while_a_call_hangs(gpu: FakeGpu, block: str) -> None:
    gpu.set(block=block)
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import time\nfrom holter.probes.gpu.gpu import GpuProbe\nprobe = GpuProbe()\nprobe.read(0.0)\n"
            "print(probe.child_pid, flush=True)\ntime.sleep(60)",
        ],
        env={**os.environ, **gpu.environment()},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    time.sleep(0.3)
    assert alive(child)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    wait_until(lambda: not alive(child))


def test_closing_ends_the_children(tmp_path: Path, probe_of: ProbeOf) -> None:
    probe = probe_of(FakeGpu.vgpu(tmp_path, block="nvidia-smi"))
    clock = Clock(probe)
    clock.until(lambda s: s.utilization_ratio is not None)
    before = {int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()}
    assert probe.child_pid in before
    probe.close()
    after = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    assert [pid for pid in after if int(pid) in before and "nvidia" in Path(f"/proc/{pid}/cmdline").read_text()] == []
    assert not any(alive(pid) for pid in before if pid == clock.probe.child_pid)


def test_the_child_is_small(gpu: FakeGpu, probe_of: ProbeOf) -> None:
    probe = probe_of(gpu)
    first(probe)
    status = Path(f"/proc/{probe.child_pid}/status").read_text()
    rss_kib = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    assert rss_kib * 1024 < CHILD_RSS_MAX_BYTES


def test_a_script_is_shown_as_simulated_and_read_again_when_it_changes(tmp_path: Path) -> None:
    script = tmp_path / "gpu.json"
    state = {"name": "GRID T4-8Q", "virtualization": "vgpu", "utilization_ratio": 0.97, "unread": ["power_w: none"]}
    script.write_text(json.dumps(state))
    probe = GpuProbe(environment={"HOLTER_GPU_SCRIPT": str(script)})
    (sample,) = gpus_of(probe.read(3.0))
    assert (sample.t_s, sample.index, sample.source, sample.utilization_ratio) == (3.0, 0, "simulated", 0.97)
    assert gaps(sample) == ["power_w: none"]
    script.write_text("\n".join(json.dumps({**state, "utilization_ratio": u}) for u in (0.1, 0.2)))
    later = gpus_of(probe.read(4.0))
    assert [(s.t_s, s.index, s.utilization_ratio) for s in later] == [(4.0, 0, 0.1), (4.0, 1, 0.2)]
    assert probe.child_pid is None


@pytest.mark.parametrize("broken", ["{", '{"speed": 3}', '{"utilization_ratio": "much"}', "7"])
def test_a_script_that_makes_no_sense_leaves_the_last_state(tmp_path: Path, broken: str) -> None:
    script = tmp_path / "gpu.json"
    script.write_text('{"utilization_ratio": 0.5}')
    probe = GpuProbe(script=script)
    probe.read(1.0)
    fresh = tmp_path / "fresh.json"
    fresh.write_text(broken)
    fresh.replace(script)
    reading = probe.read(2.0)
    assert [s.utilization_ratio for s in gpus_of(reading)] == [0.5]
    assert [getattr(event, "what", None) for event in reading.events] == ["gpu-script-unreadable"]
    assert probe.read(3.0).events == (), "one remark is enough"
