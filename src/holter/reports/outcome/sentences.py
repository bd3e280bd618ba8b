"""Sentences about the outcome of a run."""

from __future__ import annotations

from holter.records import EpisodeKind
from holter.sentences import Sentence, define

# Two sentences after each other.
BOTH = define("outcome.both", "{first} {second}")

EPOCHS = define("outcome.epochs", "{count} epochs", one="{count} epoch")
EPOCHS_OF = define("outcome.epochs-of", "{done} of {planned} epochs")
CASES_OF = define("outcome.cases-of", "{done} of {planned} cases")
AT_CASES = define("outcome.at-cases", "{phase}, {cases}")
EPOCH = define("outcome.epoch", "epoch {epoch}[[ of {planned}]]")

RUNNING = define("outcome.running", "Running[[: {place}]].")
NO_STEP_YET = define("outcome.no-step-yet", "Running; no step of a training was seen yet, in {span:duration}.")
NO_TRAINING_SO_FAR = define("outcome.no-training-so-far", "Running for {span:duration}. {why}")
TRAINING_LEFT = define(
    "outcome.training-left",
    "An exception ended nnU-Net's training[[ at {at}]][[ ({error})]], and its program still runs.",
)
RESTARTING = define("outcome.restarting", "Being restarted[[ since {at}]][[: {what:clause}]].")
FINISHED = define("outcome.finished", "Finished[[: {epochs}]].")
ENDED_EARLY = define(
    "outcome.ended-early", "Ended[[ at {at}]] before its last epoch[[, after {epochs}]][[: {what:clause}]].[[ {sure}]]"
)
STOPPED_BY_HAND = define("outcome.stopped", "Stopped by hand[[ at {at}]][[, after {epochs}]].")
REQUEUED = define(
    "outcome.requeue", "Saved and stopped as asked[[ at {at}]][[, after {epochs}]]; it can be started again."
)
REQUEUED_LATE = define(
    "outcome.requeue-late",
    "Stopped as asked[[ at {at}]][[, after {epochs}]], without waiting for its epoch; it can be started again.",
)
GAVE_UP = define("outcome.gave-up", "Holter gave up[[ at {at}]][[, after {epochs}]][[: {what:clause}]].[[ {sure}]]")
DEAD = define("outcome.dead", "Dead[[ since {at}]][[, after {epochs}]][[: {what:clause}]].[[ {sure}]]")
END_UNSEEN = define(
    "outcome.end-unseen", "Gone[[ since {at}]][[, after {epochs}]]; how the training ended was not seen."
)
CUT = define("outcome.cut", "The recording ends before the training[[, at {at}]][[ ({place})]].")
DAMAGED = define(
    "outcome.damaged", "The recording is damaged or cut; it can be read[[ up to {at}]][[ ({place})]], but not in full."
)
BROKEN_OFF = define(
    "outcome.broken-off",
    "The recording breaks off[[ at {at}]][[ ({place})]]; how the training continued is not known.",
)
UNWATCHED = define(
    "outcome.unwatched",
    "The recording ends[[ at {at}]]; the training (PID {pid}) still runs, and is not recorded any more.",
)
OPEN: dict[EpisodeKind, Sentence] = {
    "stall": define("outcome.stalled", "Stalled for {age:duration}: {what:clause}.[[ {sure}]]"),
    "slow-down": define("outcome.slower", "Slower for {age:duration}: {what:clause}.[[ {sure}]]"),
    "death": define("outcome.broken", "Broken for {age:duration}: {what:clause}.[[ {sure}]]"),
    "creep": define("outcome.creep", "Getting worse for {age:duration}: {what:clause}.[[ {sure}]]"),
    "unsaved": define("outcome.unsaved", "Not saved for {age:duration}: {what:clause}.[[ {sure}]]"),
    "diverged": define("outcome.diverged", "Diverged for {age:duration}: {what:clause}.[[ {sure}]]"),
}
# Of a training that was stopped by hand meanwhile.
WAS: dict[EpisodeKind, Sentence] = {
    "stall": define("outcome.was-stalled", "It had been stalled for {age:duration}: {what:clause}.[[ {sure}]]"),
    "slow-down": define("outcome.was-slower", "It had been slower for {age:duration}: {what:clause}.[[ {sure}]]"),
    "death": define("outcome.was-broken", "It had been broken for {age:duration}: {what:clause}.[[ {sure}]]"),
    "creep": define("outcome.was-creeping", "It had been getting worse for {age:duration}: {what:clause}.[[ {sure}]]"),
    "unsaved": define("outcome.was-unsaved", "It had not been saved for {age:duration}: {what:clause}.[[ {sure}]]"),
    "diverged": define("outcome.was-diverged", "It had diverged for {age:duration}: {what:clause}.[[ {sure}]]"),
}
NO_CAUSE = define("outcome.no-cause", "{what:clause}; no cause seen")
NOT_YET = define("outcome.not-yet", "{what:clause}; the cause is not known yet")

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
NOTICED = define("outcome.noticed", "Noticed[[ at {at}]]: {what:clause}.")
REPLACED = define("outcome.replaced", "Data workers replaced {times}.")
LOST = define("outcome.lost", "{lost:duration} lost.")
ORPHANS = define(
    "outcome.orphans",
    "{count} of its workers were left and may still hold memory; holter doctor names them.",
    one="{count} of its workers was left and may still hold memory; holter doctor names it.",
)

