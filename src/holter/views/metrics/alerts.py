"""Alert rules for Prometheus: one for each cause, with the sentence of ``holter explain``, and some for whole runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from holter.causes import CAUSES
from holter.detectors.starved import STARVED_RATIO
from holter.records import Message, Text
from holter.reports.catalogue import Lang, phrase
from holter.sentences import define
from holter.views.metrics import names
from holter.views.metrics.yaml_text import yaml_text

RUN = "{{ $labels.run }}"
# Shorter ones are over, by themselves or by ``--heal``, before anybody could look.
LASTS = "30s"
UNNAMED_FOR = "1m"
# The recorder writes each second; a scrape of a text file may be a minute old.
SILENT_S = 120
NO_STEP_S = 1800
# Of a run that is gone the last numbers are looked up for so long; after that the alert is over.
GONE_FOR = "30m"
# Only what the training cannot do without wakes somebody.
SEVERITY = '{{ if or (eq $labels.kind "slow-down") (eq $labels.kind "creep") }}warning{{ else }}critical{{ end }}'
DIAGNOSE = "holter diagnose"

OF_CAUSE = define("alert.of-cause", "{run}: {title}")
UNEXPLAINED = define("alert.unexplained", "{run}: {kind}, and the cause is not known")
UNEXPLAINED_TEXT = define(
    "alert.unexplained.text", "Something is wrong with this training, and Holter has named no cause so far."
)
DIED = define("alert.died", "{run}: the training has died")
DIED_TEXT = define("alert.died.text", "The training ended before its planned end. Holter does not start it again.")
GAVE_UP = define("alert.gave-up", "{run}: healing did not help")
GAVE_UP_TEXT = define(
    "alert.gave-up.text", "Holter has tried what it can, and stopped the training: a person must look."
)
NOT_BACK = define("alert.not-back", "{run} does not come back after a restart")
NOT_BACK_TEXT = define(
    "alert.not-back.text",
    "For a quarter of an hour Holter has been starting the training again: it waits for something, or the start hangs.",
)
VANISHED = define("alert.vanished", "{run} is gone before its last epoch")
VANISHED_TEXT = define(
    "alert.vanished.text", "The metrics of this run have ended, and its epochs were not complete when last seen."
)
SILENT = define("alert.silent", "{run} is not recorded")
SILENT_TEXT = define(
    "alert.silent.text",
    "The recorder is dead or stopped, or its disk is full. The training may still run, but nobody watches it.",
)
NO_STEP = define("alert.no-step", "{run}: no step for {{{{ $value | humanizeDuration }}}}")
NO_STEP_TEXT = define("alert.no-step.text", "The training has done no step for half an hour, and no alarm is open.")
STARVED = define("alert.starved", "{run} waits for data {{{{ $value | humanizePercentage }}}} of the time")
STARVED_TEXT = define(
    "alert.starved.text", "The steps wait for their batches longer than they compute: the GPU does not get enough data."
)
UNLICENSED = define("alert.unlicensed", "{run}: the vGPU has no licence")
UNLICENSED_TEXT = define(
    "alert.unlicensed.text", "A vGPU without a licence is slowed down after about 20 minutes, until nothing moves."
)


class Alert(NamedTuple):
    name: str
    expr: str
    lasts: str
    severity: str
    summary: Text
    description: Text
    command: str

    def rule(self, lang: Lang) -> dict[str, Any]:
        """Return the rule in the form of a Prometheus rule file, as plain data."""
        return {
            "alert": self.name,
            "expr": self.expr,
            "for": self.lasts,
            "labels": {"severity": self.severity},
            "annotations": {
                "summary": phrase(self.summary, lang),
                "description": phrase(self.description, lang),
                "command": self.command,
            },
        }


def alerts() -> Iterator[Alert]:
    """Yield all alerts: those of runs, then those of causes."""
    yield from RUN_ALERTS
    for cause in CAUSES:
        yield _of_cause(cause)


def alert_rules(lang: Lang) -> str:
    """Return the rule file for Prometheus, as YAML; summaries are in this language."""
    rules = [alert.rule(lang) for alert in alerts()]
    count = len(RUN_ALERTS)
    groups = [{"name": "holter-runs", "rules": rules[:count]}, {"name": "holter-causes", "rules": rules[count:]}]
    return yaml_text({"groups": groups})


def alert_name(cause: str) -> str:
    """Return ``HolterFrozenWorker`` for ``frozen-worker``."""
    return "Holter" + "".join(word.capitalize() for word in cause.split("-"))


def _of_cause(cause: str) -> Alert:
    return Alert(
        alert_name(cause),
        _open_of(cause),
        LASTS,
        SEVERITY,
        OF_CAUSE(run=RUN, title=Message(key=f"cause.{cause}.title")),
        Message(key=f"cause.{cause}.meaning"),
        f"holter explain {cause}",
    )


def _open_of(cause: str) -> str:
    # Not while Holter starts the training again, which takes longer than LASTS; HolterNotBack watches that.
    return f'{names.OPEN.name}{{cause="{cause}"}} > 0 unless on (run) {_in_state("restarting")}'


def _in_state(*states: str) -> str:
    matcher = f'="{states[0]}"' if len(states) == 1 else f'=~"{"|".join(states)}"'
    return f"{names.STATE.name}{{state{matcher}}} == 1"


_WAITED, _COMPUTED = (f"rate({metric.name}[10m])" for metric in (names.WAITED, names.COMPUTED))
_DONE, _PLANNED = (f"last_over_time({metric.name}[{GONE_FOR}])" for metric in (names.COMPLETED, names.PLANNED))

# The end of an attached training is often not seen: with all its epochs it is no death.
_DEAD = (
    f"{_in_state('dead', 'incomplete')} or on (run) ({_in_state('end-unseen')} "
    f"and on (run) {names.COMPLETED.name} < {names.PLANNED.name})"
)

RUN_ALERTS = (
    Alert("HolterTrainingDied", _DEAD, "0s", "critical", DIED(run=RUN), DIED_TEXT(), DIAGNOSE),
    Alert("HolterHealsExhausted", _in_state("gave-up"), "0s", "critical", GAVE_UP(run=RUN), GAVE_UP_TEXT(), DIAGNOSE),
    Alert(
        "HolterNotBack",
        _in_state("restarting"),
        "15m",
        "critical",
        NOT_BACK(run=RUN),
        NOT_BACK_TEXT(),
        DIAGNOSE,
    ),
    Alert(
        # The last epoch may end between two scrapes.
        "HolterRunVanished",
        f"{_DONE} + 1 < {_PLANNED} unless on (run) {names.INFO.name}",
        "2m",
        "warning",
        VANISHED(run=RUN),
        VANISHED_TEXT(),
        DIAGNOSE,
    ),
    Alert(
        "HolterRecorderSilent",
        f"time() - {names.TAPE.name} > {SILENT_S} or on (run) {_in_state('cut')}",
        "1m",
        "critical",
        SILENT(run=RUN),
        SILENT_TEXT(),
        "holter attach PID",
    ),
    Alert(
        "HolterNoStep",
        f"time() - {names.STEP.name} > {NO_STEP_S} and on (run) {_in_state('running')}",
        "5m",
        "critical",
        NO_STEP(run=RUN),
        NO_STEP_TEXT(),
        DIAGNOSE,
    ),
    Alert(
        "HolterDataStarved",
        f"{_WAITED} / ({_WAITED} + {_COMPUTED}) > {STARVED_RATIO} and on (run) {_in_state('running', 'troubled')}",
        "10m",
        "warning",
        STARVED(run=RUN),
        STARVED_TEXT(),
        "holter explain cpu-starved-augmentation",
    ),
    Alert(
        "HolterGpuUnlicensed",
        f"{names.UNLICENSED.name} == 1",
        "1m",
        "critical",
        UNLICENSED(run=RUN),
        UNLICENSED_TEXT(),
        "holter explain vgpu-unlicensed",
    ),
    Alert(
        "HolterUnexplained",
        _open_of(names.UNKNOWN),
        UNNAMED_FOR,
        SEVERITY,
        UNEXPLAINED(run=RUN, kind="{{ $labels.kind }}"),
        UNEXPLAINED_TEXT(),
        DIAGNOSE,
    ),
)
