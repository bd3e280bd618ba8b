"""What a local queue says of its trainings."""

from __future__ import annotations

from holter.sentences import define

STARTED = define(
    "study.started",
    "started {name} in slot {slot} (PID {pid}[[, {count} data workers]]): {console}",
    one="started {name} in slot {slot} (PID {pid}[[, {count} data worker]]): {console}",
)
GIVEN = define("study.given", "given to the cluster: {name}: {console}")
GOES_ON_ELSEWHERE = define("study.runs-already", "{name} runs already[[ ({why})]]; it is not started again")
ALONE = define(
    "study.goes-on-alone",
    "{name}: its Holter was killed, and the training goes on; it is continued if it ends before its last epoch",
)
DONE = define("study.job-done", "done: {name}")
AGAIN = define("study.job-again", "stopped before its end: {name}; it is continued later")
ASIDE = define("study.job-aside", "set aside: {name}: {why}")
TOO_OFTEN = define("study.stopped-too-often", "it was stopped and started again {count} times")
EXIT_CODE = define("study.exit-code", "exit code {code}[[: {line}]]")
ERROR = define("study.error", "[[{id}: ]]{what}")
NOT_DONE = define(
    "study.ended-not-done", "it ended with exit code 0, but there is no final checkpoint with a validation"
)
CANNOT_START = define("study.cannot-start", "it cannot be started: {why}")
NO_REASON = define("study.no-reason", "started by another call, it gave up or ended before its last epoch")
IN_BROKEN = define("study.is-broken", "broken before: {name}[[: {why:clause}]]; --retry starts it again")
STOPPING = define(
    "study.stopping",
    "{count} trainings are asked to save and end; Ctrl-C again kills them",
    one="{count} training is asked to save and end; Ctrl-C again kills it",
)
OTHERS_GO_ON = define(
    "study.others-go-on",
    "{count} trainings of other calls, or without their Holter, go on: {names}",
    one="{count} training of another call, or without its Holter, goes on: {names}",
)
KILLED = define("study.killed", "killed; the same command continues from the last checkpoints")
STOPPED = define("study.stopped", "stopped; the same command continues")
