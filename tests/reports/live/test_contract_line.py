"""What is printed of the contract: short, nothing twice, every reason in the report."""

from __future__ import annotations

import msgspec
import pytest
from rich.cells import cell_len

from holter.probes.gpu.gpu import NO_DRIVER
from holter.records import Ability, ContractSettled, Environment, Message, Tick
from holter.reports.catalogue import phrase
from holter.reports.html.facts import environment, unseen
from holter.reports.json.as_json import to_json
from holter.reports.live import lines as live
from holter.reports.live.contract import rows
from holter.supervisor.recording import abilities, no_hook
from holter.supervisor.recording.abilities import ONLY_WATCHES
from holter.supervisor.recording.no_hook import NOTHING_IMPORTED
from holter.tape import Recording
from holter.texts.resume_command import NO_TRAINING, SHELL_SCRIPT


def terms(*, can: bool, why_not=abilities.NOT_NNUNET, t_s: float = 60.0) -> ContractSettled:
    does = tuple(
        Ability(
            name=name,
            can=can,
            what="nnUNetv2_train 4 2d 0 --c" if can and name == "restart" else None,
            why_not=None if can else why_not(),
        )
        for name in ("replace-workers", "save", "restart")
    )
    return ContractSettled(t_s=t_s, sees=(Ability(name="stacks", can=True),), does=does)


def test_what_can_be_done_from_now_on_is_said() -> None:
    told = live.contract(terms(can=True), terms(can=False), "en")
    assert told == ("from now on Holter can replace workers, save checkpoints, restart with: nnUNetv2_train 4 2d 0 --c")


def test_where_nothing_can_be_done_the_consequences_are_said() -> None:
    told = live.contract(terms(can=False), None, "en")
    assert told == "sees stacks. If a worker freezes or dies, Holter can only tell you, and it saves no checkpoints."
    assert live.contract(terms(can=False, why_not=ONLY_WATCHES), None, "en") == (
        "sees stacks. It only watches; holter train, or run --heal, acts."
    )


def able(**why_not: Message | str | None) -> tuple[Ability, ...]:
    """Abilities by name: None for one that is there, which one it is, or why it is missing."""
    return tuple(
        Ability(name=name.replace("_", "-"), can=False, why_not=why)  # type: ignore[arg-type]
        if isinstance(why, Message)
        else Ability(name=name.replace("_", "-"), can=True, what=why)  # type: ignore[arg-type]
        for name, why in why_not.items()
    )


