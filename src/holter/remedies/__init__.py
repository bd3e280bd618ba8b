"""Choose remedies for a diagnosis and the next action on the run, as data; nothing is carried out here.

Safe remedies come first.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping

import msgspec

from holter.causes import MODULES
from holter.causes.offers import ASK_ADMIN, Offer, has_saved_nothing, may_be_nnunet
from holter.causes.steps import Facts
from holter.probes.machine.environment import HIDDEN
from holter.records import ContractSettled, Diagnosis, Environment, Episode, Remedy, Value, Verdict
from holter.remedies import admin_request
from holter.remedies.applies import is_of_nnunet, of_work, only_trains
from holter.remedies.which_ladder import known_facts
from holter.texts.nnunet_commands import again_command, other_work
from holter.texts.resume_command import in_folder, printed, resume_command, validate_command

__all__ = ["REMEDIES", "propose"]

REMEDIES: dict[str, tuple[Offer, ...]] = {module.CAUSE: module.OFFERS for module in MODULES}

# Offered instead if the command of the training is not known.
BY_HAND = {"continue-from-checkpoint": "continue-by-hand", "end-and-continue": "end-and-continue-by-hand"}


# Offered instead if the training has finished no epoch.
FROM_THE_START = {"continue-from-checkpoint": "start-again", "end-and-continue": "end-and-start-again"}

# Parts of an offer's command, and the start of a command that continues a run of ``holter train``.
UNDER_HOLTER, BEFORE_COMMAND, UNDER_CARE = "holter run ", "-- {continue}", "holter train "
GOES_ON = ("{continue}", "{validate}")


def propose(
    diagnosis: Diagnosis, environment: Environment | None, contract: ContractSettled | None = None, *, is_over: bool
) -> Diagnosis:
    """Return the diagnosis with remedies for every cause that is not excluded.

    ``contract``: what Holter can do to the run, with the command that restarts it; if None, the run's command is used.
    ``is_over``: the processes may be gone and their PIDs reused, so no command names a PID.
    """
    known = {**known_facts(diagnosis), "episode.kind": diagnosis.episode.kind}
    values = _values(known)
    if environment is not None:
        values |= _of_environment(environment, contract)
        work = other_work(environment.command) if not environment.resume_command else None
        if work is not None:
            again = again_command(environment.command)
            values |= {"work": work, "continue": printed(again), **_place(again, environment)}
        elif has_saved_nothing(known) and "continue" in values and not environment.resume_command:
            values["continue"] = printed(environment.command)
    if not is_over and diagnosis.episode.end_s is None:
        values |= _pids(diagnosis.episode, known, environment)
    return msgspec.structs.replace(
        diagnosis,
        remedies=tuple(
            (verdict.cause, _for(verdict, known, {**values, **_asks(verdict.cause, known, environment)}))
            for verdict in diagnosis.verdicts
            if verdict.verdict != "excluded"
        ),
    )


def _for(verdict: Verdict, known: Facts, values: Mapping[str, Value]) -> tuple[Remedy, ...]:
    remedies = []
    for offer in REMEDIES.get(verdict.cause, ()):
        if offer.only_if is not None and not offer.only_if(known):
            continue
        if offer.of_nnunet and not may_be_nnunet(known):
            continue
        if "work" in values and only_trains(offer):
            continue
        # An administrator is not asked about a cause for which nothing was seen.
        if offer.id == ASK_ADMIN and verdict.verdict == "possible":
            continue
        name = offer.id
        if "work" in values:
            name = of_work(offer.id, str(values["work"]))
        elif has_saved_nothing(known):
            name = FROM_THE_START.get(offer.id, offer.id)
        elif values.get("command_known") == "no":
            name = BY_HAND.get(offer.id, offer.id)
        remedies.append(
            Remedy(id=name, safety=offer.safety, command=_filled(offer, known, values), values=tuple(values.items()))
        )
    return tuple(remedies)


def _filled(offer: Offer, known: Facts, values: Mapping[str, Value]) -> str | None:
    # None if a value is missing: a command must run as printed.
    if offer.command is None or (is_of_nnunet(offer.command) and not may_be_nnunet(known)):
        return None
    command, going_on = offer.command, str(values.get("continue", ""))
    if any(blank in command for blank in GOES_ON):
        command, values = f"{{in_folder}}{command}", {"in_folder": "", **values}  # a folder may have braces in its name
    before, is_wrapped, rest = command.partition(UNDER_HOLTER)
    if is_wrapped and going_on.startswith(UNDER_CARE):  # it records itself, and a second Holter around it is refused
        options = rest.removesuffix(BEFORE_COMMAND).replace("--heal ", "")
        return f"{before.format_map(values)}{UNDER_CARE}{options}{going_on.removeprefix(UNDER_CARE)}"
    try:
        return command.format_map(values)
    except KeyError:
        return None


def _pids(episode: Episode, known: Facts, environment: Environment | None) -> dict[str, str]:
    values: dict[str, str] = {}
    if episode.pid is not None:
        values["pid"] = str(episode.pid)
    # The environment has the current main process; after a restart it is not the one of the episode.
    of_main = episode.pid if episode.subject_name.startswith(("main", "training")) else None
    main_pid = of_main if of_main is not None else environment and environment.main_pid
    if main_pid is not None:
        values["main_pid"] = str(main_pid)
    stopped = known.get("workers.stopped_pids")
    if isinstance(stopped, tuple) and stopped:
        values["pids"] = " ".join(stopped)
    return values


def _asks(cause: str, known: Facts, environment: Environment | None) -> dict[str, Value]:
    variants = (offer.variant(known) for offer in REMEDIES.get(cause, ()) if offer.variant is not None)
    return admin_request.values(cause, next(variants, None), known, environment)


# For the blanks of commands and sentences.
def _values(known: Facts) -> dict[str, str]:
    values: dict[str, str] = {}
    cpus = known.get("cpu.effective")
    if isinstance(cpus, (int, float)):
        values["workers"] = str(max(1, int(cpus)))
    visible = known.get("cpu.visible")
    if isinstance(visible, int):
        values["last_cpu"] = str(visible - 1)
    count = known.get("workers.count")
    if isinstance(count, int):
        values["fewer"] = str(max(1, (count + 1) // 2))
    place = known.get("main.stands_at") or known.get("workers.stand_at")
    if isinstance(place, str):
        values["place"] = place
    case = known.get("workers.case")
    if isinstance(case, str):
        values["case"] = case
    folder = known.get("disk.folder")
    if isinstance(folder, str):
        values["disk_folder"] = shlex.quote(folder)
    return values


def _of_environment(environment: Environment, contract: ContractSettled | None) -> dict[str, str]:
    values: dict[str, str] = {}
    if environment.preprocessed_folder:
        values["preprocessed"] = shlex.quote(environment.preprocessed_folder)
    if environment.output_folder:
        values["results"] = shlex.quote(environment.output_folder)
    does = () if contract is None or contract.only_watches else contract.does
    restart = next((ability for ability in does if ability.name == "restart"), None)
    given = resume_command(environment.command, environment.resume_command)
    resume = given.text if restart is None else restart.what
    if environment.command:
        values["command_known"] = "no" if resume is None else "yes"
    if HIDDEN not in environment.command:  # a command with blanked words does not run
        place = _place(given.command or environment.command, environment)
        if resume is not None:
            resume = resume.removeprefix(place.get("in_folder", ""))
        commands = {"continue": resume, "validate": validate_command(environment.command).text}
        values |= {name: command for name, command in commands.items() if command is not None} | place
    return values


# What comes first on a line with this command, before any variable that is set for it.
def _place(command: tuple[str, ...], environment: Environment) -> dict[str, str]:
    place = in_folder(command, environment.working_folder)
    return {"in_folder": place} if place else {}
