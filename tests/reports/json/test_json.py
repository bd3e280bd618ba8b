from __future__ import annotations

import json
from pathlib import Path

import healed_scene
import jsonschema
import msgspec
import pytest

from holter.detectors.notices import LOST_WORKER
from holter.records import ActionTaken, Diagnosis, Notice, Subject
from holter.remedies.diagnose import diagnose_recording
from holter.reports.catalogue import Lang, phrase
from holter.reports.json.as_json import to_json
from holter.reports.json.json_records import Document
from holter.supervisor.healing.main_hang import MOVED
from holter.tape import read

TAPES = Path(__file__).parents[2] / "tapes"
SCHEMA = json.loads((Path(__file__).parents[3] / "docs" / "diagnosis.schema.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_document_keeps_to_the_published_schema(diagnoses: tuple[Diagnosis, ...], lang: Lang) -> None:
    document = json.loads(json.dumps(to_json(diagnoses, lang, tape="run.holter")))
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)


def test_the_schema_refuses_a_document_without_remedies(diagnoses: tuple[Diagnosis, ...]) -> None:
    document = to_json(diagnoses)
    del document["episodes"][0]["diagnosis"][0]["remedies"]
    with pytest.raises(jsonschema.ValidationError, match="remedies"):
        jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)


@pytest.mark.parametrize("name", ["frozen_worker", "vgpu_unlicensed", "worker_killed"])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_document_of_a_kept_tape_keeps_to_the_schema(name: str, lang: Lang) -> None:
    recording = read(TAPES / name / "fault.holter")
    diagnoses = diagnose_recording(recording, is_over=True)
    printed = json.dumps(to_json(diagnoses, lang, "fault.holter", recording, ("tape", name, ())))
    jsonschema.validate(json.loads(printed), SCHEMA, cls=jsonschema.Draft202012Validator)
    assert msgspec.json.decode(printed, type=Document).episodes  # a program in Python can read it into the records


def test_names_for_machines_are_the_same_in_every_language(diagnoses: tuple[Diagnosis, ...]) -> None:
    english, chinese = (to_json(diagnoses, lang)["episodes"][1]["diagnosis"][0] for lang in ("en", "zh"))
    for key in ("cause", "verdict", "score"):
        assert english[key] == chinese[key]
    assert [finding["fact"] for finding in english["supports"]] == [finding["fact"] for finding in chinese["supports"]]
    assert [finding["text"] for finding in english["supports"]] != [finding["text"] for finding in chinese["supports"]]
    assert [remedy["command"] for remedy in english["remedies"]] == [
        remedy["command"] for remedy in chinese["remedies"]
    ]


def test_a_clean_run_is_an_empty_list_and_still_keeps_to_the_schema() -> None:
    document = to_json(())
    jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)
    assert document["episodes"] == []


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_with_its_recording_the_document_tells_what_was_done_and_keeps_to_the_schema(lang: Lang) -> None:
    scene = healed_scene.recording()
    lost = LOST_WORKER(worker=Subject(role="train-worker", index=1, pid=4712), age=95.0, case="panc_0017")
    said = (
        Notice(t_s=scene.all_ticks[-1].t_s, what="lost-worker", message=lost, pids=(4712,)),
        ActionTaken(t_s=scene.all_ticks[-1].t_s, action="announce-restart", state="done", message=MOVED()),
    )
    last = msgspec.structs.replace(scene.all_ticks[-1], events=(*scene.all_ticks[-1].events, *said))
    scene = msgspec.structs.replace(scene, all_ticks=(*scene.all_ticks[:-1], last))
    document = to_json(healed_scene.diagnoses(), lang, recording=scene)
    document = json.loads(json.dumps(document, allow_nan=False))
    jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)
    assert [(notice["what"], notice["pids"]) for notice in document["notices"]] == [("lost-worker", [4712])]
    assert document["notices"][0]["text"] == phrase(lost, lang)
    assert document["actions"][-1]["text"] == phrase(MOVED(), lang)
    restart = next(
        action for action in document["actions"] if (action["action"], action["state"]) == ("restart", "begun")
    )
    assert restart["settings"] == {"nnUNet_n_proc_DA": "3"}
    assert (restart["cause"], restart["generation"], restart["source"]) == ("external-kill", 1, "supervisor")
    goodput = document["goodput"]
    parts = ("training_s", "validation_s", "startup_s", "checkpoint_s", "other_s", "lost_s")
    assert sum(goodput[name] for name in parts) == pytest.approx(goodput["wall_s"], abs=0.01)
    assert {loss["kind"] for loss in goodput["losses"]} == {"standstill", "slow", "restart", "repeated"}
    assert [saved["stock"] for saved in goodput["saved"]] == ["stands-still", "ends"]
    assert [recovery["verdict"] for recovery in document["recovery"]] == ["too-early", "on-trend"]


def test_without_a_recording_the_document_is_as_it_was(diagnoses: tuple[Diagnosis, ...]) -> None:
    assert not {"notices", "actions", "goodput", "recovery"} & to_json(diagnoses).keys()
