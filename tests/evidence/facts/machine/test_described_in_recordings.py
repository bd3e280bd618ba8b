"""What people describe (iowait, CPU of a worker, memory of the machine, pauses) is also read from a recording."""

from __future__ import annotations

from pathlib import Path

import pytest

from holter.detectors.pauses import REASON
from holter.diagnosis.targets import read_tape
from holter.evidence.fact_book import FactBook
from holter.evidence.facts.machine.freezer import collect
from holter.evidence.window import Window
from holter.records import Episode, Fact, Tick
from holter.tape import Recording

TAPES = Path(__file__).parents[3] / "tapes"


def facts_of(tape: str) -> dict[str, Fact]:
    result = read_tape(TAPES / tape)
    return {fact.name: fact for fact in result.diagnoses[0].facts}


def test_iowait_and_the_cpu_of_one_worker_are_known() -> None:
    facts = facts_of("cpu_starved_augmentation/heavy_augmentation.holter")
    assert facts["cpu.iowait_ratio"].value == pytest.approx(0.0, abs=0.05)
    each, all_workers = facts["workers.cpu_each"].value, facts["workers.cpu_ratio"].value
    count = facts["workers.count"].value
    assert isinstance(each, float) and isinstance(all_workers, float) and isinstance(count, int)
    assert each == pytest.approx(all_workers / count, abs=0.2)


def test_growth_of_the_machine_is_beside_that_of_the_processes() -> None:
    facts = facts_of("slow_storage/disk_hangs.holter")
    assert isinstance(facts["memory.machine_growth_bytes_per_h"].value, float)
    short = facts_of("process_limit/limit_address_space.holter")
    assert short["memory.machine_growth_bytes_per_h"].status == "unknown"


def test_a_run_without_pauses_has_none_every_n_steps() -> None:
    assert facts_of("slow_storage/disk_hangs.holter")["pauses.every_steps"].status == "not-applicable"


def test_pauses_come_every_so_many_steps() -> None:
    # Six pauses of 10 s in 10 minutes; a step takes 0.5 s: 540 s of work are 1080 steps.
    reason = REASON(count=6, each=10.0, span=600.0, part=0.1, usual=0.5)
    episode = Episode(kind="slow-down", start_s=0.0, alarm_s=600.0, detector="pauses", reason=reason)
    book = FactBook()
    collect(Window(Recording(all_ticks=(Tick(t_s=0.0), Tick(t_s=600.0))), episode), book)
    assert book.value("pauses.every_steps") == 180


def test_a_limit_that_is_set_is_known_and_one_that_is_not_does_not_apply() -> None:
    facts = facts_of("process_limit/limit_address_space.holter")
    stated = {name: facts[name].status for name in ("limit.address_space_bytes", "limit.cpu_time_s")}
    assert "known" in stated.values()
    assert facts_of("slow_storage/disk_hangs.holter")["limit.address_space_bytes"].status == "not-applicable"
