"""A diagnosis as Markdown, ready for an issue: scrubbed, with the environment that nnU-Net's maintainers ask for."""

from __future__ import annotations

import io
from collections.abc import Iterator

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
from holter.tape import Recording

WIDTH = 100
# Facts that an issue needs and a recording or a text may hold.
FACTS = ("gpu.label", "software.driver", "gpu.memory_ratio", "cpu.effective", "setting.n_proc_da", "storage.fs_type")
define_all(
    {
        "markdown.details": "What Holter saw",
        "markdown.environment": "Environment",
        "markdown.unknown": "not known",
    }
)


def to_markdown(
    recording: Recording, diagnoses: tuple[Diagnosis, ...], lang: Lang, *, is_run: bool, is_over: bool = True
) -> str:
    """Return Markdown in which names of people, machines, paths and cases are pseudonyms.

    ``is_run``: as in ``print_diagnosis``; ``is_over``: of a run, as in ``outcome_of``.
    """
    recording, diagnoses = scrubbed(recording, diagnoses)
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
    print_diagnosis(console, recording, diagnoses, lang, is_run=is_run, ran=ran)
    return "\n".join(
        (
            *lines, "", f"<details><summary>{text('markdown.details', lang)}</summary>", "", "```text",
            output.getvalue().strip(), "```", "</details>", "", f"#### {text('markdown.environment', lang)}", "",
            *(f"- {name}: {value}" for name, value in _environment(recording.environment, diagnoses, lang)), "",
        )
    )  # fmt: skip


def _environment(
    environment: Environment | None, diagnoses: tuple[Diagnosis, ...], lang: Lang
) -> Iterator[tuple[str, str]]:
    unknown = text("markdown.unknown", lang)
    versions = dict(environment.versions) if environment is not None else {}
    for name in ("nnunetv2", "batchgenerators", "torch", "cuda", "cudnn", "python"):
        yield name, versions.get(name) or _fact(diagnoses, f"software.{name}") or unknown
    if environment is not None:
        yield "OS", " ".join(filter(None, (environment.os, environment.kernel))) or unknown
        yield "container", environment.container or unknown
        yield "virtual machine", environment.virtual_machine or unknown
        for name in ("configuration", "trainer", "batch_size", "patch_size"):
            if name in dict(environment.plans):
                yield name, dict(environment.plans)[name]
    for fact in FACTS:
        if (value := _fact(diagnoses, fact)) is not None:
            yield text(f"fact.{fact}", lang), value
    yield "holter", __version__


def _fact(diagnoses: tuple[Diagnosis, ...], name: str) -> str | None:
    facts = (fact for diagnosis in diagnoses for fact in diagnosis.facts)
    return next((str(fact.value) for fact in facts if fact.name == name and fact.status == "known"), None)
