"""What the contract says of nnU-Net and of a GPU holds for every episode after it."""

from __future__ import annotations

import pytest

from holter.evidence import collect
from holter.records import Ability, ContractSettled, Episode, Tick
from holter.tape import Recording

EPISODE = Episode(kind="stall", start_s=900.0, alarm_s=910.0, subject="main (PID 7)", pid=7)


@pytest.mark.parametrize(("settled_s", "known"), [(60.0, True), (2000.0, None)])
def test_a_log_and_a_gpu_that_were_seen_are_there(settled_s: float, known: bool | None) -> None:
    sees = (Ability(name="log", can=True), Ability(name="gpu", can=True, what="A100"))
    contract = ContractSettled(t_s=settled_s, sees=sees, does=())
    recording = Recording(all_ticks=(Tick(t_s=settled_s, events=(contract,)), Tick(t_s=910.0)))
    evidence = collect(recording, EPISODE)
    assert (evidence.fact("scope.nnunet").value, evidence.fact("scope.gpu").value) == (known, known)