IDENTITY = define("outcome.identity", "{name}[[ on {host}]]")
HOST = define("outcome.host", "on {host}")
FOLD = define("outcome.fold", "{dataset} · {configuration} · fold {fold}[[ · {trainer}]]")
SPAN = define("outcome.span", "{start} – {end}[[ ({lasted:duration})]][[, {ending}]]")
SINCE = define("outcome.since", "since {start}[[ ({lasted:duration})]]")
EXIT_CODE = define("outcome.exit-code", "exit code {number}")
EXIT_SIGNAL = define("outcome.exit-signal", "ended by signal {signal}")

GROUP = define("group.named", "{kind} {times} times[[, {span:duration} in all]]: {what:clause}.[[ {sure}]]")
GROUP_OPEN = define("group.unknown", "{kind} {times} times[[, {span:duration} in all]]: {what:clause}. No cause seen.")
AT_FOR = define("group.at-for", "{at} for {lasted}")
SHOWN = define("group.shown", "The longest of them:")
SHOWN_OPEN = define("group.shown-open", "The one that is not over:")
FATE_ALONE: dict[str, Sentence] = {
    "healed": define("fate.healed", "healed"),
    "over": define("fate.over", "over by itself"),
    "open": define("fate.open", "not over"),
}
FATE: dict[str, Sentence] = {
    "healed": define("fate.healed-times", "healed {count} times", one="healed once"),
    "over": define("fate.over-times", "over by itself {count} times", one="over by itself once"),
    "open": define("fate.open-times", "not over: {count}"),
}
IF_AGAIN = define("heading.if-again", "If it happens again")
NOT_KNOWN = define("heading.not-known", "Not known")
TIMES_LINE = define("group.times", "at {times}")

VERDICT = define("outcome.verdict", "Verdict: {what:clause}.[[ Next: {command}]]")
SAID: dict[str, Sentence] = {
    "running": define("said.running", "running, no trouble is seen now"),
    "stands": define("said.stands", "running; it is not known whether the main process stands on purpose"),
    "unseen": define("said.unseen", "running, but no training was seen in it"),
    "stalled": define("said.stalled", "stalled[[ ({cause})]]"),
    "troubled": define("said.troubled", "running, with a problem[[ ({cause})]]"),
    "left": define("said.left", "an exception ended the training, and its program still runs"),
    "restarting": define("said.restarting", "being restarted"),
    "finished": define("said.finished", "finished[[, {fate}]]"),
    "incomplete": define("said.incomplete", "ended before its last epoch[[ ({cause})]]"),
    "stopped": define("said.stopped", "stopped by hand"),
    "requeue": define("said.requeue", "stopped as asked"),
    "gave-up": define("said.gave-up", "given up; a person must look[[ ({cause})]]"),
    "dead": define("said.dead", "dead[[ ({cause})]]"),
    "end-unseen": define("said.end-unseen", "gone; how it ended was not seen"),
    "cut": define("said.cut", "the recording ends before the training[[, {fate}]]"),
    "broken-off": define("said.broken-off", "the recording breaks off[[, {fate}]]"),
    "damaged": define("said.damaged", "the recording is damaged or cut[[, {fate}]]"),
    "unwatched": define("said.unwatched", "the training runs, but is not recorded any more"),
    "nothing-trained": define("said.nothing-trained", "no training was seen"),
}
FINISHED_WITH: dict[str, Sentence] = {
    "healed": define("said.finished-healed", "all healed"),
    "over": define("said.finished-over", "with a problem that is over"),
    "open": define("said.finished-open", "with a problem until the end[[ ({cause})]]"),
}
NAMED = define("said.named", "{cause}, {sure:clause}")
UNNAMED = define("said.unnamed", "the cause is not known")
HEALED_AFTER = define("episode.healed-after", "healed[[ after {lasted}]]")
UNTIL_THE_END = define("episode.until-the-end", "until the training ended")
UNTIL_IT_DIED = define("episode.until-it-died", "until the training ended, after {lasted}")
