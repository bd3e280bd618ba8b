"""Checks of container, virtual machine, Slurm allocation and clock."""

from __future__ import annotations

from holter.doctor.checks.results import go, not_applicable, number, result, unknown
from holter.doctor.records import Result, Survey
from holter.sentences import define_all

define_all(
    {
        "doctor.container.title": "container",
        "doctor.virtual-machine.title": "virtual machine",
        "doctor.slurm.title": "Slurm",
        "doctor.clock.title": "clock",
        "doctor.container.none": "none",
        "doctor.container.inside": "{kind}",
        "doctor.virtual-machine.none": "none",
        "doctor.virtual-machine.unnamed": "yes, of unknown kind",
        "doctor.virtual-machine.inside": "{kind}",
        "doctor.virtual-machine.wsl": (
            "WSL2: memory is capped by .wslconfig, /mnt/c is slow, and pinned memory is limited."
        ),
        "doctor.virtual-machine.wsl.do": "Raise memory= in .wslconfig, and keep the data inside the Linux file system.",
        "doctor.slurm.no-job": "not in a Slurm job",
        "doctor.slurm.go": "{cpus} cores, memory {memory:bytes}",
        "doctor.slurm.cores": "{cpus} cores",
        "doctor.slurm.memory": "memory {memory:bytes}",
        "doctor.slurm.no-limits": "in a Slurm job",
        "doctor.slurm.fewer-cpus": "The job asked for {asked} cores, but only {cpus} may be used.",
        "doctor.slurm.fewer-cpus.do": "Start with srun --cpus-per-task, or ask the administrator how cores are bound.",
        "doctor.slurm.not-bound": (
            "The job asked for {asked} cores, but is not bound to them: it uses {cpus}, which slows other jobs."
        ),
        "doctor.slurm.not-bound.do": "Start as many workers as cores were requested.",
        "doctor.slurm.time": "The job ends in {left:duration}; 1000 epochs of a minute take 17 hours.",
        "doctor.slurm.time.do": (
            "holter train saves in time when Slurm sends SIGUSR1 (sbatch --signal=B:USR1@300 --requeue)."
        ),
        "doctor.clock.go": "synchronised[[ ({source})]]",
        "doctor.clock.free-running": "no clock synchronisation is visible from here[[ ({source})]]",
        "doctor.clock.unsynchronised": "The clock is not synchronised[[ ({source})]], and the GPU needs a licence.",
        "doctor.clock.unsynchronised.do": "Synchronise the time: a wrong clock makes a vGPU licence invalid.",
        "doctor.clock.slow": "The clock source is {source}: every read of the time is a slow system call.",
        "doctor.clock.slow.do": "Use tsc (or kvm-clock); see dmesg for why the kernel rejected it.",
        "doctor.clock.uncertain": "The clock may be wrong by {seconds:duration}.",
        "doctor.clock.uncertain.do": "Synchronise the time (chrony, systemd-timesyncd).",
    }
)

# The kernel falls back to these clock sources if it does not trust the processor's own; reading them is slow.
SLOW_CLOCKS = ("hpet", "acpi_pm", "jiffies")
CLOCK_ERROR_S = 5.0
# 1000 epochs of a minute: most trainings need about a day.
DAY_S = 24 * 3600
HOUR_S = 3600
LITTLE_TIME_S = HOUR_S
SLURM_MEMORY = 1 << 20  # SLURM_MEM_PER_NODE counts MiB


def container(survey: Survey) -> Result:
    kind = survey.environment.container if survey.environment else None
    if kind is None:
        return unknown("container", "not-read")
    return go("container", "none" if kind == "none" else "inside", kind=kind)


def virtual_machine(survey: Survey) -> Result:
    """Report the kind of virtual machine; WSL has limits of its own."""
    kind = survey.environment.virtual_machine if survey.environment else None
    if kind is None:
        return unknown("virtual-machine", "cpu-silent")
    if kind == "wsl":
        return result("warn", "virtual-machine", "wsl")
    return go("virtual-machine", kind if kind in ("none", "unnamed") else "inside", kind=kind)


def slurm(survey: Survey) -> Result:
    """Check the Slurm allocation against the usable cores, and its time limit."""
    variables = survey.variables
    if not variables.get("SLURM_JOB_ID"):
        return not_applicable("slurm", "no-job")
    cpus = _count(variables.get("SLURM_CPUS_PER_TASK") or variables.get("SLURM_CPUS_ON_NODE"))
    effective = survey.cgroup.effective_cpus if survey.cgroup else None
    if cpus is not None and effective is not None and effective < cpus:
        return result("warn", "slurm", "fewer-cpus", asked=cpus, cpus=number(effective))
    if cpus is not None and effective is not None and effective > cpus:
        setting = f"export nnUNet_n_proc_DA={cpus}"
        return result("warn", "slurm", "not-bound", setting=setting, asked=cpus, cpus=number(effective))
    end, now = survey.machine.job_end_unix_s, survey.machine.taken_unix_s
    if end is not None and now is not None and end - now < DAY_S:
        left = max(0.0, end - now)
        hours = round(left / HOUR_S, 1)
        return result("no-go" if left < LITTLE_TIME_S else "warn", "slurm", "time", left=left, hours=hours)
    memory = _count(variables.get("SLURM_MEM_PER_NODE"))
    values = {"cpus": cpus or None, "memory": memory * SLURM_MEMORY if memory else None}
    if cpus:
        return go("slurm", "go" if memory else "cores", **values)
    return go("slurm", "memory" if memory else "no-limits", **values)


def clock(survey: Survey) -> Result:
    """Check that the clock is synchronised and quick to read."""
    machine, source = survey.machine, survey.host.clock_source if survey.host else None
    if source in SLOW_CLOCKS:
        return result("warn", "clock", "slow", source=source)
    if machine.clock_synchronised is None:
        return unknown("clock", "no-adjtimex")
    if not machine.clock_synchronised:
        if any(gpu.virtualization == "vgpu" for gpu in survey.gpus):
            return result("warn", "clock", "unsynchronised", setting="timedatectl status", source=source)
        # If the host keeps its guests' time, a guest cannot see it.
        return result("unknown", "clock", "free-running", source=source)
    if machine.clock_error_s is not None and machine.clock_error_s > CLOCK_ERROR_S:
        return result("warn", "clock", "uncertain", seconds=machine.clock_error_s, setting="timedatectl status")
    return go("clock", source=source)


def _count(text: str | None) -> int | None:
    try:
        return int(text) if text else None
    except ValueError:
        return None


CHECKS = (container, virtual_machine, slurm, clock)
