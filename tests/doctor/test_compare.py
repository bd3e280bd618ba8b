"""Two machines are told apart by what matters, the most telling first."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from doctor.scene import GIB, said, spoil, well, with_variables
from holter.doctor.checks import examine
from holter.doctor.compare import compare, read_report
from holter.doctor.comparison_table import fact_title
from holter.doctor.records import Survey
from holter.doctor.terminal import as_json
from holter.errors import BadInput


def guest() -> Survey:
    """The same training in a virtual machine: a vGPU without a licence, fewer cores, another driver."""
    found = spoil(well(), "gpu", virtualization="vgpu", licence_stage="unlicensed-unrestricted", name="GRID T4-8Q")
    found = spoil(found, "gpu", memory_total_bytes=8 * GIB, pcie_width=None, clock_reasons=None, driver="535.54.03")
    return spoil(found, "cgroup", effective_cpus=12.0)


def test_workstation_and_virtual_machine_differ_first_in_the_licence() -> None:
    differences = compare(well(), guest())
    assert (differences[0].fact, differences[0].second, differences[0].worse) == (
        "check.vgpu-licence",
        "no-go",
        "second",
    )
    assert {"gpu.licence_stage", "gpu.driver", "cpu.effective"} <= {difference.fact for difference in differences}


def test_exchanging_the_machines_exchanges_the_columns() -> None:
    there, back = compare(well(), guest()), compare(guest(), well())
    assert [(difference.fact, difference.first, difference.second) for difference in there] == [
        (difference.fact, difference.second, difference.first) for difference in back
    ]
    other = {"first": "second", "second": "first", "unclear": "unclear"}
    assert [difference.worse for difference in there] == [other[difference.worse] for difference in back]


def test_a_machine_does_not_differ_from_itself_on_another_day() -> None:
    later = spoil(well(), "folder:preprocessed", read_latency_s=1.2e-4, read_bytes_per_s=2.2 * GIB)
    later = spoil(later, "host", memory_available_bytes=110 * GIB)
    assert compare(well(), later) == ()


def test_what_is_unknown_on_one_side_accuses_nobody() -> None:
    blind = spoil(well(), "survey", cgroup=None)
    found = [
        difference for difference in compare(well(), blind) if difference.fact in ("cpu.effective", "check.cpu-cores")
    ]
    assert [(difference.second, difference.worse) for difference in found] == [("", "unclear"), ("unknown", "unclear")]


def test_a_variable_that_is_not_set_is_known_not_to_be() -> None:
    found = compare(well(), with_variables(well(), nnUNet_n_proc_DA=None))
    assert [
        (difference.first, difference.second) for difference in found if difference.fact == "setting.nnUNet_n_proc_DA"
    ] == [("12", "unset")]


def test_a_report_is_read_back_as_it_was(tmp_path: Path) -> None:
    file, survey = tmp_path / "a.json", guest()
    file.write_bytes(msgspec.json.encode(as_json(examine(survey), "en")))
    assert read_report(file) == survey


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"schema": "holter-diagnosis/1"}', '{"schema": "holter-doctor/1", "survey": {"host": 3}}'],
)
def test_another_file_is_refused_by_name(content: str, tmp_path: Path) -> None:
    file = tmp_path / "b.json"
    file.write_text(content)
    with pytest.raises(BadInput, match=r"b\.json"):
        read_report(file)


def test_every_fact_has_a_name_in_both_languages() -> None:
    for difference in compare(well(), Survey(asked=well().asked)):
        assert fact_title(difference, "en") != difference.fact
        assert fact_title(difference, "zh") != difference.fact
    assert said(well(), "cpu-cores").state == "go"


def test_the_result_of_a_check_keeps_its_name_in_the_json_output() -> None:
    (licence, *_) = compare(well(), guest())
    assert msgspec.to_builtins(licence)["told"]["check"] == "vgpu-licence"
