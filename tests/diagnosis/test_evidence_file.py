"""Evidence files: the same causes answer, and mistakes are named with what was probably meant."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from holter.causes import MODULES
from holter.diagnosis.targets import diagnose_target, read_evidence
from holter.errors import EvidenceWrong
from holter.evidence.chain import STOPPED
from holter.evidence.stated.choices import CHOICES
from holter.evidence.stated.read import is_stated, read_stated, template
from holter.evidence.vocabulary import NAMES, VOCABULARY
from holter.reports.catalogue import phrase

FROZEN = {
    "episode.kind": "stall",
    "workers.stopped": ["train-worker 2 (PID 4713)"],
    "workers.stopped_pids": ["4713"],
    "main.waits_on": "batch-queue",
    "results_loop.waits_on": "tensor-hand-over",
    "queue.ready": "empty",
}


def content(**document: object) -> bytes:
    return json.dumps(document).encode()


def test_stated_facts_get_the_verdict_that_recorded_ones_get() -> None:
    found = read_evidence(content(facts=FROZEN, about="a colleague's machine"), "e.json")
    diagnosis = found.diagnoses[0]
    assert (diagnosis.verdicts[0].cause, diagnosis.verdicts[0].verdict) == ("frozen-worker", "confirmed")
    assert [link.target for link in diagnosis.wait_chain][-1] == STOPPED()
    assert dict(diagnosis.remedies)["frozen-worker"][0].command == "kill -CONT 4713"


def test_what_is_left_out_or_null_is_unknown() -> None:
    stated = read_stated(content(facts={**FROZEN, "oom.kills": None}), "e.json")
    assert stated.evidence.fact("oom.kills").status == "unknown"
    assert stated.evidence.fact("cpu.quota").status == "unknown"
    assert {fact.name for fact in stated.evidence.facts} == NAMES


def test_a_fact_may_be_said_to_have_no_meaning_and_may_carry_a_detail() -> None:
    stated = read_stated(
        content(facts={**FROZEN, "cpu.quota": "not-applicable", "oom.kills": {"value": 0, "detail": "dmesg"}}), "e.json"
    )
    assert stated.evidence.fact("cpu.quota").status == "not-applicable"
    assert (stated.evidence.fact("oom.kills").value, stated.evidence.fact("oom.kills").detail) == (0, "dmesg")


@pytest.mark.parametrize(
    ("fact", "quoted", "derived", "value"),
    [
        ({"main.ending": "SIGTERM"}, "CANCELLED AT 2026-03-01T10:00:00 DUE TO TIME LIMIT", "main.time_limit", True),
        ({"main.ending": "SIGTERM"}, "CANCELLED AT 2026-03-01T10:00:00", "main.time_limit", False),
        ({"shm.trouble": "no-room"}, "OSError: [Errno 28]", "shm.no_space", True),
        ({"shm.trouble": "no-room"}, "RuntimeError: unable to open shared memory", "shm.no_space", False),
        ({"storage.mount": "nfs4 server:/export on /data"}, "/data/set", "storage.path", "/data/set"),
        ({"main.ending": "SIGTERM"}, "", "main.time_limit", None),
    ],
)
def test_what_is_quoted_beside_a_value_says_more(
    fact: dict[str, str], quoted: str, derived: str, value: object
) -> None:
    facts = {name: {"value": told, "detail": quoted} for name, told in fact.items()}
    assert read_stated(content(facts=facts), "e.json").evidence.fact(derived).value == value


def test_lines_of_the_kernel_log_mean_what_they_mean_on_the_machine() -> None:
    program, firmware = (f"NVRM: Xid (PCI:0000:41:00): {xid}" for xid in ("31, pid=7, MMU Fault", "119, pid=7"))

    def named(*lines: str) -> list[str]:
        facts = {"episode.kind": "stall", "gpu.kernel_errors": list(lines)}
        verdicts = read_evidence(content(facts=facts), "e.json").diagnoses[0].verdicts
        return [verdict.cause for verdict in verdicts if verdict.score > 0]

    assert named(program, firmware)[0] == "gpu-lost-or-gsp"
    assert "gpu-lost-or-gsp" not in named(program)


@pytest.mark.parametrize(
    ("facts", "kind"),
    [
        ({"workers.stopped": ["w"]}, "stall"),
        ({"exception.kind": "cuda-oom"}, "death"),
        ({"main.exit_signal": 9}, "death"),
        ({"epochs.shape": "step-up"}, "slow-down"),
        ({"epochs.shape": "drift-up"}, "creep"),
        ({"disk.error": "full"}, "unsaved"),
        ({"oom.kills": 0, "worker.exit_signal": 0, "exception.cuda_oom": False, "gpu.present": True}, "stall"),
        ({"oom.kills": 0, "epochs.times_usual": 3.0}, "slow-down"),
        ({"oom.kills": 1, "wait.ratio": 0.6}, "slow-down"),
        ({"oom.kills": 1, "wait.ratio": 0.02, "epochs.usual_s": 90.0}, "death"),
        ({"step.usual_s": 0.3}, "slow-down"),
        ({"gpu.licence_text": "Unlicensed (Restricted)", "oom.kills": 0}, "slow-down"),
        ({"gpu.licence_stage": "unlicensed", "progress.age_s": 900.0}, "stall"),
    ],
)
def test_the_kind_is_guessed_from_the_facts_and_said(facts: dict[str, object], kind: str) -> None:
    found = read_evidence(content(facts=facts), "e.json")
    assert found.diagnoses[0].episode.kind == kind
    assert f'it is taken as "{kind}"' in " ".join(phrase(note, "en") for note in found.notes)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"gpu.virtualisation": "vgpu"}, r'no fact "gpu.virtualisation" \(did you mean "gpu.virtualization"\?\)'),
        ({"oom.kills": "2"}, r'"oom.kills" must be a number without quotes, not "2"'),
        ({"oom.kills": True}, '"oom.kills" must be a number'),
        ({"progress.age_s": "long"}, "must be a number in s without quotes"),
        ({"wait.ratio": 93}, "is a share from 0 to 1: write 0.93 for 93 %"),
        ({"main.alive": "yes"}, '"main.alive" must be true or false'),
        ({"workers.stopped": "worker 1"}, "must be a list of texts"),
        ({"epochs.shape": "stepup"}, r'cannot be "stepup" \(did you mean "step-up"\?\)'),
        ({"software.torch": 2.9}, '"software.torch" must be a text in quotes'),
        (
            {"oom.kills": {"value": 0, "note": "x", "detial": "y"}},
            r'"oom.kills" may hold "value" and "detail", not "note", "detial" \(did you mean "detail"\?\)',
        ),
        ({"oom.kills": -1}, '"oom.kills" cannot be negative'),
        ({"progress.age_s": -5.0}, '"progress.age_s" cannot be negative'),
        ({"main.exit_signal": 900}, '"main.exit_signal" is the number of a signal, 1 to 64 or 0 for none, not 900'),
        ({"main.exit_signal": 137}, "not 137; as an exit code it means signal 9"),
        ({"worker.exit_signal": -9}, "not -9; as an exit code it means signal 9"),
        ({"worker.exit_signal": "SIGKIL"}, r'like 9 or "SIGKILL", not "SIGKIL" \(did you mean "SIGKILL"\?\)'),
        ({"worker.exit_signal": 9.5}, "must be the number or name of a signal"),
        ({"worker.exit_signal": True}, "must be the number or name of a signal"),
        ({"main.state": "Sleeping"}, r'"main.state" cannot be "Sleeping" \(did you mean "S"\?\); it is one of R, S'),
        ({}, "states no fact"),
    ],
)
def test_mistakes_are_named(facts: dict[str, object], words: str) -> None:
    with pytest.raises(EvidenceWrong, match=words) as refused:
        read_evidence(content(facts=facts), "e.json")
    assert "--evidence-template" in phrase(refused.value.next_step, "en")


def test_a_misspelt_wrapping_is_named() -> None:
    with pytest.raises(EvidenceWrong, match=r'no fact "fact" \(did you mean "facts"\?\)'):
        read_evidence(content(holter_evidence=1, fact=FROZEN), "e.json")


@pytest.mark.parametrize("signal", [9, 9.0, "9", "SIGKILL", "kill", " SigKill "])
def test_a_signal_may_be_written_as_people_write_it(signal: object) -> None:
    stated = read_stated(content(facts={"main.exit_signal": signal}), "e.json")
    assert stated.evidence.fact("main.exit_signal").value == 9


def test_numbers_that_may_shrink_may_be_negative_and_keys_with_a_line_are_not_read() -> None:
    wrapped = {"value": -4e8, "_note": "of an hour"}
    stated = read_stated(content(facts={"memory.shared_growth_bytes_per_h": wrapped}), "e.json")
    assert stated.evidence.fact("memory.shared_growth_bytes_per_h").value == -4e8


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"exception.first": "RuntimeError: CUDA out of memory"}, ": 1 fact is stated;"),
        ({"oom.kills": 1, "episode.kind": "death"}, ": 2 facts are stated;"),
    ],
)
def test_only_what_was_stated_is_counted(facts: dict[str, object], words: str) -> None:
    assert words in phrase(read_evidence(content(facts=facts), "e.json").notes[0], "en")


@pytest.mark.parametrize("broken", [b"{", b"[1]", b'{"facts": []}', b'{"holter_evidence": 9, "facts": {}}'])
def test_what_is_no_evidence_file_is_refused(broken: bytes) -> None:
    with pytest.raises(EvidenceWrong):
        read_evidence(broken, "e.json")


def test_a_file_without_the_wrapping_is_an_evidence_file_and_debug_json_is_none(tmp_path: Path) -> None:
    bare = tmp_path / "facts.json"
    bare.write_text(json.dumps(FROZEN))
    assert diagnose_target(str(bare), tell_observed=lambda t_s: None).kind == "evidence"
    other = tmp_path / "debug.json"
    other.write_text('{"torch_version": "2.9.0"}')
    assert not is_stated(other.read_bytes())
    with pytest.raises(EvidenceWrong, match="states no facts"):
        diagnose_target(str(other), tell_observed=lambda t_s: None)


def test_the_template_has_every_fact_and_is_itself_without_any() -> None:
    made = template()
    assert list(made["facts"]) == [spec.name for spec in VOCABULARY]
    assert made["_meaning"].keys() == made["facts"].keys()
    with pytest.raises(EvidenceWrong, match="states no fact"):
        read_evidence(content(**made), "template.json")


def test_choices_are_those_of_facts_and_let_every_rule_fire() -> None:
    assert CHOICES.keys() <= NAMES
    for module in MODULES:
        for rule in module.RULES:
            if rule.fact in CHOICES and rule.speaks == "for":
                assert any(rule.test(word) for word in CHOICES[rule.fact]), (module.CAUSE, rule.fact)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "gb18030"])
def test_a_file_of_another_encoding_is_read(encoding: str, tmp_path: Path) -> None:
    """Windows PowerShell's ">" writes UTF-16."""
    file = tmp_path / "evidence.json"
    document = {"facts": FROZEN, "about": "同事的电脑，训练停住了"}
    file.write_text(json.dumps(document, ensure_ascii=False, indent=1), encoding=encoding)
    found = diagnose_target(str(file), tell_observed=lambda _: None)
    assert (found.kind, found.diagnoses[0].episode.reason) == ("evidence", document["about"])
