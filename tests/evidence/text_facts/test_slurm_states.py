"""States of Slurm jobs, as sacct (with and without -P), scontrol, seff and slurmstepd write them.

The states are those of ``man sacct`` (JOB STATE CODES); "CANCELLED by UID" and the cut forms ("OUT_OF_ME+") are in
sacct's print.c, the reasons behind "CANCELLED AT" in slurmstepd's req.c, seff's lines in contribs/seff.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from holter.diagnosis.targets import diagnose_target
from holter.diagnosis.words import accuses, diagnosed, stated
from holter.evidence.text_facts import facts_of

TABLE = (
    "JobID           JobName  Partition    Account  AllocCPUS      State ExitCode \n"
    "------------ ---------- ---------- ---------- ---------- ---------- -------- \n"
    "4711              train        gpu        lab          8 {state:>10} {code:>8} \n"
    "4711.batch        batch                   lab          8 {step:>10}     {stepcode}\n"
)
PARSABLE = (
    "JobID|JobName|Partition|State|Elapsed|ExitCode\n4711|train|gpu|{state}|00:31:00|{code}\n"
    "4711.batch|batch||{step}|00:31:00|{stepcode}\n"
)
SCONTROL = (
    "JobId=4711 JobName=train\n   UserId=me(1000) GroupId=me(1000) MCS_label=N/A\n"
    "   JobState={state} Reason=None Dependency=(null)\n"
    "   Requeue=1 Restarts=0 BatchFlag=1 Reboot=0 ExitCode={code}\n   RunTime=00:31:00 TimeLimit=01:00:00\n"
)
SEFF = (
    "Job ID: 4711\nCluster: c\nUser/Group: me/me\nState: {state} (exit code {exit})\nNodes: 1\nCores per node: 8\n"
    "CPU Utilized: 01:02:11\nCPU Efficiency: 14.10% of 07:16:00 core-walltime\nJob Wall-clock time: 00:54:30\n"
    "Memory Utilized: 63.90 GB\nMemory Efficiency: 99.90% of 64.00 GB\n"
)
FORMS = {"sacct": TABLE, "sacct -P": PARSABLE, "scontrol": SCONTROL, "seff": SEFF}
# State -> as sacct cuts it, exit code, a cause that it may have, facts of it, and facts that it has not.
NODE = {"main.node_failed": True}
LIMIT = {"main.time_limit": True, "main.exit_signal": 15}
STATES = {
    "NODE_FAIL": ("NODE_FAIL", "0:0", "faulty-host-hardware", NODE, ("main.exit_signal", "oom.kills")),
    "BOOT_FAIL": ("BOOT_FAIL", "0:0", "faulty-host-hardware", NODE, ("main.exit_signal", "oom.kills")),
    "TIMEOUT": ("TIMEOUT", "0:0", "external-kill", LIMIT, ("oom.kills", "main.node_failed")),
    "DEADLINE": ("DEADLINE", "0:0", "external-kill", LIMIT, ("oom.kills",)),
    "OUT_OF_MEMORY": ("OUT_OF_ME+", "0:125", "ram-oom-train-worker", {"oom.kills": 1}, ("main.exit_signal",)),
    "PREEMPTED": ("PREEMPTED", "0:0", "external-kill", {"main.exit_signal": 15}, ("main.time_limit", "oom.kills")),
    "CANCELLED by 1000": ("CANCELLED+", "0:0", "external-kill", {"main.exit_signal": 15}, ("main.time_limit",)),
    "FAILED": ("FAILED", "137:0", "ram-oom-train-worker", {"main.exit_signal": 9}, ("main.node_failed",)),
    "COMPLETED": ("COMPLETED", "0:0", None, {}, ("episode.kind", "main.exit_signal", "memory.used_ratio")),
    "RUNNING": ("RUNNING", "0:0", None, {}, ("episode.kind", "main.exit_signal", "memory.used_ratio")),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("state", STATES)
def test_a_state_says_the_same_in_every_form(form: str, state: str) -> None:
    cut, code, cause, expected, absent = STATES[state]
    shown = {"sacct": cut, "scontrol": state.partition(" ")[0], "seff": state.partition(" ")[0]}.get(form, state)
    of_itself = state in ("COMPLETED", "RUNNING", "FAILED")  # otherwise Slurm ended the step
    text = FORMS[form].format(
        state=shown, code=code, exit=code.partition(":")[0], step=shown if of_itself else "CANCELLED",
        stepcode=code if of_itself else "0:15",
    )  # fmt: skip
    for whole in (text, f"me@login:~$ {form} 4711\n{text}", f"```\n{text}```\n"):
        found = {name: hit.value for name, hit in facts_of(whole).items()}
        assert expected.items() <= found.items()
        assert not [name for name in absent if name in found]
        assert accuses(facts_of(whole)) == (cause is not None)
    verdicts = {verdict.cause: verdict.verdict for verdict in diagnosed(stated(facts_of(text))).verdicts}
    assert cause is None or verdicts[cause] != "excluded"
    assert "main.node_failed" not in expected or verdicts["external-kill"] == "excluded"


@pytest.mark.parametrize(
    ("row", "signal"),
    [
        ("77   train   FAILED   00:11:00   1:0", None),  # a length is no exit code
        ("77   train   FAILED   00:11:00   0:11", 11),
        ("77|FAILED|00:31:00|139:0", 11),
        ("77|train_TIMEOUT|COMPLETED|00:31:00|0:0", None),  # a name is no state
    ],
)
def test_only_the_exit_code_tells_the_signal(row: str, signal: int | None) -> None:
    found = facts_of(row)
    assert (found["main.exit_signal"].value if "main.exit_signal" in found else None) == signal
    assert "main.time_limit" not in found


STEP = "slurmstepd: error: *** JOB 4711 ON n12 CANCELLED AT 2024-01-12T10:00:00 DUE TO {} ***\n"
LOG = "2024-01-12 09:40:29.517981: Epoch 12\n2024-01-12 09:59:29.517981: train_loss -0.71\n"


@pytest.mark.parametrize("lines", ["", LOG])
def test_a_failed_node_sent_no_signal(lines: str, tmp_path: Path) -> None:
    for why, signal in (("NODE FAILURE, SEE SLURMCTLD LOG FOR DETAILS", None), ("TIME LIMIT", 15)):
        path = tmp_path / "slurm-4711.out"
        path.write_text(lines + STEP.format(why))
        (diagnosis,) = diagnose_target(str(path), tell_observed=lambda _: None).diagnoses
        facts = {fact.name: fact.value for fact in diagnosis.facts if fact.status == "known"}
        assert (facts.get("main.exit_signal"), facts.get("main.node_failed")) == (signal, None if signal else True)
        kill = next(verdict for verdict in diagnosis.verdicts if verdict.cause == "external-kill")
        assert (kill.verdict == "excluded") == (signal is None)


def test_a_container_that_was_killed_is_read_in_the_list_of_containers() -> None:
    head = "CONTAINER ID   IMAGE     COMMAND    CREATED       STATUS                       PORTS     NAMES\n"
    row = '3f2a1b4c5d6e   nnunet    "train"    2 hours ago   {}             n1\n'
    assert facts_of(head + row.format("Exited (137) 3 minutes ago"))["main.exit_signal"].value == 9
    for status in ("Exited (0) 3 minutes ago", "Up 2 hours"):
        assert not accuses(facts_of(head + row.format(status)))
