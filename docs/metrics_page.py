"""Prints docs/metrics.md: `make docs`."""

from __future__ import annotations

from holter.reports.catalogue import phrase
from holter.views.metrics import alerts, names

HEAD = """# Metrics: Prometheus, alerts, Grafana

Made by `make docs`; a test fails if this page is not up to date. `pip install '.[metrics]'` in Holter's clone
brings what is needed (prometheus-client).

```sh
holter run --metrics 9109 -- nnUNetv2_train 4 3d_fullres 0      # http://127.0.0.1:9109/metrics
holter train 4 3d_fullres 0 --metrics textfile:/var/lib/prometheus/node-exporter
holter attach 4711 --metrics 0                                  # any free port; the line on stderr names it
holter metrics alerts > holter.rules.yml                        # rules for Prometheus
holter metrics dashboard > holter.json                          # for Grafana: Dashboards, New, Import
```

`--metrics` may be given several times (`HOLTER_METRICS=9109,textfile:FOLDER`: [settings](settings.md)). A process of
its own reads the tape and nothing else: a driver that hangs cannot hang it, and an error in it is one line on stderr,
never an error of the training. It ends with the run, also if Holter is killed. It costs under 0.1 % of a core at a
scrape every 15 s, and 38 MB (`python -m benchmarks.views.metrics`, twelve workers, two cores that others kept busy).

## On a port

- The port is open on 127.0.0.1 only. `--metrics ADDRESS:PORT` opens it elsewhere (`0.0.0.0:9109`: everywhere), and
  Holter says so: there is no password. The answer has names of data sets and numbers; no case, no path, no user.
- If the port is in use, Holter says so in one line, and the training goes on without metrics. For several trainings on
  one machine take `--metrics 0` or a text file.
- When the run ends the port is closed, so Prometheus does not see how it ended. `HolterRunVanished` tells of a run that
  is gone before its last epoch. Take a text file if the cause of a death shall be in the alert.

```yaml
# prometheus.yml
scrape_configs:
  - job_name: holter
    static_configs: [{targets: ["127.0.0.1:9109"]}]
rule_files: [holter.rules.yml]
```

## In a text file for the node exporter

- One file a run, `holter-RUN.prom`, written every 15 s and replaced at once, so that it is never half-written. Any
  number of trainings may share the folder. It must exist: Holter waits for it and says so.
- A run that finishes removes its file. If it ends in any other way (dead, stopped, recorder killed), what stays true is
  left: state, causes, counters, `holter_run_end_timestamp_seconds`, and nothing that was only true while it ran. The
  next run of the fold removes that file, and any run removes those that are older than three days.
- `node_textfile_mtime_seconds` shows how old a file is.

```sh
# The node exporter, with the folder that Debian's package has by default:
prometheus-node-exporter --collector.textfile.directory=/var/lib/prometheus/node-exporter
```

The user who trains must be able to write there: `install -d -m 2775 -g GROUP FOLDER`.

Under Slurm the file must be on the node that trains, in the folder that the exporter of this node reads; the place of a
port would have to be known to Prometheus before. Add it to the script of [healing](healing.md#schedulers):

```sh
holter train 4 3d_fullres $SLURM_ARRAY_TASK_ID --metrics textfile:/var/lib/prometheus/node-exporter & pid=$!
```

As a service of systemd, which ends it by SIGTERM: Holter saves, and the code 75 counts as success.

```ini
# /etc/systemd/system/fold@.service: systemctl start fold@0
[Service]
User=you
ExecStart=/home/you/env/bin/holter train 4 3d_fullres %i --metrics textfile:/var/lib/prometheus/node-exporter
EnvironmentFile=/home/you/nnunet.env
SuccessExitStatus=75
TimeoutStopSec=10min
```

"""

TABLE = """## The metrics

At most {most} series a run, none of them for a process. Each has the label `run`, for example
`Dataset004-3d_fullres-fold0-3fa91c`; `holter_run_info` says what that is. Names and labels do not change without a
line in the changelog. Moments are Unix timestamps, so that an age goes on to grow when nobody writes it:
`time() - holter_last_step_timestamp_seconds`. What is not known has no series.

| metric | kind | labels | series | meaning |
|---|---|---|---|---|
"""

STATES = """
The states are those of `holter list` and of the JSON: {states}.
"""

STUDY = """
## Of a whole study

`holter study run … --metrics textfile:FOLDER` writes one file for the study every two minutes,
`holter-study-DATASETS-….prom`, beside those of its trainings. When everything is done it is removed; else its last
state stays. Instead of `run` the label is `study`.

| metric | kind | labels | series | meaning |
|---|---|---|---|---|
"""

ALERTS = """
## The alerts

`holter metrics alerts` writes them; `--lang zh` in Chinese. There is one alert for each cause, such as
`HolterFrozenWorker`, with the first sentence of `holter explain frozen-worker` and that command. It fires when an
incident of this cause has been open for {lasts}: what heals before wakes nobody. `promtool` tests each of them on the
tape of its fault, where there is one, and all of them on tapes of healthy trainings. With `group_by: [run]` in the
Alertmanager, a death and its cause are one message. And these:

| alert | after | severity | meaning |
|---|---|---|---|
"""

TAIL = """
## Questions

- Share of the time that waits for data: `rate(holter_data_wait_seconds_total[10m]) /
  (rate(holter_data_wait_seconds_total[10m]) + rate(holter_compute_seconds_total[10m]))`.
- Time left: `(holter_epochs_planned - holter_epochs_completed) * holter_epoch_duration_seconds`.
- Incidents of a week: `sum by (cause) (increase(holter_incidents_total[7d]))`.
- Which run is it: `holter_run_state == 1 and on (run) holter_run_info{dataset="Dataset004_Hippocampus"}`, or with its
  labels: `holter_loss * on (run) group_left (dataset, fold) holter_run_info`.
"""


def page() -> str:
    """The whole page."""
    rows = "".join(
        f"| `{metric.name}` | {metric.kind} | {', '.join(f'`{label}`' for label in metric.labels)} | {metric.most} | "
        f"{metric.help} |\n"
        for metric in names.METRICS
    )
    warnings = "".join(
        f"| `{alert.name}` | {alert.lasts} | {'by kind' if alert.severity == alerts.SEVERITY else alert.severity} | "
        f"{phrase(alert.description, 'en')} |\n"
        for alert in alerts.RUN_ALERTS
    )
    rows_of_study = "".join(
        f"| `{metric.name}` | {metric.kind} | {', '.join(f'`{label}`' for label in metric.labels)} | {metric.most} | "
        f"{metric.help} |\n"
        for metric in names.STUDY_METRICS
    )
    states = STATES.format(states=", ".join(f"`{state}`" for state in names.STATES))
    return (
        HEAD
        + TABLE.format(most=names.MOST_SERIES)
        + rows
        + states
        + STUDY
        + rows_of_study
        + ALERTS.format(lasts=alerts.LASTS)
        + warnings
        + TAIL
    )


if __name__ == "__main__":
    print(page(), end="")
