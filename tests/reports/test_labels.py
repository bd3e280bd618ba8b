"""Whatever a report shows has a word in both languages: values of facts, charts, columns, kinds of events, probes."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from scripts import translations

import holter
from holter.causes import CAUSES
from holter.demo.faults import FAULTS
from holter.demo.prepare import Stage
from holter.doctor.checks import GROUPS
from holter.doctor.records import State
from holter.evidence.stated.choices import ENUMERATED
from holter.evidence.vocabulary import VOCABULARY
from holter.history.goodput import LossKind
from holter.probes.gpu import gpu_child
from holter.probes.gpu.gpu_child import CALLS, CLOCK_REASONS, TRAFFIC
from holter.records import (
    ActionTaken,
    Diagnosis,
    EpisodeKind,
    Finding,
    GpuSample,
    Phase,
    Plan,
    Remedy,
    Role,
    StackDump,
    Verdict,
)
from holter.reports.catalogue import known, text, translated
from holter.reports.catalogue.filling import blanks
from holter.reports.choices import choice_key, value_words
from holter.reports.html import page
from holter.reports.html.healing import PARTS
from holter.reports.html.lanes import SHOWN_ROLES, STATES
from holter.reports.html.vitals import CHARTS, GPU_KEYS
from holter.reports.wording import finding_text
from holter.tape import Recording

SOURCE = Path(holter.__file__).parent
MAIN_HANG = "supervisor/healing/main_hang.py"  # it tells states of one action
TEMPLATE = (SOURCE / "reports" / "html" / "report.html.j2").read_text(encoding="utf-8")


def choices_of(kind: type[msgspec.Struct], field: str) -> tuple[str, ...]:
    """The words of a field that is one of a few."""
    (info,) = (field_info for field_info in msgspec.structs.fields(kind) if field_info.name == field)
    return tuple(word for word in get_args(info.type) if isinstance(word, str))


def unlabelled(prefix: str, names: object) -> set[str]:
    """Return what to do about each name that has no label, in English or in Chinese."""
    keys = {f"{prefix}{name}" for name in names}  # type: ignore[attr-defined]
    english = {f"{key}: add its English label to {home_of(prefix)}" for key in keys if not known(key)}
    chinese = {key for key in keys if known(key) and key not in in_chinese()}
    return english | {f"{key}: run `make texts`, and translate it in {translations.FILE.name}" for key in chinese}


@cache
def home_of(prefix: str) -> str:
    """The file that defines most labels with this prefix."""
    count = {file: file.read_text(encoding="utf-8").count(f'"{prefix}') for file in SOURCE.rglob("*.py")}
    return max(count, key=lambda file: count[file]).relative_to(SOURCE.parent).as_posix()


@cache
def in_chinese() -> frozenset[str]:
    return frozenset(message.context for message in translations.read(translations.FILE) if message.string)


# ------------------------------------------------------------------------------------------------- values of facts


def test_every_value_of_every_enumerated_fact_has_a_word() -> None:
    missing = {(fact, value) for fact, values in ENUMERATED.items() for value in values if not choice_key(fact, value)}
    assert missing == set()
    keys = {choice_key(fact, value) or "" for fact, values in ENUMERATED.items() for value in values}
    assert unlabelled("", keys) == set()


def test_the_values_of_a_fact_are_enumerated_and_not_listed_in_its_note() -> None:
    """``"gpu.trouble", note="lost, hung, silent"``: words with dashes or alone between commas."""
    listed = re.compile(r"(?:^|: )([a-z0-9-]+(?:, [a-z0-9-]+)+)(?:$|[;:])")
    assert listed.search("lost, hung, silent")
    assert [spec.name for spec in VOCABULARY if spec.kind in ("text", "list") and listed.search(spec.note)] == []


def test_the_reasons_of_clocks_are_those_of_the_driver() -> None:
    assert set(ENUMERATED["gpu.clock_reasons"]) == {word for _, word in CLOCK_REASONS}


@pytest.mark.parametrize(
    ("fact", "value", "english", "chinese"),
    [
        ("epochs.shape", "step-up", "step up", "突然变长"),
        ("phase", "final-validation", "final validation", "最终验证"),
        ("exception.role", "train-worker", "worker", "数据进程"),
        ("gpu.clock_reasons", ("hw-slowdown", "sw-power-cap"), "hardware slowdown, power limit (software)", None),
        ("plan.configuration", "3d_fullres", "3d_fullres", "3d_fullres"),
        ("gpu.present", True, "yes", "是"),
    ],
)
def test_a_value_is_shown_in_words(fact: str, value: object, english: str, chinese: str | None) -> None:
    assert value_words(fact, value, "en") == english  # type: ignore[arg-type]
    assert chinese is None or value_words(fact, value, "zh") == chinese  # type: ignore[arg-type]


def test_a_finding_shows_the_word_and_not_the_name(diagnoses: tuple[Diagnosis, ...]) -> None:
    values = (("value", "heavy-tail"), ("detail", ""))
    finding = Finding(fact="epochs.shape", text="epochs-have-this-shape", values=values)
    assert "a few very long ones" in finding_text(finding, diagnoses[0], "en")
    assert "个别轮次特别长" in finding_text(finding, diagnoses[0], "zh")


# ---------------------------------------------------------------------------------------------------------- the page


def test_every_chart_series_and_unit_has_a_label() -> None:
    assert unlabelled("chart.", [*(key for key, _, _ in CHARTS), "gpu", "epoch-time", "loss"]) == set()
    assert unlabelled("unit.", [*(unit for _, unit, _ in CHARTS), "percent"]) == set()
    drawn = {*(name for _, _, names in CHARTS for name in names), *GPU_KEYS, "epoch-time", "train-loss", "val-loss"}
    assert unlabelled("series.", drawn) == set()


def test_every_reading_that_a_chart_collects_is_drawn() -> None:
    source = ast.parse((SOURCE / "reports" / "html" / "vitals.py").read_text(encoding="utf-8"))
    collected = {
        node.value.elts[0].value
        for node in ast.walk(source)
        if isinstance(node, ast.Yield)
        and isinstance(node.value, ast.Tuple)
        and isinstance(node.value.elts[0], ast.Constant)
    }
    drawn = {*(name for _, _, names in CHARTS for name in names), *GPU_KEYS}
    assert collected
    assert collected - drawn == set(), "name them in CHARTS or GPU_KEYS of reports/html/vitals.py"


def test_everything_that_the_template_names_has_a_label() -> None:
    assert unlabelled("", set(re.findall(r'\bt\("([a-z.-]+)"[,)]', TEMPLATE))) == set()
    dynamic = set(re.findall(r'\bt\("([a-z.-]+\.)" ~', TEMPLATE))
    assert dynamic == {
        "recovery.", "chart.", "unit.", "series.", "state.", "event.", "kind.", "verdict.", "heading.", "safety.",
    }  # fmt: skip
    for prefix, names in (
        ("kind.", get_args(EpisodeKind)),
        ("phase.", get_args(Phase)),
        ("role.", get_args(Role)),
        ("state.", STATES),
        ("verdict.", choices_of(Verdict, "verdict")),
        ("safety.", choices_of(Remedy, "safety")),
        ("rung.", choices_of(StackDump, "rung")),
        ("heal-state.", choices_of(ActionTaken, "state")),
        ("heading.", ("supports", "against", "unknown")),
        ("recovery.", ("on-trend", "jump", "too-early")),
        ("event.", ("end", "error", "kernel", "note", "warning")),
    ):
        assert names and unlabelled(prefix, names) == set()
    assert set(SHOWN_ROLES) <= set(get_args(Role))


def test_every_reading_of_a_gpu_that_may_be_missing_has_a_label() -> None:
    fields = {field for call in (*CALLS, *TRAFFIC) for field in call.fields} - {"licensed"}
    assert fields <= set(GpuSample.__struct_fields__)
    source = Path(gpu_child.__file__).with_name("gpu.py").read_text(encoding="utf-8")
    fields |= set(re.findall(r'Unread\(field="(\w+)"', source))
    assert unlabelled("field.gpu.", fields) == set()


def test_every_probe_and_plan_has_a_label() -> None:
    sources = (SOURCE / "supervisor" / "recording" / "sources.py").read_text(encoding="utf-8")
    probes = re.findall(r'^ {12}"([a-z-]+)": (?:self\.\w+|\w+Probe\()', sources, re.MULTILINE)
    assert len(probes) == 8 and unlabelled("probe.", probes) == set()
    plans = (SOURCE / "texts" / "plans.py").read_text(encoding="utf-8")
    names = {*re.findall(r'^ {8}"(\w+)": \w+', plans, re.MULTILINE), *re.findall(r'described\["(\w+)"\]', plans)}
    names |= set(re.findall(r'^ {4}"\w+": "(\w+)",', plans, re.MULTILINE))
    assert {"dataset", "continued", "patch_size"} <= names and unlabelled("plan.", names) == set()


# ------------------------------------------------------------------------------------------------ remarks and actions


def said(call: str, keyword: str, *folders: str) -> set[str]:
    """Every constant that is given to this keyword of such calls, directly or by a variable of the same name."""
    found: set[str] = set()
    for folder in folders:
        for file in (SOURCE / folder).rglob("*.py"):
            source = file.read_text(encoding="utf-8")
            nodes = list(ast.walk(ast.parse(source))) if call in source else []
            calls = [node for node in nodes if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(call)]
            given = [argument.value for each in calls for argument in each.keywords if argument.arg == keyword]
            names = {value.id for value in given if isinstance(value, ast.Name)}
            assigned = [
                node.value
                for node in nodes
                if isinstance(node, ast.Assign)
                and any(isinstance(to, ast.Name) and to.id in names for to in node.targets)
            ]
            for node in (*given, *assigned):
                branches = (node.body, node.orelse) if isinstance(node, ast.IfExp) else (node,)
                found |= {branch.value for branch in branches if isinstance(branch, ast.Constant)}
                if isinstance(node, ast.BoolOp):
                    found |= {value.value for value in node.values if isinstance(value, ast.Constant)}
    return found


def test_every_remark_of_a_recording_has_a_name() -> None:
    folders = ("supervisor", "probes", "demo", "texts")
    whats = said("Noted", "what", *folders) | said("emit", "what", "hook") - {"run_training"}
    whats -= {"perform_actual_validation"}  # of lines that begin and end
    assert {"probe-failed", "hook-failed", "checkpoint-failed", "gpu-call-overdue", "hook-note"} <= whats
    assert unlabelled("noted.", whats) == set()


def test_every_action_has_a_name() -> None:
    actions = said("ActionTaken", "action", "supervisor") | {"save-checkpoint", "export-again", "replace-workers"}
    actions |= set(choices_of(Plan, "action")) - {"nothing"}
    for file in set((SOURCE / "supervisor" / "healing").glob("*.py")) - {SOURCE / MAIN_HANG}:
        actions |= set(
            re.findall(r'self\._(?:\w+\.)?(?:act|tell)\((?:standing, )?"([a-z-]+)"', file.read_text(encoding="utf-8"))
        )
    assert {"restart", "end-group", "keep-checkpoint", "leave-alone"} <= actions
    assert unlabelled("heal.", actions) == set()


def test_a_page_shows_no_key_in_place_of_a_word(recording: Recording, diagnoses: tuple[Diagnosis, ...]) -> None:
    for lang in ("en", "zh"):
        made = page.context(recording, diagnoses, lang, scrub=False)  # type: ignore[arg-type]
        for chart in made["charts"]:
            for key in (
                f"chart.{chart['key']}",
                f"unit.{chart['unit']}",
                *(f"series.{s['key']}" for s in chart["series"]),
            ):
                assert known(key) and text(key, lang, index=0) != key  # type: ignore[arg-type]
        assert all(known(f"event.{kind}") for _, kind, _ in made["events"])


# ---------------------------------------------------------------------------------------------- keys that code composes


CATALOGUE = ("holter.reports.catalogue",)


def named_keys() -> Iterator[tuple[str, str]]:
    """Every key that a module passes to the catalogue, with the module; unknown parts of a key are ``*``."""
    for file in sorted(SOURCE.rglob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        nodes = list(ast.walk(tree))
        asking = {
            imported.asname or imported.name
            for node in nodes
            if isinstance(node, ast.ImportFrom) and node.module in CATALOGUE
            for imported in node.names
        }
        for node in nodes:
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            name = node.func.id
            if name in asking - {"phrase", "filled", "translated", "language"}:
                given = node.args[:1]
            elif name == "Message":
                given = [keyword.value for keyword in node.keywords if keyword.arg == "key"]
            else:
                continue
            for argument in given:
                for branch in (argument.body, argument.orelse) if isinstance(argument, ast.IfExp) else (argument,):
                    if isinstance(branch, ast.Constant):
                        yield str(branch.value), file.name
                    elif isinstance(branch, ast.JoinedStr):
                        parts = (part.value if isinstance(part, ast.Constant) else "*" for part in branch.values)
                        yield "".join(map(str, parts)), file.name


# The key is a variable there, or has a word that is quoted if it is unknown.
FREE = {"*", "*.*", "software.*", "*-many", "*.do"}


@pytest.mark.slow
def test_every_key_that_the_code_names_exists() -> None:
    keys = list(translations.defined_sentences())
    named = dict(named_keys())
    assert {"cli.next", "kind.*", "demo.fault.*"} <= named.keys()
    lacking = {
        (key, file)
        for key, file in named.items()
        if key not in FREE and not any(fnmatchcase(pattern, key) for pattern in ([key] if known(key) else keys))
    }
    assert lacking == set()


def test_every_word_of_a_composed_key_has_a_label() -> None:
    facts = (SOURCE / "reports" / "html" / "facts.py").read_text(encoding="utf-8")
    survey = (SOURCE / "doctor" / "collect" / "survey.py").read_text(encoding="utf-8")
    stages = set(re.findall(r'\btell\("([a-z]+)"|tell\("([a-z]+)", done', survey))
    checks = "".join(file.read_text(encoding="utf-8") for file in (SOURCE / "doctor" / "checks").glob("*.py"))
    lost = (*get_args(LossKind), *PARTS)
    records = (SOURCE / "loader" / "records.py").read_text(encoding="utf-8")  # importing it needs numpy
    kinds = re.search(r"kind: Literal(.+)", records)
    assert kinds is not None
    for prefix, suffix, names in (
        ("environment.", "", set(re.findall(r'^ {8}\("([a-z-]+)", ', facts, re.MULTILINE))),
        ("kind.", ".headline", get_args(EpisodeKind)),
        ("verdict.", ".sentence", choices_of(Verdict, "verdict")),
        ("recovery.", ".sentence", ("on-trend", "jump", "too-early")),
        ("recovery.", "", ("train-loss", "val-loss", "pseudo-dice")),
        ("goodput.", "", lost),
        ("stock.", "", ("ends", "stands-still")),
        ("loader.trouble.", "", re.findall(r'"([a-z]+)"', kinds[1])),
        ("loader.", "", set(re.findall(r'\.say\("([a-z-]+)"', trainer_source()))),
        ("demo.fault.", "", [fault.name for fault in FAULTS]),
        ("demo.relieved.", "", [fault.name for fault in FAULTS if fault.true_cause is not None]),
        ("demo.stage.", "", get_args(Stage)),
        ("doctor.stage.", "", {name for pair in stages for name in pair if name}),
        ("doctor.state.", "", get_args(State)),
        ("doctor.count.", "", get_args(State)),
        ("doctor.group.", "", [group for group, _ in GROUPS]),
        ("doctor.headline.", "", ("go", "go-with-unknowns", "warn", "no-go")),
        ("doctor.compare.", "", ("checks", "facts", "same", "differ", "differ-in-facts", "unknown", "unset")),
        ("doctor.why.", "", set(re.findall(r'unknown\("[a-z-]+", (?:[^"\n]+ or )?"([a-z-]+)"\)', checks))),
        ("cause.", ".title", CAUSES),
    ):
        assert names and unlabelled("", [f"{prefix}{name}{suffix}" for name in names]) == set(), prefix


def trainer_source() -> str:
    return "".join(file.read_text(encoding="utf-8") for file in (SOURCE / "trainer").glob("*.py"))


def test_no_blank_has_a_name_that_the_catalogue_needs_itself() -> None:
    """``text(key, lang, **values)``: a value of that name could not be passed."""
    sentences = translations.defined_sentences().items()
    assert {
        key for key, english in sentences if not key.startswith("page.") and {"key", "lang"} & blanks(english)
    } == set()


def test_a_word_that_chinese_lacks_is_found() -> None:
    (advice,) = unlabelled("chart.", ["no-such"])
    assert advice == "chart.no-such: add its English label to holter/reports/html/labels.py"
    assert translated("event.note", "note", "zh") == "备注"
