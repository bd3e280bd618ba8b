"""The table of all metrics. Users' alerts and dashboards depend on the names, so they never change.

Values are in base units, and counters end in ``_total``. Moments are Unix timestamps and not ages, because an age that
is no longer updated would look healthy. There is no series per PID, case or path. ``docs/reference/metrics.md`` is made
from this table.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

from holter.reports.outcome import State
from holter.sentences import define_all

# The same words as on the terminal and in JSON; one of these is 1, the others are 0.
STATES: tuple[str, ...] = get_args(State)
# Of the trainings of a study, as ``holter study`` shows them.
STUDY_STATES = ("done", "running", "unfinished", "missing", "broken", "blocked")
# An episode without a likely cause.
UNKNOWN = "unknown"
# In place of the causes, actions and GPUs beyond those that are shown.
OTHER = "other"
MOST_GPUS = 4
MOST_CAUSES = 7
MOST_OPEN = 5
MOST_HEALS = 6
MOST_SERIES = 60

Kind = Literal["gauge", "counter"]


class Metric(NamedTuple):
    """One metric; ``most`` is the largest number of series that it can have in one run."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()  # besides ``run``
    most: int = 1


INFO = Metric(
    "holter_run_info", "gauge", "Always 1; the labels say what is trained. A label is empty if it is not known.",
    ("dataset", "configuration", "fold", "trainer", "plans", "host", "slurm_job", "version"),
)  # fmt: skip
STATE = Metric(
    "holter_run_state", "gauge", "1 for the state that the run is in, 0 for the others.", ("state",), len(STATES)
)
STARTED = Metric("holter_run_start_timestamp_seconds", "gauge", "When the recording started.")
ENDED = Metric("holter_run_end_timestamp_seconds", "gauge", "When the run ended; only there after its end.")
TAPE = Metric(
    "holter_tape_timestamp_seconds", "gauge",
    "When the newest reading on the tape was made; the recorder makes one each second.",
)  # fmt: skip
STEP = Metric(
    "holter_last_step_timestamp_seconds", "gauge",
    "When the main process last finished a piece of work: a step, a checkpoint, a validated case.",
)  # fmt: skip
STEPS = Metric("holter_steps_total", "counter", "Batches that the training has taken, restarts included.")
EPOCH = Metric("holter_epoch", "gauge", "The epoch that is trained now, counted from 0 as nnU-Net does.")
COMPLETED = Metric("holter_epochs_completed", "gauge", "Complete epochs, those of earlier calls of the fold included.")
PLANNED = Metric("holter_epochs_planned", "gauge", "Epochs that the trainer plans.")
EPOCH_S = Metric("holter_epoch_duration_seconds", "gauge", "Duration of the last complete epoch.")
WAITED = Metric("holter_data_wait_seconds_total", "counter", "Time that steps have waited for their batch.")
COMPUTED = Metric("holter_compute_seconds_total", "counter", "Time that steps have spent on everything else.")
LOSS = Metric("holter_loss", "gauge", "Mean loss of the last complete epoch; NaN if it was not finite.", ("part",), 2)
DICE = Metric("holter_pseudo_dice_ratio", "gauge", "Mean pseudo Dice of the last complete epoch.")
WORKERS = Metric("holter_data_workers", "gauge", "Data worker processes that live. 0 with Holter's own loader.")
EXPECTED = Metric("holter_data_workers_expected", "gauge", "Data worker processes that the training has started.")
STALLED = Metric("holter_stalled_seconds_total", "counter", "Time in stalls, from their start.")
INCIDENTS = Metric(
    "holter_incidents_total", "counter",
    f"Incidents by cause; without a likely cause after one minute: {UNKNOWN}. Later causes of many: {OTHER}.",
    ("cause",), MOST_CAUSES + 1,
)  # fmt: skip
OPEN = Metric(
    "holter_incident_open", "gauge",
    "Incidents that are not over, by kind (stall, slow-down, death, creep, unsaved, diverged) and cause.",
    ("kind", "cause"), MOST_OPEN,
)  # fmt: skip
HEALS = Metric(
    "holter_heals_total", "counter",
    "Actions of Holter; the outcome is done, failed, or proposed (what --heal would do).",
    ("action", "outcome"), MOST_HEALS + 1,
)  # fmt: skip
GPU = Metric(
    "holter_gpu_utilization_ratio", "gauge",
    f"Mean utilization in the last minute of the run's GPUs, the first {MOST_GPUS} of them.", ("gpu",), MOST_GPUS,
)  # fmt: skip
GPU_MEMORY = Metric("holter_gpu_memory_used_bytes", "gauge", "Memory used on these GPUs.", ("gpu",), MOST_GPUS)
UNLICENSED = Metric("holter_gpu_unlicensed", "gauge", "1 if a vGPU has no licence; only there if the GPU needs one.")

METRICS = (
    INFO, STATE, STARTED, ENDED, TAPE, STEP, STEPS, EPOCH, COMPLETED, PLANNED, EPOCH_S, WAITED, COMPUTED, LOSS, DICE,
    WORKERS, EXPECTED, STALLED, INCIDENTS, OPEN, HEALS, GPU, GPU_MEMORY, UNLICENSED,
)  # fmt: skip
# Of a whole study; the label is ``study`` in place of ``run``.
STUDY_TRAININGS = Metric(
    "holter_study_trainings", "gauge", "Trainings of the study by state.", ("state",), len(STUDY_STATES)
)
STUDY_LEFT = Metric(
    "holter_study_left_seconds", "gauge", "Training time that is left, of the trainings whose epochs are known."
)
STUDY_ODD = Metric("holter_study_odd_trainings", "gauge", "Trainings that differ from the other folds.")
STUDY_INCIDENTS = Metric("holter_study_incidents", "gauge", "Times that a training did not go on.")
STUDY_LOST = Metric(
    "holter_study_lost_seconds", "gauge", f"Time lost in ended calls, by cause; without a likely cause: {UNKNOWN}.",
    ("cause",), MOST_CAUSES,
)  # fmt: skip
STUDY_ENERGY = Metric("holter_study_energy_joules", "gauge", "Energy of the GPUs, where their driver tells it.")
STUDY_SEEN = Metric("holter_study_timestamp_seconds", "gauge", "When these numbers were read.")
STUDY_METRICS = (
    STUDY_TRAININGS, STUDY_LEFT, STUDY_ODD, STUDY_INCIDENTS, STUDY_LOST, STUDY_ENERGY, STUDY_SEEN,
)  # fmt: skip
# In the file of a run that has ended: what stays true, and nothing that only was true.
AFTER_THE_END = (INFO, STATE, STARTED, ENDED, STEPS, COMPLETED, PLANNED, WAITED, COMPUTED, STALLED, INCIDENTS, OPEN,
                 HEALS)  # fmt: skip


def key(metric: Metric) -> str:
    """Return the key of the sentence that says what a metric means; Prometheus gets it in English."""
    return f"metric.{metric.name.removeprefix('holter_')}"


define_all({key(metric): metric.help for metric in (*METRICS, *STUDY_METRICS)})
