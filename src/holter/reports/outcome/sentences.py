"""Sentences about what became of a run."""

from __future__ import annotations

from holter.records import EpisodeKind
from holter.sentences import Sentence, define

# Two sentences after each other.
BOTH = define("outcome.both", "{first} {second}")

EPOCHS = define("outcome.epochs", "{count} epochs", one="{count} epoch")
EPOCHS_OF = define("outcome.epochs-of", "{done} of {planned} epochs")
EPOCH = define("outcome.epoch", "epoch {epoch}[[ of {planned}]]")

RUNNING = define("outcome.running", "Running[[: {place}]].")
RESTARTING = define("outcome.restarting", "Being restarted[[ since {at}]][[: {what:clause}]].")
FINISHED = define("outcome.finished", "Finished[[: {epochs}]].")
ENDED_EARLY = define(
    "outcome.ended-early", "Ended[[ at {at}]] before its last epoch[[, after {epochs}]][[: {what:clause}]].[[ {sure}]]"
)
STOPPED_BY_HAND = define("outcome.stopped", "Stopped by hand[[ at {at}]][[, after {epochs}]].")
REQUEUED = define(
    "outcome.requeue", "Saved and stopped as asked[[ at {at}]][[, after {epochs}]]; it can be started again."
)
GAVE_UP = define("outcome.gave-up", "Holter gave up[[ at {at}]][[, after {epochs}]][[: {what:clause}]].[[ {sure}]]")
DEAD = define("outcome.dead", "Dead[[ since {at}]][[, after {epochs}]][[: {what:clause}]].[[ {sure}]]")
END_UNSEEN = define(
    "outcome.end-unseen", "Gone[[ since {at}]][[, after {epochs}]]; how the training ended was not seen."
)
CUT = define("outcome.cut", "The recording ends before the training[[, at {at}]][[ ({place})]].")
BROKEN_OFF = define(
    "outcome.broken-off",
    "The recording breaks off[[ at {at}]][[ ({place})]]; what became of the training is not known.",
)
OPEN: dict[EpisodeKind, Sentence] = {
    "stall": define("outcome.stalled", "Stalled for {age:duration}: {what:clause}.[[ {sure}]]"),
    "slow-down": define("outcome.slower", "Slower for {age:duration}: {what:clause}.[[ {sure}]]"),
    "death": define("outcome.broken", "Broken for {age:duration}: {what:clause}.[[ {sure}]]"),
    "creep": define("outcome.creep", "Getting worse for {age:duration}: {what:clause}.[[ {sure}]]"),
    "unsaved": define("outcome.unsaved", "Not saved for {age:duration}: {what:clause}.[[ {sure}]]"),
    "diverged": define("outcome.diverged", "Diverged for {age:duration}: {what:clause}.[[ {sure}]]"),
}
NO_CAUSE = define("outcome.no-cause", "{what:clause}; no cause seen")

ONCE, TWICE = define("outcome.once", "once"), define("outcome.twice", "twice")
TIMES = define("outcome.times", "{number} times")
STOPS = define(
    "outcome.stops",
    "Stopped {stopped}[[, healed {healed}]][[, went on by itself {over}]][[, slower {slowed}]]"
    "[[, {lost:duration} lost]].",
)
ALL_OVER = define(
    "outcome.all-over", "Stopped {stopped}, went on by itself[[, slower {slowed}]][[, {lost:duration} lost]]."
)
SLOWER = define("outcome.slowed", "Slower {slowed}[[, {lost:duration} lost]].")
LOST = define("outcome.lost", "{lost:duration} lost.")
ORPHANS = define(
    "outcome.orphans",
    "{count} of its workers are still there and hold memory.",
    one="{count} of its workers is still there and holds memory.",
)

IDENTITY = define("outcome.identity", "{name}[[ on {host}]]")
HOST = define("outcome.host", "on {host}")
FOLD = define("outcome.fold", "{dataset} · {configuration} · fold {fold}[[ · {trainer}]]")
SPAN = define("outcome.span", "{start} – {end}[[ ({lasted:duration})]][[, {ending}]]")
SINCE = define("outcome.since", "since {start}[[ ({lasted:duration})]]")
EXIT_CODE = define("outcome.exit-code", "exit code {number}")
EXIT_SIGNAL = define("outcome.exit-signal", "ended by signal {signal}")
