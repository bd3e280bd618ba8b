"""Choose remedies for a diagnosis and the next action on the run, as data; nothing is carried out here.

Safe remedies come first.
"""

from __future__ import annotations

import shlex
import signal
from collections.abc import Mapping

import msgspec

from holter.causes import MODULES
from holter.causes.offers import ASK_ADMIN, Offer
from holter.causes.steps import has_shm_space
from holter.evidence.facts.training.endings import JSON_KINDS
from holter.evidence.words import CRASHES, SIGBUS
from holter.probes.machine.environment import HIDDEN
from holter.records import ContractSettled, Diagnosis, Environment, Episode, Fact, Remedy, Value, Verdict
from holter.remedies import admin_request
from holter.remedies.of_nnunet import SENTENCES, is_of_nnunet
from holter.texts.resume_command import resume_command, validate_command

__all__ = ["REMEDIES", "propose"]

REMEDIES: dict[str, tuple[Offer, ...]] = {module.CAUSE: module.OFFERS for module in MODULES}

# Nothing was trained, or the checkpoint itself is broken: continuing would fail in the same way.
NEVER_BEGAN = ("checkpoint-broken", "checkpoint-refused", "gpu-number", "json", "no-paths")
# Offered instead if the command of the training is not known.
BY_HAND = {"continue-from-checkpoint": "continue-by-hand", "end-and-continue": "end-and-continue-by-hand"}


# Parts of an offer's command, and the start of a command that continues a run of ``holter train``.
UNDER_HOLTER, BEFORE_COMMAND, UNDER_CARE = "holter run ", "-- {continue}", "holter train "


def propose(
    diagnosis: Diagnosis, environment: Environment | None, contract: ContractSettled | None = None, *, is_over: bool
) -> Diagnosis:
    """Return the diagnosis with remedies for every cause that is not excluded.

    ``contract``: what Holter can do to the run, with the command that restarts it; if None, the run's command is used.
    ``is_over``: the processes may be gone and their PIDs reused, so no command names a PID.
    """
    facts = {fact.name: fact for fact in diagnosis.facts}
    values = _values(diagnosis, facts)
    if environment is not None:
        values |= _of_environment(environment, contract)
    if not is_over and diagnosis.episode.end_s is None:
        values |= _pids(diagnosis.episode, facts, environment)
    return msgspec.structs.replace(
        diagnosis,
        remedies=tuple(
            (verdict.cause, _for(verdict, {**values, **admin_request.values(verdict.cause, facts, environment)}))
            for verdict in diagnosis.verdicts
            if verdict.verdict != "excluded"
        ),
    )


def _for(verdict: Verdict, values: Mapping[str, Value]) -> tuple[Remedy, ...]:
    remedies = []
    for offer in REMEDIES.get(verdict.cause, ()):
        conditions = (offer.only_if,) if isinstance(offer.only_if, str) else offer.only_if or ()
        if not all(_holds(condition, values) for condition in conditions):
            continue
        if offer.id in SENTENCES and not _holds("nnunet", values):
            continue
        # An administrator is not asked about a cause for which nothing was seen.
        if offer.id == ASK_ADMIN and verdict.verdict == "possible":
            continue
        name = BY_HAND.get(offer.id, offer.id) if values.get("command_known") == "no" else offer.id
        remedies.append(
            Remedy(id=name, safety=offer.safety, command=_filled(offer, values), values=tuple(values.items()))
        )
    return tuple(remedies)


def _holds(condition: str, values: Mapping[str, Value]) -> bool:
    name = condition.removeprefix("not ")
    return (values.get(name) == "yes") == (name == condition)


def _filled(offer: Offer, values: Mapping[str, Value]) -> str | None:
    # None if a value is missing: a command must run as printed.
    if offer.command is None or (is_of_nnunet(offer.command) and not _holds("nnunet", values)):
        return None
    command, going_on = offer.command, str(values.get("continue", ""))
    before, is_wrapped, rest = command.partition(UNDER_HOLTER)
    if is_wrapped and going_on.startswith(UNDER_CARE):  # it records itself, and a second Holter around it is refused
        options = rest.removesuffix(BEFORE_COMMAND).replace("--heal ", "")
        return f"{before}{UNDER_CARE}{options}{going_on.removeprefix(UNDER_CARE)}"
    try:
        return command.format_map(values)
    except KeyError:
        return None