NO_GPU = abilities.NO_GPU(why=NO_DRIVER())
TRAINING = {"heartbeat": None, "loader": "batchgenerators", "log": None, "exceptions": None, "stacks": None}
OF_MACHINE = {"gpu": NO_GPU, "kernel_log": None, "endings": abilities.ENDINGS_UNSEEN(), "results": None}
ON_CPU = able(**TRAINING, **OF_MACHINE)
SCRIPT = able(
    heartbeat=NOTHING_IMPORTED(),
    loader=abilities.NO_LOADER(),
    log=abilities.NO_LOG(),
    exceptions=None,
    stacks=None,
    **{**OF_MACHINE, "results": abilities.NO_RESULTS()},
)
LOST = able(
    heartbeat=no_hook.SITE_SKIPPED(),
    loader="forked",
    log=None,
    exceptions=abilities.CONSOLE_UNREAD(),
    stacks=None,
    **OF_MACHINE,
)
WATCHED = able(replace_workers=ONLY_WATCHES(), save=ONLY_WATCHES(), restart=ONLY_WATCHES())
CONTINUES = "nnUNetv2_train Dataset004_Hippocampus 3d_fullres 0 --c"


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize(
    ("sees", "does"),
    [
        (
            able(**TRAINING, **{**OF_MACHINE, "gpu": "NVIDIA H200"}),
            able(replace_workers=None, save=None, restart=CONTINUES),
        ),
        (ON_CPU, able(replace_workers=None, save=None, restart="holter train 4 2d 0")),
        (ON_CPU, able(replace_workers=None, save=None, restart=SHELL_SCRIPT())),
        (ON_CPU, WATCHED),
        (SCRIPT, WATCHED),
        (SCRIPT, able(replace_workers=NOTHING_IMPORTED(), save=NOTHING_IMPORTED(), restart=NO_TRAINING())),
        (LOST, able(replace_workers=no_hook.SITE_SKIPPED(), save=no_hook.SITE_SKIPPED(), restart=CONTINUES)),
        (able(**{**TRAINING, "heartbeat": no_hook.ATTACHED(), "loader": "forked"}, **OF_MACHINE), WATCHED),
    ],
    ids=["train", "train-cpu", "bash", "run", "script", "script-heal", "lost-hook", "attach"],
)
def test_what_is_printed_has_at_most_three_rows_and_nothing_twice(sees, does, lang) -> None:
    settled = ContractSettled(t_s=60.0, sees=sees, does=does)
    told = live.contract(settled, None, lang)
    assert told is not None and sum(-(-cell_len(line) // 80) for line in told.splitlines()) <= 3
    for ability in (*sees, *does):
        assert ability.why_not is None or told.count(phrase(ability.why_not, lang)) <= 1
    full = dict(rows(settled, lang))
    assert len(full) == len(sees) + len(does), "each has its own name"
    assert all(
        phrase(ability.why_not, lang) in " ".join(full.values())
        for ability in (*sees, *does)
        if ability.why_not is not None
    )


def test_a_training_that_has_not_shown_its_loader_yet_has_lost_no_hook() -> None:
    sees = able(**{**TRAINING, "loader": abilities.NO_LOADER(), "log": abilities.NO_LOG()}, **OF_MACHINE)
    does = able(replace_workers=abilities.NO_LOADER(), save=None, restart=CONTINUES)
    told = live.contract(ContractSettled(t_s=60.0, sees=sees, does=does), None, "en")
    assert told is not None and "exceptions, stacks" in told and CONTINUES in told
    cannot = able(replace_workers=abilities.NOT_NNUNET(), save=abilities.NOT_NNUNET(), restart=CONTINUES)
    told = live.contract(ContractSettled(t_s=60.0, sees=sees, does=cannot), None, "en")
    assert told is not None and "exceptions, stacks" in told and CONTINUES in told


def test_what_is_not_seen_of_a_script_is_its_training_and_the_report_says_each_reason() -> None:
    settled = ContractSettled(t_s=60.0, sees=SCRIPT, does=WATCHED)
    assert live.contract(settled, None, "en") == (
        "sees exceptions, stacks, kernel log; not: the training (so far the program used no nnunetv2, "
        "batchgenerators or DataLoader), GPU, exit codes. It only watches; holter train, or run --heal, acts."
    )
    recording = Recording(
        all_ticks=(Tick(t_s=60.0, events=(settled,)),), environment=Environment(wall_start="2026-11-28T00:00:00+00:00")
    )
    ((_, shown),) = [group for group in environment(recording, "en") if group[0] == "What Holter could see and do"]
    assert ("training log", "no: no training log of nnU-Net was found") in shown and ("stacks", "yes") in shown
    unhooked = msgspec.structs.replace(recording.environment, hooked=False)
    for sees, is_said in ((SCRIPT, True), (ON_CPU, False)):  # the trainer may end before it reports anything
        terms_of_run = ContractSettled(t_s=60.0, sees=sees, does=WATCHED)
        ended = Recording(all_ticks=(Tick(t_s=60.0, events=(terms_of_run,)),), environment=unhooked)
        assert any("without Holter's hook" in line for line in unseen(ended, "en")) == is_said
    document = to_json((), "en", recording=recording)
    assert document["contract"][0] == {
        "name": "heartbeat",
        "can": False,
        "what": None,
        "why_not": "so far the program used no nnunetv2, batchgenerators or DataLoader",
    }


def test_the_data_sets_whose_workers_can_be_replaced_are_named() -> None:
    replaces = Ability(name="replace-workers", can=True, what="Slices, Volumes")
    settled = ContractSettled(t_s=60.0, sees=(Ability(name="loader", can=True, what="torch"),), does=(replaces,))
    assert live.contract(settled, None, "en") == (
        "sees PyTorch DataLoader workers. Can replace workers of: Slices, Volumes."
    )


def test_why_workers_of_this_loader_are_not_replaced_is_said_and_of_checkpoints_nothing() -> None:
    why = abilities.LOADER_REFUSED(why="its batches depend on their order")
    does = able(replace_workers=why, save=abilities.NOT_NNUNET(), restart="python train.py --resume")
    settled = ContractSettled(t_s=60.0, sees=able(heartbeat=None, loader="torch", stacks=None), does=does)
    told = live.contract(settled, None, "en")
    assert told is not None and told.endswith(
        "If a worker freezes or dies, Holter can only tell you: workers of PyTorch's DataLoader are not replaced here: "
        "its batches depend on their order. Holter saves no checkpoints here."
    )
