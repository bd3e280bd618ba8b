"""What kind of run it is: what is not seen of a machine is not always missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from holter.causes import judged
from holter.evidence import collect
from holter.evidence.scope import shows_nnunet
from holter.records import Beat, Environment, Episode, GpuSample, Noted, PhaseChanged, ProcessSample, Tick
from holter.reports.cause_words import is_weighed
from holter.tape import Recording, read


@pytest.mark.parametrize(("device", "gpu"), [("cuda:0", True), ("mps", True), ("cpu", False), (None, False)])
def test_a_gpu_that_the_trainer_computes_on_is_there_whatever_the_nvidia_driver_says(device, gpu):
    """With ROCm the device is cuda, and there is no NVML."""
    none = GpuSample(t_s=9.0, index=0, source="none", note="no NVIDIA driver here")
    main = ProcessSample(t_s=9.0, pid=1, role="main", state="R")
    recording = Recording(
        all_ticks=(Tick(t_s=9.0, processes=(main,), gpus=(none,)),),
        environment=Environment(wall_start="", device=device),
    )
    found = collect(recording, Episode(kind="stall", start_s=5.0, alarm_s=9.0, pid=1))
    assert found.fact("scope.gpu").value is gpu


@pytest.mark.parametrize(
    ("names", "gpu"), [(("bash",), False), (("bash", "python3"), None), (("nnUNetv2_train",), None), ((), None)]
)
def test_a_shell_that_ended_before_the_gpu_was_read_had_none(names, gpu):
    processes = tuple(
        ProcessSample(t_s=0.1, pid=number, name=name, role="main" if number == 1 else "other")
        for number, name in enumerate(names, start=1)
    )
    recording = Recording(
        all_ticks=(Tick(t_s=0.1, processes=processes),),
        environment=Environment(wall_start="", command=("bash", "-c", "exit 3"), container="docker"),
    )
    episode = Episode(kind="death", start_s=0.2, alarm_s=0.2, pid=1)
    found = collect(recording, episode)
    assert found.fact("scope.gpu").value is gpu
    lost = next(verdict for verdict in judged(found, episode).verdicts if verdict.cause == "container-lost-gpu")
    assert (lost.verdict == "excluded") is (gpu is False)
    assert not is_weighed(lost) or gpu is False


@pytest.mark.parametrize(
    ("variables", "job"),
    [
        ((("OMP_NUM_THREADS", "1"),), False),
        ((("PBS_JOBID", "12.server"),), True),
        ((("KUBERNETES_SERVICE_HOST", "10.0.0.1"),), True),
        ((), None),
    ],
)
def test_a_job_shows_in_its_variables(variables, job):
    main = ProcessSample(t_s=9.0, pid=1, role="main", state="R")
    environment = Environment(wall_start="", variables=variables)
    recording = Recording(all_ticks=(Tick(t_s=9.0, processes=(main,)),), environment=environment)
    found = collect(recording, Episode(kind="death", start_s=9.0, alarm_s=9.0, pid=1))
    assert found.fact("scope.job").value is job


@pytest.mark.parametrize(("notes", "nnunet"), [((), True), ((Noted(t_s=1.0, what="dataloader-training"),), False)])
def test_the_steps_of_a_dataloader_do_not_make_a_training_nnunets(notes, nnunet):
    main = ProcessSample(t_s=9.0, pid=1, role="main", state="R")
    beat = Beat(t_s=9.0, pid=1, role="main", phase="train", steps_total=5, progress_total=5)
    events = (*notes, PhaseChanged(t_s=1.0, phase="train", epoch=0))
    recording = Recording(
        all_ticks=(Tick(t_s=9.0, processes=(main,), beats=(beat,), events=events),),
        environment=Environment(wall_start="", command=("python", "train.py")),
    )
    found = collect(recording, Episode(kind="death", start_s=9.0, alarm_s=9.0, pid=1))
    assert found.fact("scope.nnunet").value is nnunet
    assert found.fact("scope.training").value is True


KEPT = Path(__file__).parent.parent / "tapes/frozen_worker/fault.holter"


@pytest.mark.parametrize(
    ("command", "with_stacks", "shown"),
    [
        (("python", "train.py"), True, True),
        (("python", "-m", "ipykernel_launcher"), False, False),
        (("nnUNetv2_train", "4", "3d_fullres", "0"), False, True),
    ],
)
def test_a_stack_or_a_command_shows_nnunet_where_no_step_was_seen(command, with_stacks, shown):
    kept = read(KEPT)
    recording = Recording(
        all_stacks=kept.all_stacks if with_stacks else (),
        environment=Environment(wall_start="", command=command),
    )
    assert shows_nnunet(recording) is shown