def _pids(episode: Episode, facts: dict[str, Fact], environment: Environment | None) -> dict[str, str]:
    values: dict[str, str] = {}
    if episode.pid is not None:
        values["pid"] = str(episode.pid)
    # The environment has the current main process; after a restart it is not the one of the episode.
    of_main = episode.pid if episode.subject_name.startswith(("main", "training")) else None
    main_pid = of_main if of_main is not None else environment and environment.main_pid
    if main_pid is not None:
        values["main_pid"] = str(main_pid)
    stopped = _value(facts, "workers.stopped_pids")
    if isinstance(stopped, tuple) and stopped:
        values["pids"] = " ".join(stopped)
    return values


def _values(diagnosis: Diagnosis, facts: dict[str, Fact]) -> dict[str, str]:
    values: dict[str, str] = {}
    cpus = _value(facts, "cpu.effective")
    if isinstance(cpus, (int, float)):
        values["workers"] = str(max(1, int(cpus)))
    visible = _value(facts, "cpu.visible")
    if isinstance(visible, int):
        values["last_cpu"] = str(visible - 1)
    count = _value(facts, "workers.count")
    if isinstance(count, int):
        values["fewer"] = str(max(1, (count + 1) // 2))
    kills = _value(facts, "oom.kills")
    values["out_of_memory"] = "yes" if isinstance(kills, int) and kills > 0 else "no"
    # A closed terminal sends only SIGHUP; a scheduler mostly SIGTERM, then SIGKILL.
    hung_up = _value(facts, "main.exit_signal") == signal.SIGHUP
    out_of_time = _value(facts, "main.time_limit") is True
    values["hung_up"] = "yes" if hung_up else "no"
    values["time_limit"] = "yes" if out_of_time else "no"
    values["may_be_scheduler"] = "yes" if not hung_up and not out_of_time else "no"
    shm = _value(facts, "shm.used_ratio")
    bus_error = _value(facts, "worker.exit_signal") == SIGBUS
    values["shm_full"] = "yes" if bus_error or (isinstance(shm, float) and shm > 0.9) else "no"
    values["ended"] = "yes" if diagnosis.episode.kind == "death" else "no"
    values["shm_room"] = "yes" if has_shm_space({name: _value(facts, name) for name in facts}) else "no"
    values["crash"] = "yes" if _value(facts, "worker.exit_signal") in CRASHES else "no"
    torch = str(_value(facts, "software.torch") or "")
    values["newer_cudnn_helps"] = "yes" if torch.startswith("2.9.") and not torch.startswith("2.9.0") else "no"
    place = _value(facts, "main.stands_at") or _value(facts, "workers.stand_at")
    if isinstance(place, str):
        values["place"] = place
    values["has_place"] = "yes" if isinstance(place, str) else "no"
    values["container"] = "yes" if _value(facts, "scope.container") is True else "no"
    values["nnunet"] = "no" if _value(facts, "scope.nnunet") is False else "yes"
    # Killing a process loses nothing only if it is known to have finished its work.
    values["end_known"] = "yes" if _value(facts, "finish.done") is True else "no"
    case = _value(facts, "workers.case")
    is_json = _value(facts, "exception.kind") in JSON_KINDS
    values["torn_json"] = "yes" if is_json else "no"
    is_about_case = isinstance(case, str) or bool(_value(facts, "exception.file"))
    values["has_case"] = "yes" if is_about_case and not is_json else "no"
    if isinstance(case, str):
        values["case"] = case
    kind = _value(facts, "exception.kind")
    values[f"kind:{kind}"] = "yes"
    values["never_began"] = "yes" if kind in NEVER_BEGAN else "no"
    values["echoed"] = "yes" if _value(facts, "echo.says") is not None else "no"
    folder = _value(facts, "disk.folder")
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
        commands = {"continue": resume, "validate": validate_command(environment.command).text}
        values |= {name: command for name, command in commands.items() if command is not None}
    return values


def _value(facts: dict[str, Fact], name: str) -> object:
    fact = facts.get(name)
    return fact.value if fact is not None and fact.status == "known" else None
