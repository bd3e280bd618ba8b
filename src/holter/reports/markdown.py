"""A diagnosis as Markdown, ready for an issue: scrubbed, with the environment that nnU-Net's maintainers ask for."""

from __future__ import annotations

import io
import shlex
from collections.abc import Iterable, Iterator

from rich.console import Console

from holter import __version__
from holter.history.fates import Fate
from holter.records import Diagnosis, Environment
from holter.reports.catalogue import Lang, phrase, text
from holter.reports.outcome import identity_of, outcome_of
from holter.reports.outcome.groups import group_headline, grouped
from holter.reports.quiet import quiet
from holter.reports.scrub import scrubbed
from holter.reports.terminal import print_diagnosis
from holter.sentences import define_all
from holter.sizes import format_bytes, format_number
from holter.tape import Recording

WIDTH = 100
# Facts that an issue needs and a recording or a text may hold.
VERSIONS = ("nnunetv2", "batchgenerators", "torch", "cuda", "cudnn", "driver", "python")
# They print what is missing.
COMMANDS = ("pip list | grep -iE 'nnunet|batchgen|torch'", "nvidia-smi")
FACTS = ("gpu.memory_ratio", "cpu.effective", "setting.n_proc_da", "storage.fs_type")
define_all(
    {
        "markdown.details": "What Holter saw",
        "markdown.environment": "Environment",
        "markdown.unknown": "not known",
    }
)


def to_markdown(
    recording: Recording,
    diagnoses: tuple[Diagnosis, ...],
    lang: Lang,
    *,
    is_run: bool,
    is_over: bool = True,
    texts: Iterable[str] = (),
) -> str:
    """Return Markdown in which names of people, machines, paths and cases are pseudonyms.

    ``is_run``: False for a short observation or a log, which has no outcome. ``is_over``: no process writes the
    tape any more. ``texts``: the files and pasted texts that were diagnosed; names in them get pseudonyms as well.
    """
    recording, diagnoses = scrubbed(recording, diagnoses, texts)
    ran = outcome_of(recording, diagnoses, is_over=is_over) if is_run else None
    is_open: Fate = "open"
    became = ran.fates if ran is not None else (is_open,) * len(diagnoses)
    groups = grouped(recording, diagnoses, became)
    lines = [f"**{group_headline(group, recording, lang)}**" for group in groups] or [quiet(recording, lang)]
    if ran is not None:
        first = (f"**{phrase(ran.headline, lang)}**", *(phrase(line, lang) for line in identity_of(ran)), "")
        lines = [*first, *(f"* {line}" for line in lines)]
    output = io.StringIO()
    console = Console(file=output, width=WIDTH, no_color=True)
    print_diagnosis(console, recording, diagnoses, lang, is_run=is_run, ran=ran, docs="")  # it may name a host
    return "\n".join(
        (
            *lines, "", f"<details><summary>{text('markdown.details', lang)}</summary>", "", "```text",
            output.getvalue().strip(), "```", "</details>", "", f"#### {text('markdown.environment', lang)}", "",
            *(f"- {name}: {value}" for name, value in _environment(recording, diagnoses, lang)), "",
        )
    )  # fmt: skip


def _environment(recording: Recording, diagnoses: tuple[Diagnosis, ...], lang: Lang) -> Iterator[tuple[str, str]]:
    environment = recording.environment
    known = {name: value for name, value in _rows(recording, environment, diagnoses) if value}
    yield from known.items()
    for fact in FACTS:
        if (shown := _fact(diagnoses, fact)) is not None:
            yield text(f"fact.{fact}", lang), shown
    yield "holter", __version__
    missing = [name for name in (*VERSIONS, "OS", "GPU") if name not in known]
    if missing:
        yield text("markdown.unknown", lang), f"{', '.join(missing)} (`{COMMANDS[0]}`; `{COMMANDS[1]}`)"


def _rows(
    recording: Recording, environment: Environment | None, diagnoses: tuple[Diagnosis, ...]
) -> Iterator[tuple[str, str | None]]:
    versions = dict(environment.versions) if environment is not None else {}
    for name in VERSIONS:
        yield name, versions.get(name) or _fact(diagnoses, f"software.{name}")
    host = next((tick.host for tick in recording.all_ticks if tick.host is not None), None)
    gpu = next((gpu for tick in recording.all_ticks for gpu in tick.gpus), None)
    yield "GPU", (gpu.name if gpu is not None else None) or _fact(diagnoses, "gpu.label")
    cpus = host.cpu_count if host is not None else _fact(diagnoses, "cpu.visible")
    model = environment.cpu_model if environment is not None else None
    yield "CPU", " x ".join(str(part) for part in (cpus, model) if part) or None
    yield "RAM", format_bytes(host.memory_total_bytes) if host is not None and host.memory_total_bytes else None
    system = (environment.os, environment.kernel) if environment is not None else ()
    yield "OS", " ".join(filter(None, system)) or _fact(diagnoses, "system.os")
    yield "container", (environment and environment.container) or _fact(diagnoses, "system.container")
    yield "virtual machine", (environment and environment.virtual_machine) or _fact(diagnoses, "system.virtual_machine")
    plans = dict(environment.plans) if environment is not None else {}
    for name in ("configuration", "trainer", "batch_size", "patch_size", "fold"):
        yield name, plans.get(name)
    command = environment.command if environment is not None else ()
    yield "command", f"`{shlex.join(command)}`" if command else None


def _fact(diagnoses: tuple[Diagnosis, ...], name: str) -> str | None:
    facts = (fact for diagnosis in diagnoses for fact in diagnosis.facts)
    value = next((fact.value for fact in facts if fact.name == name and fact.status == "known"), None)
    if isinstance(value, (int, float)) and name.endswith("_ratio"):
        return f"{format_number(100 * value)} %"
    return format_number(value) if isinstance(value, float) else None if value is None else str(value)
