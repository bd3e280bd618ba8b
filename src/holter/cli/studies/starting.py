"""``holter study run``: on this machine, or as a script for Slurm."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from holter.errors import BadInput
from holter.records import Message, Text
from holter.sentences import NOTHING_STARTED, define

if TYPE_CHECKING:
    from holter.study.clusters.ray import RayTrainings
    from holter.study.clusters.slurm import Batch
    from holter.study.local import Settings
    from holter.study.records import Cell, Job
    from holter.study.report.digest import Digest
    from holter.study.report.metrics import StudyMetrics
    from holter.study.state.holders import Silences

    Lang = Literal["en", "zh"]

SUBMITTED = define(
    "study.submitted", "submitted: array {number}, {count} trainings", one="submitted: array {number}, {count} training"
)
CHAINS = define(
    "study.chains-submitted",
    "submitted: {count} chains of {links} jobs each; squeue --me shows them",
    one="submitted: {count} chain of {links} jobs; squeue --me shows it",
)
LATER = define(
    "study.slurm-later",
    "{count} trainings of a cascade are not in this script, because they need others first; run the same command again "
    "when these are done",
    one="{count} training of a cascade is not in this script, because it needs others first; run the same command "
    "again when these are done",
)
NO_PORT = define("error.study-metrics-port", "A study has no port for metrics: it writes a text file.")
NOTHING_LEFT = define("study.nothing-left", "nothing is left to start")
NOTHING_NOW = define(
    "study.nothing-now",
    "nothing can start now: {count} trainings of a cascade need others first; run the same command again when these "
    "are done",
    one="nothing can start now: {count} training of a cascade needs others first; run the same command again when "
    "these are done",
)


def run_here(
    jobs: tuple[Job, ...],
    settings: Settings,
    environ: Mapping[str, str],
    notes: Sequence[Text],
    language: Lang,
    *,
    notify: str | None = None,
    folders: Sequence[Path] = (),
    trainings: RayTrainings | None = None,
) -> int:
    """Train the jobs on this machine, or on a cluster if ``trainings`` is given; return the exit code.

    ``notes``: messages to print first. ``notify``: an address for a message a day and at the end. ``folders``: where to
    write the metrics of the study.
    """
    from holter.reports.catalogue import phrase
    from holter.study.local import Session
    from holter.study.plan import counted
    from holter.study.state.changed_plans import changed_plans

    def say(message: Text) -> None:
        with contextlib.suppress(OSError):  # nobody reads: the trainings are more important
            print(f"holter: {time.strftime('%H:%M:%S')} {phrase(message, language)}", file=sys.stderr, flush=True)

    def now() -> tuple[Cell, ...]:
        return cells_of(jobs, environ, by_log=not settings.retry)

    cells = now()
    digest: Digest | None = None
    if notify is not None:
        from holter.study.report.digest import Digest

        digest = Digest(notify, language, say)
    metrics = metrics_for(folders, cells)

    def on_poll() -> None:
        now_s = time.monotonic()
        for each in metrics:
            each.see(now_s, now)
        if digest is not None:
            digest.see(now_s, now)

    session = Session(cells, settings, environ, say, on_poll, trainings)
    for note in (*notes, *changed_plans(cells)):
        say(note)
    try:
        code = session.run()
    finally:
        if trainings is not None:
            trainings.close()
    cells = now()
    for each in metrics:
        each.finish(cells)
    say(counted(cells))
    if digest is not None:
        digest.finish(cells, session.queue.stopped)
    return code


def metrics_for(folders: Sequence[Path], cells: Sequence[Cell]) -> tuple[StudyMetrics, ...]:
    """Return one writer of metrics for each folder; the metrics library is imported only if there is a folder."""
    if not folders:
        return ()
    from holter.study.report.metrics import StudyMetrics

    return tuple(StudyMetrics(folder, cells, time.time) for folder in folders)


def folders_for(options: Sequence[str], *, is_typed: bool) -> tuple[Path, ...]:
    """Return the folders of ``--metrics textfile:FOLDER``.

    Ports that a file or a variable sets are for trainings; one that was typed is refused.

    Raises:  BadInput, MissingExtra.
    """
    from holter.views.metrics.targets import Folder, targets

    found = targets(options)
    if is_typed and not all(isinstance(each, Folder) for each in found):
        raise BadInput(NO_PORT(), safe=NOTHING_STARTED(), next_step="--metrics textfile:/var/lib/node_exporter")
    return tuple(each.path for each in found if isinstance(each, Folder))


def print_or_send(
    jobs: tuple[Job, ...],
    batch: Batch,
    *,
    most: int | None,
    retry: bool,
    submit_it: bool,
    chain: int | None,
    notes: Sequence[Text],
    language: Lang,
) -> None:
    """Print the Slurm script for the trainings that can start now; or send it with sbatch, if ``submit_it``.

    Trainings that need others first are sent in a second script, which starts after the first; if nothing is sent, only
    their number is reported. ``most``: how many run at a time; None: no limit. ``retry``: also start those that failed
    before, and what only its log shows as running. ``chain``: how many jobs each training is; None: one task of an
    array. ``notes``: messages to print first.
    """
    from holter.reports.catalogue import phrase
    from holter.study.cascade import needs_of
    from holter.study.clusters.slurm import chain_of, script_of, submit, submit_chain
    from holter.study.state.changed_plans import changed_plans
    from holter.study.trainings import make_folder

    def say(message: Text) -> None:
        print(f"holter: {phrase(message, language)}", file=sys.stderr)

    def script(of: Sequence[Job]) -> str:
        ordered = sorted(of, key=lambda job: -job.priority)  # Slurm starts the tasks of an array in their order
        return script_of(ordered, batch, most) if chain is None else chain_of(ordered, chain, batch)

    cells = cells_of(jobs, batch.environ, by_log=not retry)
    for left_out in _left_out(cells, retry=retry):
        say(left_out)
    needs = needs_of(cells)
    states = ("missing", "unfinished", *(("broken",) if retry else ()))
    now = [cell.job for cell in cells if cell.state in states]
    later = [cell.job for cell in cells if cell.state == "blocked"]
    if not now:
        say(NOTHING_NOW(count=len(later)) if later else NOTHING_LEFT())
        return
    for note in (*notes, *changed_plans(cells)):
        say(note)
    make_folder(batch.out)  # Slurm does not create the folder of --output
    if not submit_it or chain is not None:
        if submit_it:
            submit_chain(script(now), batch.out, batch.environ)
            print(phrase(CHAINS(count=len(now), links=chain), language))
        else:
            print(script(now), end="")
        if later:
            say(LATER(count=len(later)))
        return
    number = submit(script(now), batch.environ)
    print(phrase(SUBMITTED(number=number, count=len(now)), language))
    sent = {job.folder for job in now}
    # What waits for a broken fold, or for one that runs elsewhere, would start too early.
    too_early = [job for job in later if not needs[job.folder] <= sent]
    later = [job for job in later if needs[job.folder] <= sent]
    if too_early:
        say(LATER(count=len(too_early)))
    if later:
        second = submit(script(later), batch.environ, after=number)
        print(phrase(SUBMITTED(number=second, count=len(later)), language))


def _left_out(cells: Sequence[Cell], *, retry: bool) -> tuple[Message, ...]:
    # Trainings that need a person, or go on without this call; a script says nothing of them.
    from holter.study.messages import GOES_ON_ELSEWHERE, IN_BROKEN
    from holter.study.sentences import name_of

    broken = [IN_BROKEN(name=name_of(cell.job), why=cell.why) for cell in cells if cell.state == "broken" and not retry]
    running = [GOES_ON_ELSEWHERE(name=name_of(cell.job), why=cell.why) for cell in cells if cell.state == "running"]
    return (*broken, *running)


def cells_of(
    jobs: tuple[Job, ...], environ: Mapping[str, str], silences: Silences | None = None, *, by_log: bool = True
) -> tuple[Cell, ...]:
    """Return the state of each job, now.

    ``silences``: the same in every look of a caller that looks again and again. ``by_log``: whether a fold counts as
    running if only its log suggests that.
    """
    from holter.study.state.survey import look, survey
    from holter.supervisor.state_folder import state_folders
    from holter.tape.registry import read_all

    return survey(jobs, look(read_all(state_folders(environ)), environ, silences, by_log=by_log))
